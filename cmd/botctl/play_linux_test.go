package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"botctl/supervisor/lease/leasetest"
)

// playedOnLinux plays what only the tests on Linux need, and does not return then.
func playedOnLinux() bool {
	switch filepath.Base(os.Args[0]) {
	case machineName:
		os.Exit(machineMain())
	case hostRole:
		os.Exit(hostMain())
	case workerName:
		worker()
	}
	return false
}

func cleanUp() { leasetest.CleanUp() }

func decodeBody(r io.Reader, v any) { json.NewDecoder(r).Decode(v) }
