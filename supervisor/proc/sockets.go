package proc

import (
	"errors"
	"time"
)

// Sockets is what the connections of a tree to some peers do.
type Sockets struct {
	Open  int           // established, or being opened
	Quiet time.Duration // the shortest time since data moved on one of them; 0 when none is open
}

// ErrUnreadable says that the connections of a tree cannot be read here.
var ErrUnreadable = errors.New("connections cannot be read")
