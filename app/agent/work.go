package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"healthsync/app/agent/desktop"
	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/app/syncjob"
	"healthsync/sync/engine"
)

// work carries out what the core has decided. Nothing of it is waited
// for: each piece runs in a goroutine of its own and ends with a message.
type work struct {
	a     *Agent
	ctx   context.Context
	leave context.CancelFunc
}

func (a *Agent) perform(w *work, effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Look:
			go w.look(e.Offline)
		case StartSync:
			w.startSync()
		case StopSync:
			if a.sync.stop != nil {
				a.sync.stop()
			}
		case Freshen:
			select {
			case a.sync.freshen <- struct{}{}:
			default: // it was asked for already, or no sync has begun yet
			}
		case Run:
			go w.run(e.Action)
		case Ask:
			go w.ask(e.Question)
		case Say:
			a.notes.say(e.Notice)
		case Save:
			if err := saveMemory(a.o.Paths, e.Memory); err != nil {
				a.o.Log.Warn("the list of notifications shown cannot be saved", "err", err)
			}
		case Leave:
			w.leave()
		}
	}
}

// lookLimit bounds a look: the connection, the search by Bonjour where it
// fails, and the connection to where it was found.
const lookLimit = 45 * time.Second

func (w *work) look(offline bool) {
	a := w.a
	m := Looked{Offline: offline}
	m.Menu.Login, m.Menu.LoginKnown = a.o.Login()
	s, err := a.o.Computer()
	if err != nil {
		m.Broken = problem.From(err, a.o.Now())
		a.inbox.put(m)
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, lookLimit)
	defer cancel()
	m.Config = s.Config
	o := state.SnapshotOptions{Offline: offline, Sample: true, Link: w.link()}
	o.Link.WaitLimit = -1 // a look is not worth a place in the queue of requests
	m.State, m.Problem = state.Snapshot(ctx, s, o)
	if s.Config.Menu.Today {
		m.Menu.Today = state.Today(ctx, s.Paths.Database(), a.o.Now())
	}
	a.inbox.put(m)
}

// link is how the iPhone is reached; being followed to another address is
// news.
func (w *work) link() pairing.LinkOptions {
	o := w.a.o.Link
	o.Moved = func(from, to pairing.Place) {
		w.a.inbox.put(Moved{state.Move{From: from.String(), To: to.String(), At: w.a.o.Now()}})
	}
	return o
}

// holder says who holds the lock, to others that want to sync.
const holder = "the menu-bar app"

// hardStop is when a sync that was asked to end is cut off: the page in hand
// has had its time.
const hardStop = 1500 * time.Millisecond

func (w *work) startSync() {
	a := w.a
	// It outlives the end of Run by the page in hand.
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	ends, fresh := make(chan struct{}), make(chan struct{}, 1)
	var stopping atomic.Bool
	a.sync = syncControl{freshen: fresh, ended: ends, stop: func() {
		stopping.Store(true)
		time.AfterFunc(hardStop, cancel)
	}}
	go func() {
		defer close(ends)
		defer cancel()
		m := w.sync(ctx, fresh, func(p engine.Progress) {
			a.inbox.put(Progressed{p})
			if stopping.Load() { // the page in hand is stored
				cancel()
			}
		})
		a.result.Store(&m)
		a.inbox.put(m)
		// What a sync of years has used is of no use to a menu.
		debug.FreeOSMemory()
	}()
}

func (w *work) sync(ctx context.Context, fresh <-chan struct{}, progress func(engine.Progress)) SyncDone {
	a := w.a
	s, err := a.o.Computer()
	if err != nil {
		return SyncDone{Problem: problem.From(err, a.o.Now())}
	}
	res, err := syncjob.Run(ctx, s, syncjob.Options{Holder: holder, Link: w.link(), Fresh: fresh, Progress: progress})
	var held *files.HeldError
	switch {
	case errors.As(err, &held) && held.Holder.PID != 0:
		return SyncDone{Holder: fmt.Sprintf("%s (process %d)", held.Holder.What, held.Holder.PID)}
	case errors.As(err, &held):
		return SyncDone{Holder: "another process"}
	case err != nil && ctx.Err() != nil:
		return SyncDone{Result: res, Problem: problem.New(problem.Interrupted, "", err)}
	}
	return SyncDone{Result: res, Problem: problem.From(err, a.o.Now())}
}

// ask puts a question into a window, or gives it back for the menu.
func (w *work) ask(q state.Question) {
	yes, err := w.a.o.Confirm(w.ctx, q.Text, q.Yes, q.No)
	switch {
	case err != nil:
		w.a.inbox.put(Unasked{q})
	case yes:
		w.a.Do(q.Then)
	}
}

// run does what a click asked for.
func (w *work) run(action problem.Action) {
	err := w.do(action)
	m := Done{Action: action}
	if errors.Is(err, desktop.ErrNone) {
		err = noWindow(action, err)
	}
	if err != nil {
		m.Problem = problem.From(err, w.a.o.Now())
		m.Cancelled = errors.Is(err, errCancelled) || m.Problem.Code == problem.CameraClosed || w.ctx.Err() != nil
		if !m.Cancelled {
			w.a.o.Log.Warn("action failed", "action", action.Name, "code", m.Problem.Code)
		}
	}
	w.a.inbox.put(m)
}

// noWindow explains that this desktop has nothing to do it with.
func noWindow(action problem.Action, err error) *problem.Error {
	e := problem.New(problem.NotOnThisBuild, "", err)
	e.Sentence = "This desktop has no program for that"
	if action.Name == problem.ActPairFile {
		e.Sentence = "No window can ask for a file on this desktop"
		e.Remedy = problem.Remedy{Text: "install zenity, copy the picture and choose From Clipboard, or use the command", Command: "healthsync scan --file PICTURE.png"}
	}
	return e
}

// errCancelled says that the person thought better of it.
var errCancelled = errors.New("cancelled")

func (w *work) do(action problem.Action) error {
	o, ctx := w.a.o, w.ctx
	switch action.Name {
	case problem.ActInterval:
		return w.setInterval(action.Arg)
	case problem.ActPair:
		return w.command("scan")
	case problem.ActPairCamera:
		return w.command("scan", "--camera")
	case problem.ActPairClipboard:
		return w.command("scan", "--clipboard")
	case problem.ActPairFile:
		path, err := chosen(action.Arg, func() (string, error) { return o.PickPicture(ctx) })
		if err != nil {
			return err
		}
		return w.command("scan", "--file="+path)
	case problem.ActExport:
		return w.export(action.Arg)
	case problem.ActRenew:
		return w.computer(func(s *pairing.Computer) error {
			_, err := s.Renew(ctx, w.link())
			return err
		})
	case problem.ActUnpairYes:
		return w.computer(func(s *pairing.Computer) error {
			u, err := s.Unpair(ctx)
			if err == nil {
				s.Log.Info("unpaired", "onPhone", u.OnPhone, "removed", len(u.Removed))
			}
			return err
		})
	case problem.ActUnlock:
		return o.Settings(ctx, "keychain")
	case problem.ActCameraSettings:
		return o.Settings(ctx, "camera")
	case problem.ActClockSettings:
		return o.Settings(ctx, "clock")
	case problem.ActFolder:
		if err := os.MkdirAll(o.Paths.Data, 0o700); err != nil {
			return err
		}
		return o.Open(ctx, o.Paths.Data)
	case problem.ActReport:
		return w.command("report", "--open")
	case problem.ActTroubleshoot:
		return w.troubleshoot()
	case problem.ActLogin:
		on, _ := o.Login()
		return o.SetLogin(!on)
	}
	return problem.New(problem.Internal, fmt.Sprintf("There is no action %q.", action.Name), nil)
}

// chosen is a path that was given, or that the person chooses.
func chosen(given string, ask func() (string, error)) (string, error) {
	if given != "" {
		return given, nil
	}
	path, err := ask()
	if err == nil && path == "" {
		err = errCancelled
	}
	return path, err
}

func (w *work) computer(do func(*pairing.Computer) error) error {
	s, err := w.a.o.Computer()
	if err != nil {
		return err
	}
	return do(s)
}

func (w *work) setInterval(value string) error {
	key, ok := config.Find("sync.interval")
	if !ok {
		return problem.New(problem.Internal, "There is no setting sync.interval.", nil)
	}
	_, err := config.Update(w.a.o.Paths.ConfigFile(), func(c *config.Config) error { return key.Set(c, value) })
	return err
}

// export writes the certificates to where the person says, and where no window
// can ask, to a name that is free in the home folder, and shows it.
func (w *work) export(arg string) error {
	const name = "HealthSync certificates.pem"
	path, err := chosen(arg, func() (string, error) {
		path, err := w.a.o.SaveAs(w.ctx, name)
		if err != nil {
			home, herr := os.UserHomeDir()
			if herr != nil {
				return "", herr
			}
			return free(filepath.Join(home, name)), nil
		}
		return path, nil
	})
	if err != nil {
		return err
	}
	// A window that asks for a name has asked about replacing a file too.
	args := []string{"cert", "export", "--force", "--output=" + path}
	if w.a.State().Protocol == 2 {
		args = append(args, "--chain")
	}
	if err := w.command(args...); err != nil {
		return err
	}
	return w.a.o.Open(w.ctx, filepath.Dir(path))
}

// free gives a name that no file has yet.
func free(path string) string {
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	for n := 2; ; n++ {
		if _, err := os.Lstat(path); err != nil {
			return path
		}
		path = stem + " " + strconv.Itoa(n) + ext
	}
}

// troubleshoot writes the report of `diagnose` and shows it; a bad verdict is
// no failure of the report.
func (w *work) troubleshoot() error {
	path := filepath.Join(w.a.o.Paths.Data, "diagnosis.txt")
	if err := os.MkdirAll(w.a.o.Paths.Data, 0o700); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := w.child("diagnose", "--output="+path) // a text to be read: no --json
	if _, serr := os.Stat(path); serr != nil {
		return cmp.Or(err, serr)
	}
	return w.a.o.Open(w.ctx, path)
}

// command runs a command of this program's own and gives its error as the
// condition that it printed.
func (w *work) command(args ...string) error { return w.child(append(args, "--json")...) }

func (w *work) child(args ...string) error {
	cmd := w.a.o.Command(w.ctx, args...)
	var errs bytes.Buffer
	cmd.Stderr = &limited{w: &errs, left: 64 << 10}
	// The child ends when its standard input does: with this process.
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	if err := cmd.Run(); err != nil {
		return cmp.Or(childError(errs.Bytes()), err)
	}
	return nil
}

// childError finds the error among what a command of ours wrote: with --json
// it is one object on a line of its own.
func childError(stderr []byte) error {
	for line := range bytes.Lines(stderr) {
		var said struct {
			Error *problem.JSON `json:"error"`
		}
		if json.Unmarshal(line, &said) == nil && said.Error != nil {
			return said.Error.Error()
		}
	}
	return nil
}

// limited passes on so many bytes and swallows the rest.
type limited struct {
	w    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.w.Write(p[:n])
	return len(p), nil
}
