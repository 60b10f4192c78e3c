// Package control lets the commands talk with the menu-bar app, by a Unix
// socket in the data folder that its owner alone can open: how things stand,
// how the sync goes, that something was changed.
//
// One request a connection, one JSON object a line. One schema number stands for
// all types in it, and a command that meets another number does without the app.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"healthsync/app/config"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
)

// Schema is the version of what is said.
const Schema = 1

// Path is where the socket is.
func Path(p config.Paths) string { return filepath.Join(p.Data, "app.sock") }

// maxPath is the longest path that every system can name a socket by
// (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the zero at the end).
const maxPath = 103

// TooLongError says that a socket cannot have so long a name; the app works
// without it, and so do the commands.
type TooLongError struct{ Path string }

func (e *TooLongError) Error() string { return "socket: the path is too long: " + e.Path }

// Verb is what is asked.
type Verb string

// The verbs.
const (
	Status  Verb = "status"  // how things stand, the iPhone asked
	Follow  Verb = "follow"  // the sync that is under way, to its end; it reads the newest days next
	Changed Verb = "changed" // settings, pairing or database were changed
)

type request struct {
	Schema int  `json:"schema"`
	Ask    Verb `json:"ask"`
}

// answer is a line of the app's. One of the fields is set.
type answer struct {
	Schema   int              `json:"schema"`
	State    *state.State     `json:"state,omitempty"`
	Progress *engine.Progress `json:"progress,omitempty"`
	Ended    *Ended           `json:"ended,omitempty"`
}

// Ended is how a sync ended.
type Ended struct {
	// Idle says that there was none to follow.
	Idle   bool          `json:"idle,omitempty"`
	Result engine.Result `json:"result"`
	Error  *problem.JSON `json:"error,omitempty"`
}

// App is what a server speaks for.
type App interface {
	// Ask asks the iPhone how it is and gives the State after its answer.
	Ask(ctx context.Context) (state.State, error)
	// Follow tells of the sync that is under way until it ends.
	Follow(ctx context.Context, progress func(engine.Progress)) (Ended, error)
	// Changed says that another process changed something.
	Changed()
}

// Listen opens the socket at path; who calls it holds the lock of the app, so
// that a socket which is there already is a dead one.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, &TooLongError{path}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// maxRequest bounds a request in bytes, requestTime how long it may take to
// arrive.
const (
	maxRequest  = 4096
	requestTime = 5 * time.Second
)

// Serve answers until ctx ends or the listener is closed.
func Serve(ctx context.Context, l net.Listener, app App) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		go serve(ctx, conn, app)
	}
}

func serve(ctx context.Context, conn net.Conn, app App) {
	defer conn.Close()
	if conn.SetReadDeadline(time.Now().Add(requestTime)) != nil {
		return
	}
	line, err := bufio.NewReaderSize(conn, maxRequest).ReadSlice('\n')
	var q request
	if err != nil || json.Unmarshal(line, &q) != nil || q.Schema != Schema {
		return
	}
	if conn.SetReadDeadline(time.Time{}) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // whoever asked and has gone is not answered
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	}()
	say := func(a answer) {
		a.Schema = Schema
		if raw, err := json.Marshal(a); err != nil || conn.SetWriteDeadline(time.Now().Add(requestTime)) != nil {
			cancel()
		} else if _, err := conn.Write(append(raw, '\n')); err != nil {
			cancel()
		}
	}
	switch q.Ask {
	case Status:
		if s, err := app.Ask(ctx); err == nil {
			say(answer{State: &s})
		}
	case Follow:
		if e, err := app.Follow(ctx, func(p engine.Progress) { say(answer{Progress: &p}) }); err == nil {
			say(answer{Ended: &e})
		}
	case Changed:
		app.Changed()
	}
}

// ErrNoApp says that no app is running that could be asked.
var ErrNoApp = errors.New("socket: the menu-bar app is not running")

// ask sends one request; answers gives each line of the answer to take until
// it reports true.
func ask(ctx context.Context, path string, verb Verb, take func(answer) bool) error {
	if len(path) > maxPath {
		return ErrNoApp
	}
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoApp, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	raw, err := json.Marshal(request{Schema, verb})
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(raw, '\n')); err != nil || take == nil {
		return err
	}
	lines := json.NewDecoder(conn)
	for {
		var a answer
		if err := lines.Decode(&a); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		if a.Schema != Schema {
			return fmt.Errorf("%w: one of another version is", ErrNoApp)
		}
		if take(a) {
			return nil
		}
	}
}

// AskStatus asks the app how things stand. The error is ErrNoApp, or says why
// the app did not answer; either way the caller can look for itself.
func AskStatus(ctx context.Context, path string) (state.State, error) {
	var s state.State
	err := ask(ctx, path, Status, func(a answer) bool {
		if a.State != nil {
			s = *a.State
		}
		return a.State != nil
	})
	return s, err
}

// FollowSync follows the app's sync to its end.
func FollowSync(ctx context.Context, path string, progress func(engine.Progress)) (Ended, error) {
	var e Ended
	err := ask(ctx, path, Follow, func(a answer) bool {
		if a.Progress != nil {
			progress(*a.Progress)
		}
		if a.Ended != nil {
			e = *a.Ended
		}
		return a.Ended != nil
	})
	return e, err
}

// TellChanged tells the app, where there is one, that something was changed.
func TellChanged(ctx context.Context, path string) {
	_ = ask(ctx, path, Changed, nil) // no app, nobody to tell
}
