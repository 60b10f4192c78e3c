package cli_test

import "syscall"

// maxRSS is in bytes on macOS (getrusage(2)).
func maxRSS(u *syscall.Rusage) int64 { return u.Maxrss }
