package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// runMeasured runs a command and gives its peak resident memory in bytes.
//
// getrusage(2) is of no use here: what it says of a child begins with the
// memory of the process that forked it (exec_mmap in Linux's fs/exec.c carries
// the old peak over), and that is a simulated iPhone with its whole history.
// VmHWM belongs to the new program alone; it only grows, so reading it often
// enough until the end gives the peak.
func runMeasured(cmd *exec.Cmd) (rss int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return rss, err
		case <-tick.C:
			rss = max(rss, highWater(cmd.Process.Pid))
		}
	}
}

func highWater(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 10, 64)
	return kb << 10
}
