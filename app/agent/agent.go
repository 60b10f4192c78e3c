// Package agent is the long-running heart of the menu-bar app. One goroutine
// owns what is known: messages come in (what a look found, how a sync goes, a
// click, a wake), an immutable State goes out. How it decides is in core.go,
// which does nothing by itself; work.go carries it out.
//
// It knows nothing of menus: the menu bar subscribes to its States and sends it
// the actions that were clicked.
package agent

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"healthsync/app/agent/notify"
	"healthsync/app/config"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
)

// Options are what an agent works with.
type Options struct {
	Paths config.Paths
	// Computer opens this Mac's side of the pairing with the settings as they
	// are now. Each piece of work opens its own.
	Computer func() (*pairing.Computer, error)
	Link     pairing.LinkOptions
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Notify shows a notification. It may take its time.
	Notify func(notify.Notice) error
	Desktop
	// Command makes a command of this program's own ("scan", "--clipboard"),
	// for what needs much memory or a window: it runs in a process of its own,
	// which gives all of it back.
	Command func(ctx context.Context, args ...string) *exec.Cmd
	// Wake tells of wakes and changes of the network; nil means nobody does.
	Wake <-chan Message
	// Listen receives announcements; nil means the iPhone is only asked at intervals.
	Listen Listener
	// Version is this program's, for `healthsync status`.
	Version string
	// Camera and Report say what the menu can offer.
	Camera, Report bool
}

// Desktop is what the agent asks of the desktop around it.
type Desktop interface {
	// Open shows a file, a folder or a page with the program for it.
	Open(ctx context.Context, target string) error
	// Settings opens a pane of the system's settings: "clock", "camera",
	// "keychain".
	Settings(ctx context.Context, pane string) error
	// PickPicture asks for a picture; "" means that the person chose none.
	PickPicture(ctx context.Context) (path string, err error)
	// SaveAs asks where to write a file; "" means nowhere.
	SaveAs(ctx context.Context, name string) (path string, err error)
	// Confirm asks a question. An error means that no window can ask it here.
	Confirm(ctx context.Context, text, yes, no string) (bool, error)
	// Login says whether the app starts at login, and whether that is known
	// at all; SetLogin changes it.
	Login() (on, known bool)
	SetLogin(on bool) error
}

// coalesce is the least time between two States: a sync tells of itself more
// often than an eye can see.
const coalesce = 100 * time.Millisecond

// Agent runs one. Its methods may be called from any goroutine.
type Agent struct {
	o      Options
	core   *core
	inbox  *mailbox
	state  atomic.Pointer[state.State]
	result atomic.Pointer[SyncDone] // of the last sync, for who follows it

	mu        sync.Mutex
	listeners map[chan struct{}]struct{}

	// What follows belongs to Run's goroutine.
	published time.Time
	unsent    bool // a State waits for coalesce to be over
	waiting   []*asker
	sync      syncControl
	notes     *notes
}

// syncControl is how Run's goroutine speaks to the sync under way.
type syncControl struct {
	stop    func() // after the page in hand; nil before the first sync
	freshen chan struct{}
	ended   chan struct{}
}

// asker is somebody who waits for the answer of the iPhone. The look that
// gives it must have started after the question.
type asker struct {
	reply   chan state.State
	started bool
}

// New makes an agent that does nothing until it is run.
func New(o Options) *Agent {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Agent{o: o, inbox: newMailbox(), listeners: map[chan struct{}]struct{}{}, notes: newNotes(o)}
	a.core = newCore(state.App{PID: os.Getpid(), Version: o.Version},
		state.MenuState{Camera: o.Camera, Report: o.Report}, loadMemory(o.Paths, o.Log),
		rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	first := a.core.picture(o.Now())
	a.state.Store(&first)
	return a
}

// State is how things stand. It must not be changed.
func (a *Agent) State() state.State { return *a.state.Load() }

// Subscribe gives a channel that is full when there is a new State. The latest
// counts: a slow reader misses those between.
func (a *Agent) Subscribe() (changed <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners[ch] = struct{}{}
	return ch, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, ch)
	}
}

// Do asks for an action. It never waits and loses none.
func (a *Agent) Do(action problem.Action) { a.inbox.put(Clicked{action}) }

// Tell passes a message on. It never waits.
func (a *Agent) Tell(m Message) { a.inbox.put(m) }

// Ask asks the iPhone how it is and gives the State after its answer.
func (a *Agent) Ask(ctx context.Context) (state.State, error) {
	reply := make(chan state.State, 1)
	a.inbox.put(askedFor{reply})
	select {
	case s := <-reply:
		return s, nil
	case <-ctx.Done():
		return state.State{}, ctx.Err()
	}
}

// askedFor is Asked with somebody who waits.
type askedFor struct{ reply chan state.State }

func (askedFor) message() {}

// patience is how long the end of a sync is waited for when the app quits: the
// page in hand is stored whole or not at all, and the database stands either.
const patience = 2 * time.Second

// Run runs the agent until ctx ends or the person quits. A sync that is under
// way is ended after the page in hand, at most two seconds later.
func (a *Agent) Run(ctx context.Context) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	work := &work{a: a, ctx: ctx, leave: leave}
	defer a.finish(work)
	timer := time.NewTimer(0)
	defer timer.Stop()
	a.perform(work, a.core.begin(a.o.Now()))
	poke := make(chan struct{}, 1)
	if a.o.Listen != nil {
		go work.listen(a.o.Listen, poke)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.inbox.signal:
			for _, m := range a.inbox.take() {
				a.perform(work, a.handle(m))
			}
		case m := <-a.o.Wake:
			select {
			case poke <- struct{}{}:
			default:
			}
			a.perform(work, a.handle(m))
		case <-timer.C:
			a.perform(work, a.handle(Ticked{}))
		}
		a.publish()
		timer.Reset(a.sleep())
	}
}

// sleep is how long there is nothing to do. The wall clock says when; the
// timer, which stands still while the computer sleeps, is set anew by a wake.
func (a *Agent) sleep() time.Duration {
	now := a.o.Now()
	d := a.core.wakeAt(now).Sub(now)
	if a.unsent {
		d = min(d, coalesce-time.Since(a.published))
	}
	return max(d, 10*time.Millisecond)
}

func (a *Agent) handle(m Message) []Effect {
	if ask, ok := m.(askedFor); ok {
		a.waiting = append(a.waiting, &asker{reply: ask.reply})
		m = Asked{}
	}
	out := a.core.handle(m, a.o.Now())
	if looked, ok := m.(Looked); ok {
		a.answer(!looked.Offline || a.alone())
	}
	if a.asked() && !a.core.plan.looking {
		// What was under way had begun before the question, or a sync has put
		// the next look off.
		out = append(out, a.core.look(a.alone())...)
	}
	for _, e := range out {
		if _, ok := e.(Look); ok {
			for _, w := range a.waiting {
				w.started = true
			}
		}
	}
	return out
}

// alone reports that the iPhone is not asked: there is none, or it is busy with
// a sync.
func (a *Agent) alone() bool { return !a.core.seen.Paired || a.core.sync != nil }

// asked reports that somebody waits for a look that has not begun.
func (a *Agent) asked() bool {
	return slices.ContainsFunc(a.waiting, func(w *asker) bool { return !w.started })
}

// answer answers those who have waited for the look that has ended. One that
// has not asked the iPhone, which is there to be asked now, is no answer.
func (a *Agent) answer(enough bool) {
	a.waiting = slices.DeleteFunc(a.waiting, func(w *asker) bool {
		if !enough || !w.started {
			w.started = false
			return false
		}
		w.reply <- a.core.picture(a.o.Now()) // has room for one
		return true
	})
}

// publish shows the State if it is another, at most ten times a second.
func (a *Agent) publish() {
	s := a.core.picture(a.o.Now())
	old := a.state.Load()
	same := s
	same.At = old.At
	if reflect.DeepEqual(same, *old) {
		a.unsent = false
		return
	}
	if time.Since(a.published) < coalesce {
		a.unsent = true
		return
	}
	a.unsent, a.published = false, time.Now()
	a.state.Store(&s)
	a.mu.Lock()
	defer a.mu.Unlock()
	for ch := range a.listeners {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// finish ends what is under way.
func (a *Agent) finish(w *work) {
	if a.sync.stop != nil {
		a.sync.stop()
		select {
		case <-a.sync.ended:
		case <-time.After(patience):
			a.o.Log.Warn("quit without waiting for the sync to end")
		}
	}
	w.leave()
	a.notes.close()
}
