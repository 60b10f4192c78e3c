package cli_test

import (
	"os/exec"
	"syscall"
)

// runMeasured runs a command and gives its peak resident memory in bytes
// (getrusage(2) counts bytes on macOS).
func runMeasured(cmd *exec.Cmd) (rss int64, err error) {
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss, err
}
