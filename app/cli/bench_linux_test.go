package cli_test

import "syscall"

// maxRSS is in kilobytes on Linux (getrusage(2)).
func maxRSS(u *syscall.Rusage) int64 { return u.Maxrss << 10 }
