//go:build linux

package menubar_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// built builds a program of testdata once. It is built without the race
// detector: the library has a race of its own between a panel that reads and
// a row that changes (systray_menu_unix.go, GetLayout and refresh).
var built = func() func(t testing.TB, name string) string {
	var mu sync.Mutex
	done := map[string]string{}
	return func(t testing.TB, name string) string {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if done[name] == "" {
			path := filepath.Join(os.TempDir(), fmt.Sprintf("healthsync-test-%d-%s", os.Getpid(), name))
			cmd := exec.Command("go", "build", "-o", path, "./testdata/"+name)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("build %s: %v\n%s", name, err, out)
			}
			done[name] = path
			leftBehind = append(leftBehind, path)
		}
		return done[name]
	}
}()

var leftBehind []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, path := range leftBehind {
		_ = os.Remove(path)
	}
	os.Exit(code)
}

// shortDir is a folder whose name is short enough for a socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hs")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// process is a program under test with its output.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser

	mu    sync.Mutex
	lines []string
	done  chan error
}

func start(t testing.TB, path string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(path, args...), done: make(chan error, 1)}
	p.cmd.Env = env
	in, err := p.cmd.StdinPipe()
	must(t, err)
	p.in = in
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	p.cmd.Stderr = p.cmd.Stdout
	must(t, p.cmd.Start())
	go func() {
		sc := bufio.NewScanner(out)
		for sc.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, sc.Text())
			p.mu.Unlock()
		}
		p.done <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", filepath.Base(path), strings.Join(p.output(), "\n"))
		}
	})
	return p
}

func (p *process) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// wait waits for the end, and wants it to be a good one.
func (p *process) wait(d time.Duration) time.Duration {
	p.t.Helper()
	begin := time.Now()
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Errorf("it ended with %v", err)
		}
	case <-time.After(d):
		p.t.Fatalf("it did not end in %s", d)
	}
	return time.Since(begin)
}

// environment is a world of its own for a program under test.
func environment(dir, bus string, more ...string) []string {
	return append([]string{
		"HOME=" + filepath.Join(dir, "user"), "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_RUNTIME_DIR=" + dir, "PATH=" + os.Getenv("PATH"),
		"DBUS_SESSION_BUS_ADDRESS=" + bus, "LC_ALL=C.UTF-8", "TZ=UTC",
	}, more...)
}

// No click is lost, however fast they come and by whatever call; a greyed or
// hidden row takes none; what anyone has called a device is drawn as it is.
func TestClicks(t *testing.T) {
	dir := shortDir(t)
	bus := testenv.StartBus(t)
	w := StartWatcher(t, bus.Addr)
	p := start(t, built(t, "clicks"), environment(dir, bus.Addr))
	item := w.Wait(t, 5*time.Second)
	item.WaitFor(t, 5*time.Second, "Ana_s <i>Phone</i> & co - Connected")
	m, err := item.Menu(t.Context())
	must(t, err)
	syncNow, hourly, title := m.Find("Sync Now").ID, m.Find("Every hour").ID, m.Find("Connected").ID
	// As fast as the bus carries them, up to what one row keeps.
	const each = 30
	var ids []int32
	for range each {
		ids = append(ids, syncNow, hourly, title)
	}
	must(t, item.Click(ids...))
	must(t, item.ClickSingly(ids...))
	want := map[string]int{"sync": 2 * each, "interval 1h": 2 * each}
	got := p.count(4 * each)
	for action, n := range want {
		if got[action] != n {
			t.Errorf("%q arrived %d times of %d", action, got[action], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("arrived: %v", got)
	}
	// While it syncs there is another row in its place: the old one is dead.
	fmt.Fprintln(p.in, "syncing")
	item.WaitFor(t, 5*time.Second, "Stop Syncing")
	must(t, item.Click(syncNow, hourly))
	if got := p.count(4*each + 1); got["sync"] != 2*each || got["interval 1h"] != 2*each+1 {
		t.Errorf("a hidden row was clicked: %v", got)
	}
	_ = p.in.Close()
	p.wait(5 * time.Second)
}

// count counts the lines once there are so many.
func (p *process) count(n int) map[string]int {
	p.t.Helper()
	for end := time.Now().Add(5 * time.Second); len(p.actions()) < n && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // more than there should be?
	got := map[string]int{}
	for _, a := range p.actions() {
		got[a]++
	}
	return got
}

// actions are the lines that are not the log's.
func (p *process) actions() []string {
	var out []string
	for _, l := range p.output() {
		if !strings.HasPrefix(l, "time=") {
			out = append(out, strings.TrimSpace(l))
		}
	}
	return out
}

// The icon, its title and its menu are there at every start: the library loses
// them now and then when they are set while it exports them.
func TestIconIsNeverLost(t *testing.T) {
	dir := shortDir(t)
	bus := testenv.StartBus(t)
	w := StartWatcher(t, bus.Addr)
	for range 25 {
		p := start(t, built(t, "clicks"), environment(dir, bus.Addr))
		item := w.Wait(t, 5*time.Second)
		if _, err := item.Icon(); err != nil {
			t.Errorf("the icon: %v", err)
		}
		if props, err := item.Properties(); err != nil || props["Title"].Value() != "HealthSync" || !strings.Contains(props["ToolTip"].String(), "Connected") {
			t.Errorf("title and tooltip: %v %v %v", props["Title"], props["ToolTip"], err)
		}
		_ = p.in.Close()
		p.wait(5 * time.Second)
	}
}

// The panel dies and comes back, the bus dies and comes back: so does the
// icon, with what has changed meanwhile.
func TestIconComesBack(t *testing.T) {
	dir := shortDir(t)
	bus := testenv.StartBus(t)
	p := start(t, built(t, "clicks"), environment(dir, bus.Addr)) // before any panel
	time.Sleep(100 * time.Millisecond)
	w := StartWatcher(t, bus.Addr)
	w.Wait(t, 5*time.Second)
	w.Stop()
	w = StartWatcher(t, bus.Addr)
	w.Wait(t, 5*time.Second).WaitFor(t, 5*time.Second, "Connected")

	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		bus.Stop()
		fmt.Fprintf(p.in, "Round %d\n", round)
		time.Sleep(300 * time.Millisecond)
		bus.Start(t)
		w = StartWatcher(t, bus.Addr)
		item := w.Wait(t, 15*time.Second)
		item.WaitFor(t, 5*time.Second, fmt.Sprintf("Round %d - Connected", round))
		if _, err := item.Icon(); err != nil {
			t.Error(err)
		}
		m, err := item.Menu(t.Context())
		must(t, err)
		if err := item.Click(m.Find("Sync Now").ID); err != nil {
			t.Error(err)
		}
		if got := p.count(round + 1); got["sync"] != round+1 {
			t.Errorf("clicks after the bus came back: %v", got)
		}
	}
	_ = p.in.Close()
	p.wait(5 * time.Second)
}

// Without a bus there is no icon, no panic and no loop that eats the processor.
func TestNoBus(t *testing.T) {
	dir := shortDir(t)
	env := []string{"HOME=" + dir, "PATH=/nonexistent", "XDG_RUNTIME_DIR=" + dir, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(dir, "none")}
	p := start(t, built(t, "clicks"), env)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for !strings.Contains(strings.Join(p.output(), "\n"), "no session bus") && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	_ = p.in.Close()
	p.wait(5 * time.Second)
	if cpu := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(); cpu > time.Second {
		t.Errorf("it used %s of the processor", cpu)
	}
	if n := strings.Count(strings.Join(p.output(), "\n"), "no session bus"); n != 1 {
		t.Errorf("it complained %d times", n)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
