package agent_test

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"healthsync/app/agent"
	"healthsync/app/pairing"
	"healthsync/app/state"
	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
)

// Thirty days of an app whose iPhone gets another address, and another
// certificate for it, fifty times, and whose Mac sleeps twenty times (with
// HEALTHSYNC_SOAK=1 five hundred and two hundred): real TLS, a real database,
// simulated time. Afterwards there are as many goroutines and open files as
// after the first days.
func TestSoak(t *testing.T) {
	moves, sleeps := 50, 20
	switch {
	case os.Getenv("HEALTHSYNC_SOAK") == "1":
		moves, sleeps = 500, 200 // most of a minute
	case testing.Short():
		moves, sleeps = 10, 5
	}
	m := newMac(t)
	var err error
	m.phone.Stop()
	m.phone, err = simulator.New(simulator.Options{NoRateLimit: true, Now: m.now})
	must(t, err)
	must(t, m.phone.Start("127.0.0.1:0"))
	t.Cleanup(func() { m.phone.Stop() })
	m.pair()
	must(t, os.WriteFile(m.paths.ConfigFile(), []byte(`{"sync":{"interval":"1d"}}`), 0o600))
	m.listen, m.links = m.announcements, pairing.LinkOptions{Finder: nobody{}}
	m.start(nil)
	m.until("the first sync", connected)

	r := rand.New(rand.NewPCG(1, 2))
	const month = 30 * 24 * time.Hour
	events := moves + sleeps
	var goroutines, files int
	count := func() (int, int) {
		entries, _ := os.ReadDir("/proc/self/fd")
		return runtime.NumGoroutine(), len(entries)
	}
	addr := "127.0.0.1"
	followed := 0
	for n := range events {
		m.ahead.Add(int64(month / time.Duration(events)))
		if r.IntN(events-n) < sleeps { // asleep for a night; the iPhone is there afterwards
			sleeps--
			m.a.Tell(agent.Woke{})
		} else {
			if runtime.GOOS == "linux" { // which has all of 127.0.0.0/8
				addr = netip.AddrFrom4([4]byte{127, 0, byte(r.IntN(4)), byte(1 + r.IntN(250))}).String()
			}
			m.phone.Stop()
			must(t, m.phone.Start(addr+":0"))
			must(t, m.phone.Reissue([]string{"anas-iphone.local"}, []netip.Addr{netip.MustParseAddr(addr)}))
			followed++
			i := m.announced(bonjour.Changed)
			i.Instance.Addrs = []netip.Addr{netip.MustParseAddr(addr)}
			m.say <- i
			want := m.phone.Addr().String()
			m.until("it at "+want, func(s state.State) bool {
				return s.Link == state.LinkConnected && s.Host == addr && s.Port == m.phone.Port()
			})
		}
		if n == events/10 { // after three days
			goroutines, files = count()
		}
	}
	if got := strings.Count(m.log.String(), "followed the iPhone"); got != followed {
		t.Errorf("followed %d times, want %d", got, followed)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		g, f := count()
		if g <= goroutines && f <= files {
			t.Logf("%d moves, %d events, 30 days: %d goroutines (%d after three days), %d files (%d)", followed, events, g, goroutines, f, files)
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d files, after three days %d and %d\n%s", g, f, goroutines, files, buf[:runtime.Stack(buf, true)])
		}
	}
}
