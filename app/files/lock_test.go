package files_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"healthsync/app/files"
)

// TestHolder is the other process of the tests below.
func TestHolder(t *testing.T) {
	path := os.Getenv("HOLD")
	if path == "" {
		return // only as a child of the other tests
	}
	if _, err := files.Take(path, "the child", time.Now()); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("held\n")
	time.Sleep(time.Minute)
}

func TestAnotherProcessHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "sync.lock")
	child := exec.Command(os.Args[0], "-test.run=^TestHolder$", "-test.v")
	child.Env = append(os.Environ(), "HOLD="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(out); sc.Scan() && sc.Text() != "held"; {
	}
	if h, ok := files.HeldBy(path); !ok || h.PID != child.Process.Pid || h.What != "the child" || h.Since.IsZero() {
		t.Errorf("while the child holds it: held by %+v, %v", h, ok)
	}
	_, err = files.Take(path, "the parent", time.Now())
	var held *files.HeldError
	if !errors.As(err, &held) || held.Holder.PID != child.Process.Pid || held.Holder.What != "the child" {
		t.Errorf("while the child holds it: %v", err)
	}
	// kill -9 leaves no lock behind.
	_ = child.Process.Kill()
	_ = child.Wait()
	if h, ok := files.HeldBy(path); ok {
		t.Errorf("after the holder was killed: held by %+v", h)
	}
	l, err := files.Take(path, "the parent", time.Now())
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	if _, err := files.Take(path, "again", time.Now()); !errors.As(err, &held) || held.Holder.PID != os.Getpid() {
		t.Errorf("a second time in one process: %v", err)
	}
	if h, ok := files.HeldBy(path); !ok || h.PID != os.Getpid() {
		t.Errorf("held by %+v, %v", h, ok)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if h, ok := files.HeldBy(path); ok {
		t.Errorf("after the release: held by %+v", h)
	}
	if l, err = files.Take(path, "again", time.Now()); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	_ = l.Release()
}
