//go:build !manual

// The runtime would look each second whether the container was given other processors, in an idle supervisor too.
//go:debug updatemaxprocs=0

// Command botctl supervises and launches long-polling Telegram bots.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
