//go:build !linux

package main

func playedOnLinux() bool { return false }

func cleanUp() {}
