//go:build linux

package menubar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMeasure prints the figures of docs/performance.md. HEALTHSYNC_MEASURE is
// how long to look at an idle app ("2m").
func TestMeasure(t *testing.T) {
	idle, err := time.ParseDuration(os.Getenv("HEALTHSYNC_MEASURE"))
	if err != nil {
		t.Skip("figures are taken by: HEALTHSYNC_MEASURE=2m go test -count=1 -v -run TestMeasure ./menubar")
	}
	binary, err := filepath.Abs("../.build/healthsync")
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		t.Fatalf("%v; make build", err)
	}
	d, w := newDay(t)
	d.binary = binary
	if os.Getenv("HEALTHSYNC_MEASURE_BONJOUR") == "1" { // unshare -n: never on a real network
		d.bonjour = ""
	}
	d.begin() // paired below, so that starts have something to read
	<-w.Registered
	d.showCode()
	d.click("From Image File...")
	d.item.WaitFor(t, time.Minute, "Last sync")
	fmt.Printf("RSS after a sync of 90 days: %s\n", d.memory())
	var delays []time.Duration
	for n := range 20 {
		d.phone.SetLocked(n%2 == 0)
		d.click("Check Now")
		_, took := d.item.WaitFor(t, soon, map[bool]string{true: "iPhone - Locked", false: "iPhone - Connected"}[n%2 == 0])
		delays = append(delays, took)
	}
	fmt.Printf("click to the row of the iPhone's answer (two connections of 120 ms each): %s\n", quantiles(delays))
	d.idle("the iPhone present", idle)
	d.phone.Stop()
	d.click("Check Now")
	d.item.WaitFor(t, 30*time.Second, "Not sharing") // Bonjour is listened to first
	d.idle("the iPhone away", idle)
}

// memory reads /proc: what is in memory, and what of it is the process' own
// and not of a file.
func (d *day) memory() string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.app.cmd.Process.Pid))
	if err != nil {
		return err.Error()
	}
	var rss, anon string
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		switch {
		case len(f) > 1 && f[0] == "VmRSS:":
			rss = f[1]
		case len(f) > 1 && f[0] == "RssAnon:":
			anon = f[1]
		}
	}
	mb := func(kb string) float64 { n, _ := strconv.Atoi(kb); return float64(n) / 1024 }
	return fmt.Sprintf("%.1f MB, of which %.1f MB are no file's", mb(rss), mb(anon))
}

// idle measures the processor time of the app while nothing happens.
func (d *day) idle(what string, length time.Duration) {
	time.Sleep(5 * time.Second)
	before := d.ticks()
	time.Sleep(length)
	used := time.Duration(d.ticks()-before) * 10 * time.Millisecond // USER_HZ is 100
	fmt.Printf("idle for %s with %s: %s of the processor, %.3f %%; RSS %s\n", length, what, used, 100*used.Seconds()/length.Seconds(), d.memory())
}

// ticks are user and system time in hundredths of a second (proc(5)).
func (d *day) ticks() int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.app.cmd.Process.Pid))
	must(d.t, err)
	f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}

func quantiles(all []time.Duration) string {
	slices.Sort(all)
	r := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	return fmt.Sprintf("median %s, p95 %s, longest %s (%d times)", r(all[len(all)/2]), r(all[len(all)*95/100]), r(all[len(all)-1]), len(all))
}
