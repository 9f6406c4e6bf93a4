package control

import "net"

// mayTalk leaves it to the mode of the socket's file.
func mayTalk(net.Conn) bool { return true }
