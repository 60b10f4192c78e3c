// Package wake tells when the computer was asleep, when its network has
// changed, and when another process has changed our files.
package wake

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"sort"
	"time"
)

// Event says what has happened; more than one may have.
type Event struct{ Woke, Network, Files bool }

// Every is how often the portable watch looks. It is the floor under the
// system's own notices, which come at once where there are any.
const Every = 5 * time.Second

// asleep is by how much the wall clock must have run ahead of the monotonic
// one, which stands still in sleep (mach_absolute_time on macOS,
// CLOCK_MONOTONIC on Linux).
const asleep = 3 * time.Second

// Watch reports events until ctx ends. Files are watched by their status, so
// that a file that is not there yet counts too. kicks are the system's own
// notices; nil is none. report is called from this goroutine.
func Watch(ctx context.Context, kicks <-chan Event, files []string, report func(Event)) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	begin := time.Now()
	w := watcher{wall: begin.Round(0), network: fingerprint(), files: stamps(files)}
	for {
		var e Event
		select {
		case <-ctx.Done():
			return
		case e = <-kicks:
		case <-tick.C:
		}
		now := time.Now()
		// Round(0) strips the monotonic reading, which Sub uses where both have one.
		if e = w.look(e, now.Round(0), now.Sub(begin), files); e != (Event{}) {
			report(e)
		}
	}
}

// watcher is what was there when it looked last.
type watcher struct {
	wall    time.Time     // by the clock on the wall
	mono    time.Duration // by the one that stands still in sleep
	network uint64
	files   string
}

// look adds to e what has changed since the last time.
func (w *watcher) look(e Event, wall time.Time, mono time.Duration, files []string) Event {
	if wall.Sub(w.wall)-(mono-w.mono) > asleep {
		e.Woke = true
	}
	w.wall, w.mono = wall, mono
	if f := fingerprint(); f != w.network {
		w.network, e.Network = f, true
	}
	if s := stamps(files); s != w.files {
		w.files, e.Files = s, true
	}
	return e
}

// fingerprint covers the interfaces that are up and their IPv4 addresses; the
// temporary IPv6 ones change by themselves.
func fingerprint() uint64 {
	list, err := net.Interfaces()
	if err != nil {
		return 0
	}
	var rows []string
	for _, i := range list {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() != nil {
				rows = append(rows, fmt.Sprintf("%d %s %s\n", i.Index, i.Name, a))
			}
		}
	}
	sort.Strings(rows)
	h := fnv.New64a()
	for _, r := range rows {
		_, _ = h.Write([]byte(r)) // never fails (hash.Hash)
	}
	return h.Sum64()
}

func stamps(files []string) string {
	s := ""
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			s += fmt.Sprintf("%d %d,", st.ModTime().UnixNano(), st.Size())
		} else {
			s += "-,"
		}
	}
	return s
}
