package camera_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/menubar/camera"
)

// The test binary is the child, with a window that its first argument
// chooses: real processes, real pipes, real exit statuses.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "window" {
		os.Exit(child(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "parent" {
		_, err := camera.Scan(context.Background(), window(os.Args[2]))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func window(what string) camera.Child {
	exe, _ := os.Executable()
	return camera.Child{Program: exe, Args: []string{"window", what}, Grace: 500 * time.Millisecond}
}

func child(what string) int {
	if !camera.IsChild(os.Getenv) {
		return 99
	}
	err := camera.Serve(context.Background(), os.Stdin, os.Stdout, fakeWindow(what), camera.Window{Check: ours})
	var e *camera.Error
	if errors.As(err, &e) {
		return 17
	}
	if err != nil {
		return 98
	}
	return 0
}

func ours(payload string) string {
	if strings.HasPrefix(payload, "ours") {
		return ""
	}
	return "not ours"
}

func fakeWindow(what string) func(context.Context, camera.Window) (string, error) {
	return func(ctx context.Context, w camera.Window) (string, error) {
		if o := camera.Outcome(what); slices.Contains(camera.Outcomes(), o) {
			return "", fmt.Errorf("window: %w", &camera.Error{Outcome: o, Detail: "why"})
		}
		switch what {
		case "found":
			for _, seen := range []string{"https://example.com", "ours: \"q\"\n\u00e9"} {
				if w.Check(seen) == "" {
					return seen, nil
				}
			}
		case "waits":
			fmt.Fprintln(os.Stderr, "pid", os.Getpid())
			<-ctx.Done()
			return "", ctx.Err()
		case "hangs":
			select {}
		case "exception":
			fmt.Fprintln(os.Stderr, "*** Terminating app due to uncaught exception 'NSInvalidArgumentException', reason: '*** -[AVCaptureSession addInput:] Cannot add input'")
			_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
			select {}
		case "panic":
			panic("window")
		case "unknown":
			return "", errors.New("something else")
		case "chatter":
			_, _ = io.Copy(os.Stdout, io.LimitReader(zeros{}, 1<<20))
		case "empty":
		}
		return "", nil
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// What a child found, or how it ended, crosses with its detail.
func TestScan(t *testing.T) {
	if got, err := camera.Scan(t.Context(), window("found")); err != nil || got != "ours: \"q\"\n\u00e9" {
		t.Errorf("Scan = %q, %v", got, err)
	}
	type want struct {
		outcome camera.Outcome
		detail  string
	}
	all := map[string]want{
		"exception": {camera.Failed, "-[AVCaptureSession addInput:] Cannot add input"},
		"panic":     {camera.Failed, "exit status 2"},
		"unknown":   {camera.Failed, "something else"},
		"empty":     {camera.Failed, "without a word"},
		"chatter":   {camera.Failed, "without a word"},
		"":          {camera.Failed, "no such file"}, // no program
	}
	for _, o := range camera.Outcomes() {
		all[string(o)] = want{o, "why"}
	}
	for what, want := range all {
		c := window(what)
		if what == "" {
			c.Program = "/nonexistent/healthsync"
		}
		_, err := camera.Scan(t.Context(), c)
		var e *camera.Error
		if !errors.As(err, &e) || e.Outcome != want.outcome || !strings.Contains(e.Detail, want.detail) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
}

// A scan that is called off takes its child with it, also one that hangs.
func TestCalledOff(t *testing.T) {
	for _, what := range []string{"waits", "hangs"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := camera.Scan(ctx, window(what)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The light must not stay on when the program that asked dies without a word.
func TestParentKilled(t *testing.T) {
	exe, _ := os.Executable()
	parent := exec.Command(exe, "parent", "waits")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := waitForChild(t, parent.Process.Pid)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for deadline := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the child outlives its parent")
		}
	}
}

// waitForChild finds the process that the parent started.
func waitForChild(t *testing.T, parent int) int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		out, _ := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(parent)).Output()
		if pid, err := strconv.Atoi(string(bytes.TrimSpace(out))); err == nil {
			return pid
		}
		out, _ = exec.Command("pgrep", "-P", strconv.Itoa(parent)).Output() // macOS
		if pid, err := strconv.Atoi(string(bytes.TrimSpace(out))); err == nil {
			return pid
		}
	}
	t.Fatal("no child")
	return 0
}

// alive is false for a zombie too: nobody but init may reap the orphan.
func alive(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !bytes.HasPrefix(bytes.TrimSpace(out), []byte("Z"))
}
