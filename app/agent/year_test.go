package agent

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// Two and a half years in the life of a Mac and an iPhone: the Mac sleeps every
// night, the iPhone is out all day, locked half of the evening, and takes
// another port each time. The golden file is every notification that its
// owner got. It is to be read by somebody who asks himself: would I want these?
func TestYear(t *testing.T) {
	l := newLife(t)
	l.story()
	if testing.Short() {
		l.run(time.Date(2026, 9, 1, 12, 0, 0, 0, l.zone))
		want, err := os.ReadFile("testdata/year.golden")
		if err != nil || l.log.Len() < 1000 || !strings.HasPrefix(string(want), l.log.String()) {
			t.Errorf("year.golden does not begin so, %v:\n%s", err, l.log.String())
		}
		return
	}
	l.run(time.Date(2028, 8, 31, 12, 0, 0, 0, l.zone))
	fmt.Fprintf(&l.log, "\n%d notifications, %d syncs, the iPhone was looked for %s\n", l.said, l.syncs, perDay(l.looks, l.now.Sub(l.born)))
	golden(t, "year.golden", l.log.String())
}

func perDay(n int, d time.Duration) string {
	return fmt.Sprintf("%.0f times a day", float64(n)/(d.Hours()/24))
}

// life is a world with a clock that jumps from one thing that happens to the
// next.
type life struct {
	t      *testing.T
	zone   *time.Location
	random *rand.Rand
	born   time.Time
	now    time.Time
	c      *core
	todo   []happening // the earliest first
	asleep bool

	// the pairing
	paired     bool
	protocol   int
	pairedAt   time.Time
	ends       map[string][2]time.Time // credential: from, until
	host       string
	lastHost   string
	lastSync   time.Time
	faultUntil map[problem.Code]time.Time
	silent     []health.Type
	outUntil   time.Time
	shutUntil  time.Time // the Mac
	noRenew    bool      // the iPhone's app does not offer it

	log                strings.Builder
	said, syncs, looks int
	wake               int // counts, so that a late alarm is known as one
}

type happening struct {
	at time.Time
	n  int
	do func()
}

func newLife(t *testing.T) *life {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	here := time.Local // in whose zone people are told of clocks
	time.Local = zone
	t.Cleanup(func() { time.Local = here })
	l := &life{
		t: t, zone: zone, random: rand.New(rand.NewPCG(7, 7)), host: "192.168.1.20", lastHost: "192.168.1.20",
		ends: map[string][2]time.Time{}, faultUntil: map[problem.Code]time.Time{},
	}
	l.born = time.Date(2026, 1, 7, 19, 0, 0, 0, zone)
	l.now = l.born
	l.c = newCore(state.App{PID: 1}, state.MenuState{}, Memory{}, rand.New(rand.NewPCG(3, 4)))
	return l
}

func (l *life) at(at time.Time, do func()) {
	h := happening{at, len(l.todo) + l.looks*64, do}
	i, _ := slices.BinarySearchFunc(l.todo, h, func(a, b happening) int { return cmp.Or(a.at.Compare(b.at), a.n-b.n) })
	l.todo = slices.Insert(l.todo, i, h)
}

// on is the evening of a day, when its owner is at home and does something.
func (l *life) on(year int, month time.Month, day int, what string, do func()) {
	l.at(time.Date(year, month, day, 20, 0, 0, 0, l.zone), func() {
		fmt.Fprintf(&l.log, "%s  . . . %s\n", l.now.Format("2006-01-02 15:04"), what)
		do()
		l.send(FilesChanged{})
	})
}

func (l *life) run(until time.Time) {
	l.nights(until)
	l.perform(l.c.begin(l.now))
	for len(l.todo) > 0 {
		h := l.todo[0]
		l.todo = l.todo[1:]
		if h.at.After(until) {
			return
		}
		l.now = h.at
		h.do()
	}
}

// nights puts the Mac to sleep and wakes it; on Sundays it stays shut.
func (l *life) nights(until time.Time) {
	for d := l.born; d.Before(until); d = d.AddDate(0, 0, 1) {
		l.at(time.Date(d.Year(), d.Month(), d.Day(), 23, 30, 0, 0, l.zone), func() { l.asleep = true })
		wake := time.Date(d.Year(), d.Month(), d.Day()+1, 7, 0, 0, 0, l.zone)
		if wake.Weekday() == time.Sunday {
			continue
		}
		l.at(wake.Add(time.Duration(l.random.IntN(3600))*time.Second), func() {
			if l.now.Before(l.shutUntil) {
				return
			}
			l.asleep = false
			l.send(Woke{})
		})
	}
}

// home reports whether the iPhone is on the network: mornings and evenings.
func (l *life) home() bool {
	h := l.now.Hour()
	return !l.now.Before(l.outUntil) && (h >= 7 && h < 9 || h >= 19 && h < 23)
}

// fault gives what is wrong with the link at the moment, in the words that it
// has in life.
func (l *life) fault() *problem.Error {
	for _, code := range []problem.Code{problem.KeychainLocked, problem.ClockSkew} {
		switch {
		case !l.now.Before(l.faultUntil[code]):
		case code == problem.ClockSkew:
			return problem.Skew(24*time.Hour, l.now.AddDate(0, 0, -1), l.pairedAt)
		default:
			return problem.New(code, "The token is in the Secret Service.", nil)
		}
	}
	if !l.home() {
		return problem.New(problem.PhoneNotFound, "", nil)
	}
	for code, detail := range map[problem.Code]string{problem.HostUnverified: "192.168.1.77:49321 announces the name \"Ana's iPhone\" and has another identity.", problem.CertRevoked: ""} {
		if l.now.Before(l.faultUntil[code]) {
			return problem.New(code, detail, nil)
		}
	}
	for name, span := range l.ends {
		if !l.now.After(span[1]) {
			continue
		}
		if name == "token" {
			return problem.New(problem.TokenExpired, fmt.Sprintf("The pairing ended on %s.", span[1].Format("2 January 2006")), nil)
		}
		whose := map[string]string{"client": "This computer's", "server": "The iPhone's", "ca": "The CA"}[name]
		return problem.New(problem.CertHasExpired, fmt.Sprintf("%s certificate expired on %s.", whose, span[1].Format("2 January 2006")), nil)
	}
	switch l.now.Minute() / 15 { // the app is in the background, then locked
	case 0:
		return problem.New(problem.ConnRefused, "", nil)
	case 1:
		return problem.New(problem.PhoneLocked, "", nil)
	}
	return nil
}

func (l *life) look(off bool) Looked {
	m := Looked{Offline: off, State: state.State{At: l.now, Link: state.LinkNotPaired, SharedTypes: -1, LastSync: l.lastSync, Conditions: []problem.JSON{}}}
	if !l.paired {
		m.Problem = problem.New(problem.NotPaired, "", nil)
		m.State.Conditions = []problem.JSON{m.Problem.JSON()}
		return m
	}
	s := &m.State
	s.Paired, s.PairedAt, s.Device, s.Protocol, s.Link = true, l.pairedAt, "Ana's iPhone", l.protocol, state.LinkDisconnected
	for _, name := range []string{"client", "token", "server", "ca"} {
		if span, ok := l.ends[name]; ok {
			s.Credentials = append(s.Credentials, state.Credential{Name: name, Status: "Valid", NotBefore: span[0], NotAfter: span[1]})
		}
	}
	if off {
		return m
	}
	if m.Problem = l.fault(); m.Problem != nil {
		s.Conditions = append(s.Conditions, m.Problem.JSON())
		s.Link = state.LinkOf(m.Problem)
		return m
	}
	s.Link = state.LinkConnected
	if l.host != l.lastHost {
		l.send(Moved{state.Move{From: l.lastHost + ":49321", To: l.host + ":50777", At: l.now}})
		l.lastHost = l.host
	}
	return m
}

func (l *life) send(m Message) {
	if l.asleep {
		return
	}
	l.perform(l.c.handle(m, l.now))
}

func (l *life) perform(effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Look:
			if !e.Offline {
				l.looks++
			}
			l.later(time.Second, func() { l.send(l.look(e.Offline)) })
		case StartSync:
			l.later(20*time.Second, func() { l.send(l.synced()) })
		case Run:
			l.later(time.Second, func() { l.act(e.Action) })
		case Say:
			l.said++
			fmt.Fprintf(&l.log, "%s  %s\n%18s%s\n", l.now.In(l.zone).Format("2006-01-02 15:04"), e.Notice.Title, "", e.Notice.Body)
		}
	}
	at := l.c.wakeAt(l.now)
	if !at.After(l.now) {
		l.t.Fatalf("at %s it wants to be woken at once, again and again", l.now)
	}
	l.wake++
	n := l.wake
	l.at(at, func() {
		if n == l.wake { // the timer was not set anew
			l.send(Ticked{})
		}
	})
}

// later is work that takes its time; it goes on after a sleep.
func (l *life) later(d time.Duration, do func()) {
	l.at(l.now.Add(d), func() {
		if l.asleep {
			l.later(time.Minute, do)
			return
		}
		do()
	})
}

func (l *life) synced() SyncDone {
	l.syncs++
	if problem := l.fault(); problem != nil {
		return SyncDone{Problem: problem}
	}
	if l.now.Before(l.faultUntil[problem.DiskFull]) {
		return SyncDone{Problem: problem.New(problem.DiskFull, "There is no room left for /home/ana/.local/share/healthsync/health.db.", nil)}
	}
	l.lastSync = l.now
	return SyncDone{Result: engine.Result{Counts: store.Counts{Added: 100}, Silent: l.silent}}
}

func (l *life) act(a problem.Action) {
	if a.Name == problem.ActRenew {
		if l.noRenew && l.home() {
			l.send(Done{Action: a, Problem: problem.New(problem.RenewUnavailable, "This iPhone app does not offer it.", nil)})
			return
		}
		if l.protocol == 2 && l.home() {
			l.ends["client"] = [2]time.Time{l.now, l.now.AddDate(1, 0, 0)}
			fmt.Fprintf(&l.log, "%s  . . . the app renews the Mac's certificate, without a word\n", l.now.Format("2006-01-02 15:04"))
		} else {
			l.send(Done{Action: a, Problem: problem.New(problem.TimedOut, "", nil)})
			return
		}
	}
	l.send(Done{Action: a})
}

// pair pairs anew.
func (l *life) pair(protocol int) {
	l.paired, l.protocol, l.pairedAt = true, protocol, l.now
	l.faultUntil = map[problem.Code]time.Time{}
	year := [2]time.Time{l.now, l.now.AddDate(1, 0, 0)}
	if protocol == 1 {
		l.ends = map[string][2]time.Time{"token": {l.now, l.now.AddDate(0, 0, 30)}}
		return
	}
	l.ends = map[string][2]time.Time{"client": year, "server": year, "ca": {l.now, l.now.AddDate(5, 0, 0)}}
}

func (l *life) lasts(code problem.Code, d time.Duration) { l.faultUntil[code] = l.now.Add(d) }

func (l *life) story() {
	l.on(2026, 1, 7, "Ana pairs the iPhone (protocol 1, a token of 30 days)", func() { l.pair(1) })
	l.on(2026, 2, 4, "Ana pairs again, two days before the end", func() { l.pair(1) })
	l.on(2026, 3, 9, "Ana pairs again, three days too late", func() { l.pair(1) })
	l.on(2026, 3, 25, "the iPhone app is updated; Ana pairs again (protocol 2)", func() { l.pair(2) })
	l.on(2026, 5, 3, "a new router: the iPhone has another address", func() { l.host = "10.0.0.7" })
	l.on(2026, 5, 4, "the iPhone's address changes once more", func() { l.host = "10.0.0.9" })
	l.on(2026, 5, 20, "and back", func() { l.host = "10.0.0.7" })
	l.on(2026, 6, 2, "the keychain stays locked for an hour after an update", func() { l.lasts(problem.KeychainLocked, time.Hour) })
	l.on(2026, 6, 3, "the keychain is locked for a minute after the login", func() { l.lasts(problem.KeychainLocked, time.Minute) })
	l.on(2026, 7, 10, "two weeks of holidays: the iPhone is away, the Mac at home", func() { l.outUntil = l.now.AddDate(0, 0, 14) })
	l.on(2026, 8, 12, "a clumsy thumb revokes the Mac in the iPhone's app", func() { l.lasts(problem.CertRevoked, 1000*time.Hour) })
	l.on(2026, 8, 15, "Ana pairs again", func() { l.pair(2) })
	l.on(2026, 9, 5, "another device on the network takes the iPhone's name for two hours", func() { l.lasts(problem.HostUnverified, 2*time.Hour) })
	l.on(2026, 10, 1, "the Health permission for heart rates is taken away", func() { l.silent = []health.Type{health.HeartRate, health.RestingHeartRate} })
	l.on(2026, 10, 3, "and given again", func() { l.silent = nil })
	l.on(2026, 11, 11, "the disk is full until the next evening", func() { l.lasts(problem.DiskFull, 24*time.Hour) })
	l.on(2026, 12, 24, "the Mac's clock is a day wrong for an hour, after a flat battery", func() { l.lasts(problem.ClockSkew, time.Hour) })
	l.on(2027, 2, 10, "the Mac stays shut for two weeks", func() {
		l.shutUntil = l.now.AddDate(0, 0, 14)
		l.at(l.now.Add(time.Minute), func() { l.asleep = true })
	})
	l.on(2027, 6, 1, "the iPhone's app makes itself a new certificate", func() {
		l.ends["server"] = [2]time.Time{l.now, l.now.AddDate(1, 0, 0)}
	})
	l.on(2027, 10, 1, "an update of the iPhone's app takes away that certificates are renewed", func() { l.noRenew = true })
	l.on(2028, 5, 10, "Ana opens the iPhone's app, which makes itself a new certificate", func() {
		l.ends["server"] = [2]time.Time{l.now, l.now.AddDate(1, 0, 0)}
	})
	l.on(2028, 7, 20, "Ana pairs again, back from a journey", func() { l.noRenew = false; l.pair(2) })
}
