//go:build !linux

package leasetest

import (
	"errors"
	"os"
	"syscall"
)

func endWithUs() *syscall.SysProcAttr { return nil }

func stopProcess(*os.Process) error { return errors.ErrUnsupported }

func continueProcess(*os.Process) error { return errors.ErrUnsupported }
