package control

import "net"

// listenPrivate leaves it to the rights of the user's folder.
func listenPrivate(path string) (net.Listener, error) { return net.Listen("unix", path) }

func checkPrivate(string) error { return nil }

func mayTalk(net.Conn) bool { return true }
