// Package control lets the commands talk with the menu-bar app, by HTTP on a
// Unix socket in the data folder that its owner alone can open: how things
// stand, how the sync goes, that something was changed.
//
// The number in the path is the version of all types in it; a command that meets
// an app of another version does without it.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"healthsync/app/config"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
)

// What can be asked.
const (
	statusPath  = "/1/status"  // how things stand, the iPhone asked
	syncPath    = "/1/sync"    // the sync that is under way, to its end; it reads the newest days next
	changedPath = "/1/changed" // settings, pairing or database were changed
)

// Path is where the socket is.
func Path(p config.Paths) string { return filepath.Join(p.Data, "app.sock") }

// maxPath is the longest path that every system can name a socket by
// (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the zero at the end).
const maxPath = 103

// TooLongError says that a socket cannot have so long a name; the app works
// without it, and so do the commands.
type TooLongError struct{ Path string }

func (e *TooLongError) Error() string { return "control: the path is too long: " + e.Path }

// syncLine is a line of the answer about a sync: its progress, and at last its end.
type syncLine struct {
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

// requestTime is how long a request may take to arrive.
const requestTime = 5 * time.Second

// Serve answers until ctx ends or the listener is closed.
func Serve(ctx context.Context, l net.Listener, app App) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, r *http.Request) {
		if s, err := app.Ask(r.Context()); err == nil {
			_ = json.NewEncoder(w).Encode(s)
		}
	})
	mux.HandleFunc("GET "+syncPath, func(w http.ResponseWriter, r *http.Request) {
		say := func(line syncLine) {
			_ = json.NewEncoder(w).Encode(line)
			_ = http.NewResponseController(w).Flush()
		}
		if e, err := app.Follow(r.Context(), func(p engine.Progress) { say(syncLine{Progress: &p}) }); err == nil {
			say(syncLine{Ended: &e})
		}
	})
	mux.HandleFunc("POST "+changedPath, func(http.ResponseWriter, *http.Request) { app.Changed() })
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: requestTime, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// ErrNoApp says that no app is running that could be asked.
var ErrNoApp = errors.New("control: the menu-bar app is not running")

// ask sends a request to the app and gives its answer; the caller closes it.
func ask(ctx context.Context, socket, method, path string) (*http.Response, error) {
	if len(socket) > maxPath {
		return nil, ErrNoApp
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{Timeout: time.Second}
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://app"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoApp, err)
	case answer.StatusCode != http.StatusOK:
		answer.Body.Close()
		return nil, fmt.Errorf("%w: one of another version is (%s)", ErrNoApp, answer.Status)
	}
	return answer, nil
}

// AskStatus asks the app how things stand. The error is ErrNoApp, or says why
// the app did not answer; either way the caller can look for itself.
func AskStatus(ctx context.Context, socket string) (state.State, error) {
	var s state.State
	answer, err := ask(ctx, socket, http.MethodGet, statusPath)
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	return s, json.NewDecoder(answer.Body).Decode(&s)
}

// FollowSync follows the app's sync to its end.
func FollowSync(ctx context.Context, socket string, progress func(engine.Progress)) (Ended, error) {
	answer, err := ask(ctx, socket, http.MethodGet, syncPath)
	if err != nil {
		return Ended{}, err
	}
	defer answer.Body.Close()
	for lines := json.NewDecoder(answer.Body); ; {
		var line syncLine
		if err := lines.Decode(&line); err != nil {
			return Ended{}, errors.Join(ctx.Err(), err)
		}
		if line.Progress != nil {
			progress(*line.Progress)
		}
		if line.Ended != nil {
			return *line.Ended, nil
		}
	}
}

// TellChanged tells the app, where there is one, that something was changed.
func TellChanged(ctx context.Context, socket string) {
	if answer, err := ask(ctx, socket, http.MethodPost, changedPath); err == nil {
		answer.Body.Close()
	}
}
