//go:build !manual

// Command botctl supervises and launches long-polling Telegram bots.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
