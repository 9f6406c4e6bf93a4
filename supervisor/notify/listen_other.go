//go:build !linux

package notify

import "errors"

// Listener does nothing here: the kernel does not vouch for a sender.
type Listener struct{}

// Listen always fails here.
func Listen(string) (*Listener, error) {
	return nil, errors.New("notify socket: this system does not tell who sends")
}

// Addr is empty.
func (*Listener) Addr() string { return "" }

// Next always fails.
func (*Listener) Next() (Message, int, error) { return Message{}, 0, errors.ErrUnsupported }

// Close does nothing.
func (*Listener) Close() {}
