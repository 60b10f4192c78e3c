package agent

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"healthsync/app/agent/notify"
	"healthsync/app/config"
	"healthsync/app/problem"
	"healthsync/app/state"
)

// core is what the agent knows and how it decides: messages in, effects out.
// It owns no goroutine, opens nothing and reads no clock, so that a year of it
// can be tried in a second.
type core struct {
	phase Phase
	// seen is the last picture, with what earlier ones said of the iPhone.
	seen  state.State
	wrong wrong

	config   config.Config
	menu     state.MenuState
	app      state.App
	memory   Memory
	notified state.State // the last picture that notify.Decide saw
	dirty    bool        // the memory has to be saved

	plan plan
	sync *state.Progress
	jobs jobs
}

// wrong is what is wrong: phone keeps the iPhone from being asked, sync made the
// last sync fail although it answered, silent are types that returned nothing,
// rest are the other conditions of the last picture.
type wrong struct {
	phone, sync, silent *problem.JSON
	rest                []problem.JSON
}

func newCore(app state.App, menu state.MenuState, m Memory, random *rand.Rand) *core {
	if m.Said == nil {
		m.Said = notify.Said{}
	}
	return &core{app: app, menu: menu, memory: m, plan: plan{random: random}}
}

// begin is what there is to do at the start: a picture without the network is
// there at once, one with it a moment later.
func (c *core) begin(now time.Time) []Effect {
	c.plan.looking = true
	c.plan.lookAt = now
	return []Effect{Look{Offline: true}}
}

// handle takes one message and gives what is to be done about it.
func (c *core) handle(m Message, now time.Time) []Effect {
	var out []Effect
	switch m := m.(type) {
	case Looked:
		out = c.looked(m, now)
	case Moved:
		c.menu.Moved = &m.Move
	case Announced:
		c.announced(m, now)
	case Progressed:
		if c.sync != nil {
			c.progressed(m)
		}
	case SyncDone:
		out = c.synced(m, now)
	case Woke:
		c.plan.soon(now, afterWake)
	case NetworkChanged:
		c.plan.soon(now, afterNetwork)
	case FilesChanged:
		out = c.look(true)
	case Asked:
		if !m.InPassing || now.Sub(c.plan.lookedAt) > fresh {
			c.plan.soon(now, 0)
		}
	case FreshWanted:
		out = c.freshen(now)
	case Clicked:
		out = c.clicked(m.Action, now)
	case Done:
		out = c.done(m, now)
	case Unasked:
		c.menu.Question = &m.Question
		c.jobs.questionUntil = now.Add(questionFor)
	}
	return append(out, c.due(now)...)
}

// due gives what has come to be done by the mere passing of time, and what has
// come to be said.
func (c *core) due(now time.Time) []Effect {
	var out []Effect
	if c.phase == Ending {
		return nil
	}
	if c.menu.Question != nil && !now.Before(c.jobs.questionUntil) {
		c.menu.Question = nil
	}
	if !c.plan.looking && c.plan.lookDue(now, c.seen.Paired) && c.sync == nil {
		out = append(out, c.look(false)...)
	}
	if c.syncDue(now) && c.surelyConnected(now) && !now.Before(c.plan.mayBegin()) {
		out = append(out, c.startSync(false, now)...)
	}
	if c.elsewhere() && !now.Before(c.plan.busyUntil) {
		// Until this try has ended, which sets it anew: there is one at a time.
		c.plan.busyUntil = now.Add(time.Hour)
		out = append(out, StartSync{})
	}
	if c.freshDue(now) {
		out = append(out, c.freshen(now)...)
	}
	if c.renewDue(now) {
		out = append(out, c.jobs.add(problem.Action{Name: problem.ActRenew, Arg: quietly})...)
	}
	if c.plan.looking {
		return out // its answer may take back what there is to be said
	}
	return append(out, c.judge(now)...)
}

// wakeAt is the next moment at which something may have come to be done.
func (c *core) wakeAt(now time.Time) time.Time {
	at := now.Add(time.Hour)
	if c.phase == Ending {
		return at
	}
	earliest := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	if c.seen.Paired && !c.plan.looking && c.sync == nil {
		earliest(c.plan.lookAt)
	}
	if c.sync == nil && c.surelyConnected(now) {
		n := c.nextSync()
		if may := c.plan.mayBegin(); !n.IsZero() && may.After(n) {
			n = may
		}
		earliest(n)
	}
	if c.elsewhere() {
		earliest(c.plan.busyUntil)
	} else if c.sync != nil {
		earliest(c.freshAt())
	}
	if c.menu.Question != nil {
		earliest(c.jobs.questionUntil)
	}
	return at
}

func (c *core) enter(e Event) error {
	p, err := next(c.phase, e)
	c.phase = p
	return err
}

// surelyConnected reports that the iPhone answered a moment ago: what was so
// before a night's sleep is no reason to begin a sync.
func (c *core) surelyConnected(now time.Time) bool {
	return c.phase == Connected && !c.plan.looking && now.Sub(c.plan.lookedAt).Abs() < 2*everyConnected
}

// elsewhere reports that another process syncs.
func (c *core) elsewhere() bool { return c.sync != nil && c.sync.Holder != "" }

func (c *core) look(offline bool) []Effect {
	if c.plan.looking {
		// What is under way may have begun before that which is to be seen.
		c.plan.again = true
		c.plan.againOnline = c.plan.againOnline || !offline
		return nil
	}
	c.plan.looking = true
	return []Effect{Look{Offline: offline}}
}

func (c *core) looked(m Looked, now time.Time) []Effect {
	c.plan.looking = false
	if !m.Offline || m.Broken != nil || !m.State.Paired {
		c.jobs.checking = false
		c.busy()
	}
	first := c.seen.At.IsZero()
	if m.Broken != nil {
		j := m.Broken.JSON()
		c.wrong.rest = []problem.JSON{j}
		c.seen.At = now
	} else {
		c.config = m.Config
		c.menu.Interval, c.menu.TodayOn = m.Config.SyncInterval(), m.Config.Menu.Today
		c.menu.Login, c.menu.LoginKnown, c.menu.Today = m.Menu.Login, m.Menu.LoginKnown, m.Menu.Today
		c.merge(m, now)
	}
	if c.menu.Interval == 0 || !c.seen.Paired {
		c.working()
	}
	var out []Effect
	if first && c.seen.Paired {
		c.plan.soon(now, 0)
	}
	if c.sync != nil && c.phase != Syncing && !c.elsewhere() && !c.sync.Stopping { // of a pairing that has ended
		out = append(out, c.stopSync()...)
	}
	if c.plan.again {
		online := c.plan.againOnline
		c.plan.again, c.plan.againOnline = false, false
		out = append(out, c.look(!online)...)
	}
	return out
}

// merge makes a new picture of the last one and a look.
func (c *core) merge(m Looked, now time.Time) {
	before, s := c.seen, m.State
	c.seen = s
	if !s.Paired {
		c.unpaired(m)
		return
	}
	if before.Paired && !before.PairedAt.Equal(s.PairedAt) || !before.Paired && c.phase == NotPaired {
		_ = c.enter(Paired)
		c.wrong.phone, c.wrong.sync, c.wrong.silent = nil, nil, nil
		c.working() // what failed was the pairing before
		c.plan.soon(now, 0)
		before = state.State{}
	}
	c.wrong.rest = slices.Clone(s.Conditions)
	if m.Offline {
		// What the iPhone said last still stands.
		c.seen.Latency, c.seen.Skew, c.seen.SharedTypes = before.Latency, before.Skew, before.SharedTypes
		if i := slices.IndexFunc(before.Conditions,
			func(j problem.JSON) bool { return j.Code == problem.ClockSkew }); i >= 0 && c.wrong.phone == nil {
			c.wrong.rest = append(c.wrong.rest, before.Conditions[i])
		}
		return
	}
	c.wrong.phone = nil
	link, answered := s.Link, m.Problem == nil
	if m.Problem != nil && m.Problem.Code == problem.RateLimited {
		link, answered = state.LinkConnected, true // it answers; it has been asked a lot
		c.wrong.rest = slices.DeleteFunc(c.wrong.rest,
			func(j problem.JSON) bool { return j.Code == problem.RateLimited })
	}
	if !answered {
		j := m.Problem.JSON()
		c.wrong.phone = &j
	}
	if err := c.enter(sawLink(link)); err != nil {
		return
	}
	c.plan.looked(now, c.phase)
	if !answered && c.syncDue(now) {
		c.failing(now)
	}
}

func (c *core) unpaired(m Looked) {
	c.wrong.phone, c.wrong.silent = nil, nil
	c.wrong.rest = m.State.Conditions
	if m.State.Link == state.LinkNotPaired {
		_ = c.enter(SawUnpaired)
	} else { // a record that cannot be read
		_ = c.enter(Paired)
		_ = c.enter(SawAttention)
	}
	c.menu.Moved = nil
}

// picture is the State as it is now.
func (c *core) picture(now time.Time) state.State {
	s := c.seen
	if s.At.IsZero() {
		return state.State{Menu: c.menu} // nothing is known yet
	}
	s.At = now.UTC()
	s.Link = c.phase.Link()
	s.Sync = c.sync
	s.FailingSince = c.memory.FailingSince
	s.Conditions = c.conditions()
	app := c.app
	app.NextSync = c.nextSync()
	s.App = &app
	s.Menu = c.menu
	s.Menu.Renewing = c.hopesToRenew()
	if cert, ok := c.client(); ok && cert.NotAfter.Equal(c.memory.RenewRefused) {
		// The iPhone does not renew it: what is offered must be what helps.
		again := problem.New(problem.CertHasExpired, "", nil).Remedy
		for i := range s.Conditions {
			if s.Conditions[i].Code == problem.CertExpiring {
				s.Conditions[i].Remedy = again
			}
		}
	}
	return s
}

// conditions are the root causes of all that is wrong, worst first.
func (c *core) conditions() []problem.JSON {
	all := make([]problem.JSON, 0, len(c.wrong.rest)+3)
	for _, j := range []*problem.JSON{c.wrong.phone, c.wrong.sync} {
		if j != nil {
			all = append(all, *j)
		}
	}
	all = append(all, c.wrong.rest...)
	if c.wrong.silent != nil {
		all = append(all, *c.wrong.silent)
	}
	return problem.RootCauses(all)
}

// judge decides what is to be said, and keeps the memory.
func (c *core) judge(now time.Time) []Effect {
	s := c.picture(now)
	if s.At.IsZero() {
		return nil
	}
	notices, said := notify.Decide(c.notified, s, c.memory.Said, c.config.ExpiryDays(), now)
	c.notified = s
	var out []Effect
	for _, n := range notices {
		out = append(out, Say{n})
	}
	if c.dirty || !reflect.DeepEqual(said, c.memory.Said) {
		c.memory.Said, c.dirty = said, false
		out = append(out, Save{c.memory})
	}
	return out
}
