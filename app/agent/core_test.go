package agent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

var start = time.Date(2026, 1, 7, 8, 0, 0, 0, time.UTC)

// stage is a core with a clock, for telling stories.
type stage struct {
	t   *testing.T
	c   *core
	now time.Time
}

func newStage(t *testing.T) *stage {
	return &stage{t: t, now: start, c: newCore(state.App{PID: 1}, state.MenuState{}, Memory{}, rand.New(rand.NewPCG(1, 2)))}
}

// send sends a message and names the effects; notes and memory are left out.
func (s *stage) send(m Message) string {
	s.t.Helper()
	var names []string
	for _, e := range s.c.handle(m, s.now) {
		switch e := e.(type) {
		case Save, Say:
		case Look:
			names = append(names, map[bool]string{true: "look offline", false: "look"}[e.Offline])
		case Run:
			names = append(names, "run "+e.Action.Name)
		default:
			names = append(names, strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", e), "agent.")))
		}
	}
	if at := s.c.wakeAt(s.now); !at.After(s.now) {
		s.t.Errorf("after %T it wants to be woken at once, again and again", m)
	}
	return strings.Join(names, ", ")
}

func (s *stage) want(m Message, effects string) {
	s.t.Helper()
	if got := s.send(m); got != effects {
		s.t.Errorf("%T at %s: %q, want %q", m, s.now.Format(time.TimeOnly), got, effects)
	}
}

func (s *stage) phase(want Phase) {
	s.t.Helper()
	if s.c.phase != want {
		s.t.Errorf("the phase is %s, want %s", s.c.phase, want)
	}
}

func click(name string) Clicked { return Clicked{problem.Action{Name: name}} }

// pass lets time pass up to the next thing to do.
func (s *stage) pass(d time.Duration) { s.now = s.now.Add(d) }

// settle lets the time take its effect, every look answered by an iPhone that is
// well, and names the effects.
func (s *stage) settle() string {
	all := ""
	for todo := s.send(Ticked{}); todo != ""; {
		all += todo + " "
		switch {
		case strings.Contains(todo, "look offline"):
			todo = s.send(offline(start))
		case strings.Contains(todo, "look"):
			todo = s.send(seen("", start))
		default:
			todo = ""
		}
	}
	return all
}

// seen is a look that found the iPhone so; code "" is connected.
func seen(code problem.Code, lastSync time.Time) Looked {
	st := state.State{
		At: start, Link: state.LinkConnected, Paired: true, PairedAt: start.Add(-time.Hour), Device: "Ana's iPhone", Protocol: 2, LastSync: lastSync,
		Conditions:  []problem.JSON{},
		Credentials: []state.Credential{{Name: "client", NotBefore: start.Add(-time.Hour), NotAfter: start.AddDate(1, 0, 0)}},
	}
	m := Looked{State: st}
	if code != "" {
		m.Problem = problem.New(code, "", nil)
		m.State.Link, m.State.Conditions = state.LinkOf(m.Problem), []problem.JSON{m.Problem.JSON()}
	}
	return m
}

func offline(lastSync time.Time) Looked {
	m := seen("", lastSync)
	m.Offline, m.State.Link = true, state.LinkDisconnected
	return m
}

func unpaired() Looked {
	e := problem.New(problem.NotPaired, "", nil)
	return Looked{State: state.State{At: start, Link: state.LinkNotPaired, Conditions: []problem.JSON{e.JSON()}}, Problem: e, Offline: true}
}

// begin brings the stage to Connected, the last sync just over.
func begin(t *testing.T) *stage {
	s := newStage(t)
	s.c.begin(s.now)
	s.want(offline(start), "look")
	s.phase(Starting)
	s.want(seen("", start), "")
	s.phase(Connected)
	return s
}

func TestStart(t *testing.T) {
	s := newStage(t)
	if got := s.c.picture(s.now); got.Link != "" || !got.At.IsZero() {
		t.Errorf("before anything is known: %+v", got)
	}
	s.c.begin(s.now)
	s.want(unpaired(), "")
	s.phase(NotPaired)
	s.want(click(problem.ActSync), "")
	if f := s.c.picture(s.now).Menu.Failure; f == nil || f.Error.Code != problem.NotPaired {
		t.Errorf("a sync without an iPhone drew %+v", f)
	}
	// Another process pairs.
	s.want(FilesChanged{}, "look offline")
	s.want(offline(time.Time{}), "look")
	s.phase(Starting)
	s.want(seen("", time.Time{}), "startsync")
	s.phase(Syncing)
}

func TestSyncByItself(t *testing.T) {
	s := begin(t)
	s.pass(config.DefaultInterval - time.Second)
	s.want(Ticked{}, "look") // the iPhone was not asked for an hour
	s.want(seen("", start), "")
	s.pass(time.Second)
	s.want(Ticked{}, "startsync")
	s.phase(Syncing)
	s.want(click(problem.ActSync), "") // twice is once
	s.want(Progressed{engine.Progress{Samples: 41, Known: true, Remaining: 59}}, "")
	if p, ok := s.c.picture(s.now).Sync.Percent(); p != 41 || !ok {
		t.Errorf("%d%% %v", p, ok)
	}
	s.pass(time.Minute)
	s.want(SyncDone{Result: engine.Result{Counts: store.Counts{Added: 100}}}, "look offline")
	s.phase(Connected)
	if p := s.c.picture(s.now); p.LastAdded != 100 || !p.LastSync.Equal(s.now) || p.Sync != nil {
		t.Errorf("%+v", p)
	}
}

// A first sync takes hours: who wants a sync now, and each interval that has
// passed, gets the newest days before the rest of the history.
func TestSyncFreshens(t *testing.T) {
	s := begin(t)
	s.pass(config.DefaultInterval)
	s.send(Ticked{})
	s.want(seen("", start), "startsync")
	s.want(FreshWanted{}, "") // it begins with them
	s.pass(time.Minute)
	s.want(click(problem.ActSync), "freshen")
	s.want(FreshWanted{}, "") // twice is once
	s.pass(config.DefaultInterval - time.Second)
	s.want(Ticked{}, "")
	if at := s.c.wakeAt(s.now); at.Sub(s.now) > time.Second {
		t.Errorf("woken after %v", at.Sub(s.now))
	}
	s.pass(time.Second)
	s.want(Ticked{}, "freshen")
	s.want(Ticked{}, "")
	s.want(click(problem.ActStop), "stopsync")
	s.pass(time.Hour)
	s.want(FreshWanted{}, "")
	s.send(SyncDone{})
	s.want(FreshWanted{}, "")
}

// The night is slept through; the sync is due by the clock on the wall.
func TestSyncAfterSleep(t *testing.T) {
	s := begin(t)
	s.pass(9 * time.Hour)
	s.want(Woke{}, "") // the Wi-Fi is not there yet
	s.pass(afterWake)
	s.want(Ticked{}, "look")
	s.want(seen("", start), "startsync")
}

func TestAwayAndBack(t *testing.T) {
	s := begin(t)
	s.pass(3 * time.Minute)
	s.want(Ticked{}, "look")
	s.want(seen(problem.PhoneNotFound, start), "")
	s.phase(NotFound)
	looks := 0
	for end := s.now.Add(time.Hour); s.now.Before(end); {
		s.now = s.c.wakeAt(s.now)
		if s.send(Ticked{}) == "look" {
			looks++
			s.send(seen(problem.PhoneNotFound, start))
		}
	}
	if looks < 15 || looks > 35 {
		t.Errorf("the iPhone was looked for %d times in the first hour", looks)
	}
	if p := s.c.picture(s.now); p.FailingSince.IsZero() {
		t.Error("a sync was due for an hour and nobody took note")
	}
	s.want(NetworkChanged{}, "")
	s.pass(afterNetwork)
	s.want(Ticked{}, "look")
	s.want(seen("", start), "startsync")
	s.want(SyncDone{}, "look offline")
	if p := s.c.picture(s.now); !p.FailingSince.IsZero() {
		t.Error("it works and is said to fail")
	}
}

// A person who is asked for rests as long as a person may take.
func TestLookingRests(t *testing.T) {
	for code, most := range map[problem.Code]int{"": 32, problem.CertRevoked: 12, problem.PhoneLocked: 35, problem.ConnRefused: 35} {
		s := begin(t)
		s.send(Looked{State: s.c.seen, Config: config.Config{Sync: config.Sync{Interval: "manual"}}, Offline: true})
		n := 0
		for end := s.now.Add(time.Hour); s.now.Before(end); {
			s.now = s.c.wakeAt(s.now)
			if strings.Contains(s.send(Ticked{}), "look") {
				n++
				m := seen(code, start)
				m.Config.Sync.Interval = "manual"
				s.send(m)
			}
		}
		if n > most {
			t.Errorf("%q: %d looks in an hour", code, n)
		}
	}
}

func TestStop(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActStop), "") // a greyed row's click
	s.want(click(problem.ActSync), "startsync")
	s.want(click(problem.ActStop), "stopsync")
	s.want(click(problem.ActStop), "")
	if p := s.c.picture(s.now).Sync; p == nil || !p.Stopping {
		t.Errorf("%+v", p)
	}
	s.want(SyncDone{Problem: problem.New(problem.Interrupted, "", nil)}, "look offline")
	s.want(offline(time.Time{}), "") // never synced: due, but it was stopped
	s.pass(stoppedFor)
	if s.send(Ticked{}); s.c.phase == Syncing {
		t.Error("what the person stopped began again by itself")
	}
	s.want(click(problem.ActSync), "startsync")
}

func TestSyncFails(t *testing.T) {
	for _, c := range []struct {
		code      problem.Code
		phase     Phase
		condition bool
		retries   bool // by itself, although no look has found anything new
	}{
		{problem.PhoneLocked, Locked, true, false},
		{problem.ConnRefused, NotSharing, true, false},
		{problem.TimedOut, NotFound, true, false},
		{problem.CertRevoked, Attention, true, false},
		{problem.DiskFull, Connected, true, true},
		{problem.StoreOther, Connected, true, true},
		{problem.StoreCorrupt, Connected, true, true},
		{problem.ResponseInvalid, Connected, true, true},
		{problem.RateLimited, Connected, false, true},
	} {
		for _, asked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s asked %v", c.code, asked), func(t *testing.T) {
				s := begin(t)
				if asked {
					s.want(click(problem.ActSync), "startsync")
				} else {
					s.pass(config.DefaultInterval)
					s.settle()
				}
				s.phase(Syncing)
				s.send(SyncDone{Problem: problem.New(c.code, "", nil)})
				s.phase(c.phase)
				p := s.c.picture(s.now)
				if has := slices.ContainsFunc(p.Conditions, func(j problem.JSON) bool { return j.Code == c.code }); has != c.condition {
					t.Errorf("conditions: %+v", p.Conditions)
				}
				if (p.Menu.Failure != nil) != asked {
					t.Errorf("failure drawn: %+v", p.Menu.Failure)
				}
				if asked {
					return
				}
				s.send(offline(start))
				s.pass(2 * firstSyncRetry)
				if got := strings.Contains(s.settle(), "startsync"); got != c.retries && c.phase == Connected {
					t.Errorf("retries by itself: %v", got)
				}
			})
		}
	}
}

// A failing disk is not hammered at.
func TestSyncBacksOff(t *testing.T) {
	s := begin(t)
	s.pass(config.DefaultInterval)
	n := 0
	for end := s.now.Add(12 * time.Hour); s.now.Before(end); s.now = s.c.wakeAt(s.now) {
		for todo := s.send(Ticked{}); todo != ""; {
			switch {
			case strings.Contains(todo, "startsync"):
				n++
				todo = s.send(SyncDone{Problem: problem.New(problem.DiskFull, "", nil)})
			case strings.Contains(todo, "look offline"):
				todo = s.send(offline(start))
			default:
				todo = s.send(seen("", start))
			}
		}
	}
	if n < 10 || n > 20 {
		t.Errorf("%d attempts in twelve hours", n)
	}
}

func TestSyncElsewhere(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActSync), "startsync")
	s.want(SyncDone{Holder: "healthsync sync (process 4242)"}, "")
	if p := s.c.picture(s.now); p.Sync == nil || p.Sync.Holder == "" || p.Link != state.LinkConnected {
		t.Errorf("%+v", p)
	}
	s.want(click(problem.ActStop), "") // not ours to stop
	s.pass(busyRetry)
	s.want(Ticked{}, "startsync")
	s.want(SyncDone{Holder: "healthsync sync (process 4242)"}, "")
	s.pass(busyRetry)
	s.want(Ticked{}, "startsync")
	s.want(Progressed{engine.Progress{Samples: 1}}, "")
	s.phase(Syncing)
	s.want(SyncDone{}, "look offline")
	s.phase(Connected)
}

// The pairing ends while a sync runs: the sync ends, and no late look brings
// the iPhone back.
func TestUnpairedWhileSyncing(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActSync), "startsync")
	s.want(FilesChanged{}, "look offline")
	s.want(unpaired(), "stopsync")
	s.phase(NotPaired)
	s.want(SyncDone{Problem: problem.New(problem.Interrupted, "", nil)}, "look offline")
	s.phase(NotPaired)
	s.want(unpaired(), "")
}

func TestActions(t *testing.T) {
	s := begin(t)
	pair := click(problem.ActPairClipboard)
	s.want(pair, "run pair-clipboard")
	s.want(pair, "") // twice is once
	s.want(click(problem.ActExport), "")
	s.want(click(problem.ActFolder), "run folder") // waits for nobody
	if b := s.c.picture(s.now).Menu.Busy; b != "Pairing..." {
		t.Errorf("busy: %q", b)
	}
	s.want(Done{Action: pair.Action, Problem: problem.New(problem.ClipboardEmpty, "", nil)}, "run export, look offline")
	if f := s.c.picture(s.now).Menu.Failure; f == nil || f.What != "Pairing" || f.Error.Remedy.Text == "" {
		t.Errorf("a failed click drew %+v", f)
	}
	s.want(Done{Action: problem.Action{Name: problem.ActExport}, Cancelled: true, Problem: problem.New(problem.Declined, "", nil)}, "")
	if p := s.c.picture(s.now); p.Menu.Busy != "" || p.Menu.Failure == nil {
		t.Errorf("%+v", p.Menu)
	}
	s.want(click(problem.ActDismiss), "")
	if f := s.c.picture(s.now).Menu.Failure; f != nil {
		t.Errorf("dismissed and still drawn: %+v", f)
	}
	s.want(click("no such thing"), "run no such thing") // the worker says so
}

// A click that asks how things stand is seen to be at it.
func TestCheckIsSeen(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActCheck), "look")
	if b := s.c.picture(s.now).Menu.Busy; b != "Looking for the iPhone..." {
		t.Errorf("busy: %q", b)
	}
	s.want(seen(problem.ConnRefused, start), "")
	if b := s.c.picture(s.now).Menu.Busy; b != "" {
		t.Errorf("still busy: %q", b)
	}
}

func TestUnpairAsks(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActUnpair), "ask")
	q := s.c.unpairQuestion()
	s.want(Unasked{q}, "")
	if got := s.c.picture(s.now).Menu.Question; got == nil || !strings.Contains(got.Text, "Ana's iPhone") {
		t.Errorf("%+v", got)
	}
	s.pass(questionFor)
	s.send(Ticked{})
	if got := s.c.picture(s.now).Menu.Question; got != nil {
		t.Error("the question stands for ever")
	}
	s.want(Clicked{q.Then}, "run unpair-really")
}

func TestQuit(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActQuit), "leave")
	s.pass(24 * time.Hour)
	s.want(click(problem.ActSync), "")
	s.want(Ticked{}, "")
}

func TestRenewal(t *testing.T) {
	client := func(m Looked, end time.Time) Looked {
		m.State.Credentials = []state.Credential{{Name: "client", NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}}
		m.Config.Sync.Interval = "manual"
		return m
	}
	ending := start.Add(29 * 24 * time.Hour)
	renew := problem.Action{Name: problem.ActRenew, Arg: quietly}
	setUp := func(t *testing.T) *stage {
		s := newStage(t)
		s.c.begin(s.now)
		s.want(client(offline(start), ending), "look")
		s.want(client(seen(problem.PhoneNotFound, start), ending), "")
		if !s.c.picture(s.now).Menu.Renewing {
			t.Error("no hope before the first attempt")
		}
		s.c.plan.looking = true
		s.want(client(seen("", start), ending), "run renew")
		return s
	}
	t.Run("done", func(t *testing.T) {
		s := setUp(t)
		s.want(Done{Action: renew}, "look offline")
		s.want(client(offline(start), ending.AddDate(1, 0, 0)), "")
		if !s.c.picture(s.now).Menu.Renewing {
			t.Error("renewed, and no hope for the next time")
		}
	})
	t.Run("refused", func(t *testing.T) {
		s := setUp(t)
		s.want(Done{Action: renew, Problem: problem.New(problem.RenewUnavailable, "", nil)}, "look offline")
		m := client(offline(start), ending)
		m.State.Conditions = []problem.JSON{problem.New(problem.CertExpiring, "", nil).JSON()}
		s.want(m, "")
		p := s.c.picture(s.now)
		if p.Menu.Renewing || p.Menu.Failure != nil {
			t.Errorf("%+v", p.Menu)
		}
		if len(p.Conditions) != 1 || p.Conditions[0].Remedy.Action != "pair" {
			t.Errorf("%+v: renewing is offered, which the iPhone does not do", p.Conditions)
		}
		s.pass(renewEvery)
		if !strings.Contains(s.send(Ticked{}), "run renew") {
			t.Error("it is not tried again the next day")
		}
	})
	t.Run("not reached", func(t *testing.T) {
		s := setUp(t)
		s.want(Done{Action: renew, Problem: problem.New(problem.TimedOut, "", nil)}, "look offline")
		s.want(client(offline(start), ending), "")
		if !s.c.picture(s.now).Menu.Renewing {
			t.Error("the hope was given up")
		}
		s.pass(renewAgain)
		if !strings.Contains(s.send(Ticked{}), "run renew") {
			t.Error("it is not tried again within the hour")
		}
	})
}

// A type that fell silent is a condition until a sync hears of it again.
func TestSilence(t *testing.T) {
	s := begin(t)
	s.want(click(problem.ActSync), "startsync")
	s.send(SyncDone{Result: engine.Result{Silent: []health.Type{health.HeartRate, health.Steps}}})
	if p := s.c.picture(s.now); len(p.Conditions) != 1 || p.Conditions[0].Code != problem.TypeSilent || !strings.Contains(p.Conditions[0].Detail, "Heart Rate, Steps") {
		t.Errorf("%+v", p.Conditions)
	}
	s.send(offline(s.now))
	s.want(click(problem.ActSync), "startsync")
	s.send(SyncDone{})
	if p := s.c.picture(s.now); len(p.Conditions) != 0 {
		t.Errorf("%+v", p.Conditions)
	}
}

// A clock that was set back does not put syncing off for as long.
func TestClockSetBack(t *testing.T) {
	s := newStage(t)
	s.c.begin(s.now)
	s.want(offline(start.AddDate(1, 0, 0)), "look")
	s.want(seen("", start.AddDate(1, 0, 0)), "startsync")
}

// Every action that a remedy asks for is one that the agent knows how to do or
// to name when it fails.
func TestRemediesAreDone(t *testing.T) {
	for _, row := range problem.Table() {
		a := row.Remedy.Action
		if a == "" || a == problem.ActCheck || a == problem.ActFollow {
			continue
		}
		if nouns[a] == "" {
			t.Errorf("%s asks for %q, which nobody does", row.Code, a)
		}
	}
}
