package agent

import (
	"fmt"
	"slices"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/health"
)

// jobs are the actions that clicks have asked for. One that takes its time, or
// changes the pairing, waits for the one before; the others are done at once.
type jobs struct {
	now           *problem.Action
	waiting       []problem.Action
	questionUntil time.Time
	checking      bool // a click has asked how things stand
}

// questionFor is how long a question stays in the menu.
const questionFor = 2 * time.Minute

// slow says what the app is doing while one of the slow actions runs.
var slow = map[string]string{
	problem.ActPair: "Pairing...", problem.ActPairCamera: "Pairing...", problem.ActPairClipboard: "Pairing...",
	problem.ActPairFile:  "Pairing...",
	problem.ActUnpairYes: "Unpairing...", problem.ActRenew: "Renewing the certificate...",
	problem.ActExport:       "Exporting...",
	problem.ActTroubleshoot: "Looking for the problem...", problem.ActReport: "Making the report...",
}

// nouns say what failed.
var nouns = map[string]string{
	problem.ActSync: "Sync", problem.ActInterval: "Changing the interval",
	problem.ActPair: "Pairing", problem.ActPairCamera: "Pairing", problem.ActPairClipboard: "Pairing",
	problem.ActPairFile: "Pairing",
	problem.ActExport:   "Export", problem.ActRenew: "Renewal", problem.ActUnlock: "Opening the keychain",
	problem.ActCameraSettings: "Opening the settings", problem.ActClockSettings: "Opening the settings",
	problem.ActReport: "Report", problem.ActFolder: "Opening the folder", problem.ActTroubleshoot: "Troubleshooting",
	problem.ActLogin: "Launch at login", problem.ActUnpair: "Unpairing", problem.ActUnpairYes: "Unpairing",
}

// add starts an action or lets it wait. The same click twice is one wish.
func (j *jobs) add(a problem.Action) []Effect {
	if slow[a.Name] == "" {
		return []Effect{Run{a}}
	}
	if j.now == nil {
		j.now = &a
		return []Effect{Run{a}}
	}
	if *j.now != a && !slices.Contains(j.waiting, a) {
		j.waiting = append(j.waiting, a)
	}
	return nil
}

// ended starts the next that waits.
func (j *jobs) ended(a problem.Action) []Effect {
	if j.now == nil || *j.now != a {
		return nil
	}
	j.now = nil
	if len(j.waiting) == 0 {
		return nil
	}
	first := j.waiting[0]
	j.waiting = j.waiting[1:]
	return j.add(first)
}

func (j *jobs) running(name string) bool {
	return j.now != nil && j.now.Name == name || slices.ContainsFunc(j.waiting,
		func(a problem.Action) bool { return a.Name == name })
}

// clicked does what a click asks for. A click may come from a row that has
// been greyed meanwhile (on Linux it is delivered all the same), so each is
// judged by how things stand now.
func (c *core) clicked(a problem.Action, now time.Time) []Effect {
	if c.phase == Ending {
		return nil
	}
	if a.Name != problem.ActQuit && a.Name != problem.ActStop {
		c.menu.Failure = nil
	}
	switch a.Name {
	case problem.ActSync:
		return c.clickedSync(now)
	case problem.ActStop:
		if c.phase == Syncing && !c.sync.Stopping {
			return c.stopSync()
		}
		return nil
	case problem.ActCheck, problem.ActFollow:
		c.plan.soon(now, 0)
		c.jobs.checking = c.seen.Paired && c.sync == nil
		c.busy()
		return nil
	case problem.ActDismiss:
		c.menu.Question = nil
		return nil
	case problem.ActUnpair:
		if !c.seen.Paired {
			return nil
		}
		c.menu.Question = nil
		return []Effect{Ask{c.unpairQuestion()}}
	case problem.ActUnpairYes:
		c.menu.Question = nil
		if !c.seen.Paired {
			return nil
		}
	case problem.ActQuit:
		_ = c.enter(Quit)
		return []Effect{Leave{}}
	case "":
		return nil
	}
	out := c.jobs.add(a)
	c.busy()
	return out
}

func (c *core) clickedSync(now time.Time) []Effect {
	switch {
	case c.sync != nil:
		return c.freshen(now)
	case !c.seen.Paired:
		c.fail(problem.Action{Name: problem.ActSync}, problem.New(problem.NotPaired, "", nil))
		return nil
	}
	return c.startSync(true, now)
}

func (c *core) unpairQuestion() state.Question {
	name := c.seen.Device
	if name == "" {
		name = "the iPhone"
	}
	return state.Question{
		Text: fmt.Sprintf("Unpair from %s? Health data stays.", name), Yes: "Yes, Unpair", No: "No, Keep It",
		Then: problem.Action{Name: problem.ActUnpairYes},
	}
}

func (c *core) busy() {
	c.menu.Busy = ""
	switch {
	case c.jobs.now != nil && c.jobs.now.Arg != quietly:
		c.menu.Busy = slow[c.jobs.now.Name]
	case c.jobs.checking: // Bonjour is listened to for seconds where the iPhone has gone
		c.menu.Busy = "Looking for the iPhone..."
	}
}

func (c *core) fail(a problem.Action, e *problem.Error) {
	what := nouns[a.Name]
	if what == "" {
		what = a.Name
	}
	c.menu.Failure = &state.Failure{What: what, Error: e.JSON()}
}

// done takes note of an action's end and looks at what has become of things.
func (c *core) done(m Done, now time.Time) []Effect {
	out := c.jobs.ended(m.Action)
	if m.Action.Name == problem.ActRenew {
		c.renewed(m, now)
	}
	quiet := m.Action.Arg == quietly && m.Action.Name == problem.ActRenew
	if m.Problem != nil && !m.Cancelled && !quiet {
		c.fail(m.Action, m.Problem)
	}
	c.busy()
	return append(out, c.look(true)...)
}

// renewed remembers a refusal: there is no hope then of renewing by itself.
// That the iPhone could not be reached is none.
func (c *core) renewed(m Done, now time.Time) {
	c.dirty = true
	if p := m.Problem; p != nil && (p.Exit() == problem.ExitUnreachable || p.Exit() == problem.ExitPhoneBusy) {
		c.memory.RenewTried = now.Add(renewAgain - renewEvery)
		return
	}
	c.memory.RenewTried = now
	if cert, due := c.inRenewal(now); due && m.Problem != nil {
		c.memory.RenewRefused = cert.NotAfter
	}
}

// startSync begins a sync, asked for or by itself.
func (c *core) startSync(asked bool, now time.Time) []Effect {
	if c.sync != nil || !c.seen.Paired {
		return nil
	}
	if err := c.enter(SyncBegan); err != nil {
		return nil
	}
	c.sync = &state.Progress{}
	c.plan.asked, c.plan.freshened = asked, now
	return []Effect{StartSync{}}
}

// freshen has a sync that is under way read the newest days next: somebody
// wants them, or the interval is over and the way back is long.
func (c *core) freshen(now time.Time) []Effect {
	if c.sync == nil || c.elsewhere() || c.sync.Stopping || now.Sub(c.plan.freshened).Abs() < fresh {
		return nil
	}
	c.plan.freshened = now
	return []Effect{Freshen{}}
}

func (c *core) stopSync() []Effect {
	p := *c.sync // a picture that is out already must not change
	p.Stopping = true
	c.sync = &p
	return []Effect{StopSync{}}
}

func (c *core) progressed(m Progressed) {
	if c.elsewhere() {
		_ = c.enter(SyncBegan) // the other one has ended
	}
	c.sync = &state.Progress{Stopping: c.sync.Stopping, Progress: m.Progress}
}

// synced ends a sync: what it brought is in the database, what it found out
// about the iPhone is news.
func (c *core) synced(m SyncDone, now time.Time) []Effect {
	asked := c.plan.asked
	c.sync, c.plan.asked = nil, false
	_ = c.enter(SyncEnded)
	switch {
	case m.Holder != "":
		c.sync = &state.Progress{Holder: m.Holder}
		c.plan.busyUntil = now.Add(busyRetry)
		return nil
	case m.Problem == nil:
		c.worked(m, now)
	case m.Problem.Code == problem.Interrupted:
		c.plan.stoppedUntil = now.Add(max(c.menu.Interval, stoppedFor))
	default:
		c.failed(m.Problem, asked, now)
	}
	return c.look(true)
}

func (c *core) worked(m SyncDone, now time.Time) {
	c.plan.syncFails, c.plan.retryAt = 0, time.Time{}
	c.wrong.phone, c.wrong.sync, c.wrong.silent = nil, nil, silence(m.Result.Silent)
	c.seen.LastSync, c.seen.LastAdded = now.UTC().Truncate(time.Second), m.Result.Added
	c.working()
	c.plan.looked(now, Connected)
}

// failed files a sync's error where it belongs: with the iPhone, with what is
// stored, or with the click.
func (c *core) failed(e *problem.Error, asked bool, now time.Time) {
	j := e.JSON()
	c.failing(now)
	if asked {
		c.fail(problem.Action{Name: problem.ActSync}, e)
	}
	switch {
	case e.Exit() == problem.ExitStorage, e.Exit() == problem.ExitFailure:
		c.wrong.sync = &j
		fallthrough
	case e.Code == problem.RateLimited, e.Code == problem.TypeNotEnabled:
		c.backOff(now)
		return
	}
	c.wrong.phone = &j
	_ = c.enter(sawLink(state.LinkOf(e)))
	c.plan.looked(now, c.phase)
	if c.phase == Disconnected {
		c.backOff(now) // it may answer again at once and break off again
	}
}

// silence is the condition of types that the iPhone gives nothing of any more.
func silence(types []health.Type) *problem.JSON {
	e := problem.Silent(types)
	if e == nil {
		return nil
	}
	j := e.JSON()
	return &j
}
