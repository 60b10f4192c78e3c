package pairing

import (
	"errors"
	"syscall"
)

// denied reports the mark of a program that may not use the local network: a
// device of the same network to which there is "no route" (Apple's technote
// TN3179). A device that is merely away is "down" there.
func denied(err error, onLink bool) bool { return onLink && errors.Is(err, syscall.EHOSTUNREACH) }
