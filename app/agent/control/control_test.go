package control

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
)

// fakeApp answers at once.
type fakeApp struct {
	state   state.State
	ended   Ended
	hang    bool
	changed chan struct{}
}

var _ App = (*fakeApp)(nil)

func (a *fakeApp) Ask(ctx context.Context) (state.State, error) {
	if a.hang {
		<-ctx.Done()
		return state.State{}, ctx.Err()
	}
	return a.state, nil
}

func (a *fakeApp) Follow(_ context.Context, progress func(engine.Progress)) (Ended, error) {
	progress(engine.Progress{Samples: 1})
	progress(engine.Progress{Samples: 2, Known: true, Remaining: 3})
	return a.ended, nil
}

func (a *fakeApp) Changed() { a.changed <- struct{}{} }

// serveApp serves an app on a socket of its own.
func serveApp(t *testing.T, a *fakeApp) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sock") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "data", "app.sock")
	for range 2 { // the second time over what a dead app left behind
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = l.Close()
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, a) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

// What status prints crosses the socket unharmed: the conditions, their
// severity and remedy, the sync. What only the menu shows does not.
func TestStatus(t *testing.T) {
	e := problem.New(problem.CertRevoked, "This computer's certificate was revoked.", errors.New("cause"))
	a := &fakeApp{state: state.State{
		At: time.Now().UTC().Truncate(time.Second), Link: state.LinkAttention, Paired: true, Device: "Ana's iPhone", SharedTypes: 31,
		Credentials: []state.Credential{{Name: "client", Status: "Valid", NotAfter: time.Now().UTC().Truncate(time.Second)}},
		Conditions:  []problem.JSON{e.JSON(), problem.New(problem.CertExpiring, "soon", nil).JSON()},
		Sync:        &state.Progress{Progress: engine.Progress{Samples: 7}}, App: &state.App{PID: 1},
		Menu: state.MenuState{Today: []state.Figure{{Name: "Steps", Value: "8,412"}}},
	}}
	s, err := AskStatus(t.Context(), serveApp(t, a))
	if err != nil {
		t.Fatal(err)
	}
	p := s.Problem()
	if p == nil || p.Code != e.Code || p.Detail != e.Detail || p.Remedy != e.Remedy || p.Exit() != e.Exit() {
		t.Errorf("the problem is %+v", p)
	}
	if s.Conditions[1].Severity != problem.Warning || s.Sync.Samples != 7 || s.Device != a.state.Device || !s.Credentials[0].NotAfter.Equal(a.state.Credentials[0].NotAfter) {
		t.Errorf("%+v", s)
	}
	if len(s.Menu.Today) != 0 {
		t.Error("health data crossed the socket")
	}
}

func TestFollow(t *testing.T) {
	j := problem.New(problem.PhoneLocked, "", nil).JSON()
	a := &fakeApp{ended: Ended{Error: &j}}
	a.ended.Result.Added = 41
	var seen []int64
	e, err := FollowSync(t.Context(), serveApp(t, a), func(p engine.Progress) { seen = append(seen, p.Samples) })
	if err != nil || e.Result.Added != 41 || e.Error == nil || e.Error.Code != problem.PhoneLocked || len(seen) != 2 {
		t.Errorf("%+v %v %v", e, seen, err)
	}
}

func TestChanged(t *testing.T) {
	a := &fakeApp{changed: make(chan struct{}, 1)}
	TellChanged(t.Context(), serveApp(t, a))
	select {
	case <-a.changed:
	case <-time.After(5 * time.Second):
		t.Error("nobody was told")
	}
}

// A command that has no app to ask looks for itself, at once.
func TestNoApp(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "none"), filepath.Join(dir, strings.Repeat("x", 120))} {
		if _, err := AskStatus(t.Context(), path); !errors.Is(err, ErrNoApp) {
			t.Errorf("%v", err)
		}
		TellChanged(t.Context(), path)
	}
	var long *TooLongError
	if _, err := Listen(filepath.Join(dir, strings.Repeat("x", 120))); !errors.As(err, &long) {
		t.Errorf("%v", err)
	}
}

// A client that gives up is not waited for.
func TestGiveUp(t *testing.T) {
	path := serveApp(t, &fakeApp{hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := AskStatus(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Rubbish does no harm, an app of another version is none, and the socket is its
// owner's alone.
func TestRubbish(t *testing.T) {
	path := serveApp(t, &fakeApp{})
	lines := []string{"\n\n", "{}\n"}
	if !testing.Short() { // one without an end is kept for requestTime
		lines = append(lines, strings.Repeat("x", 10000))
	}
	for _, line := range lines {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(line))
		_ = conn.SetReadDeadline(time.Now().Add(2 * requestTime))
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.40q is kept: %v", line, err)
		}
		_ = conn.Close()
	}
	if _, err := ask(t.Context(), path, "GET", "/99/status"); !errors.Is(err, ErrNoApp) {
		t.Errorf("another version: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
}
