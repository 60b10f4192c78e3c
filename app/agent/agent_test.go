package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"healthsync/app/agent"
	"healthsync/app/agent/control"
	"healthsync/app/agent/notify"
	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/pki/vault"
	"healthsync/sync/bonjour"
	"healthsync/sync/engine"
	"healthsync/sync/simulator"
	"healthsync/sync/testenv"
)

// mac is an agent with everything real but the desktop: TLS on loopback, a
// simulated iPhone, a database, a vault.
type mac struct {
	t       *testing.T
	a       *agent.Agent
	phone   *simulator.Phone
	paths   config.Paths
	vault   vault.Vault
	log     *testenv.Buffer
	desktop *fakeDesktop
	end     context.CancelFunc
	links   pairing.LinkOptions
	now     func() time.Time // of the Mac and the iPhone
	// listen is what the app hears by; nil for nothing.
	listen agent.Listener
	say    chan bonjour.Event // what is announced by announcements
	ended  chan error
	// ahead is by how much the app's clock is ahead; questions are what the
	// iPhone was asked.
	ahead     atomic.Int64
	questions chan []byte

	mu    sync.Mutex
	notes []notify.Notice
	hold  *hold
}

// hold has the iPhone keep its answers back after some questions of a sync.
type hold struct {
	left atomic.Int64
	open chan struct{}
	once sync.Once
}

// release lets the iPhone answer again.
func (h *hold) release() { h.once.Do(func() { close(h.open) }) }

// holdAfter has the iPhone answer n more questions of a sync and then no
// more: a sync that is to be seen stays where it is, however slow the machine.
func (m *mac) holdAfter(n int64) *hold {
	h := &hold{open: make(chan struct{})}
	h.left.Store(n)
	m.mu.Lock()
	m.hold = h
	m.mu.Unlock()
	m.t.Cleanup(h.release)
	return h
}

var one = regexp.MustCompile(`"limit": ?1\b`)

// asked is what the iPhone does with a question.
func (m *mac) asked(r simulator.Request) []string {
	m.questions <- bytes.Clone(r.Body)
	m.mu.Lock()
	h := m.hold
	m.mu.Unlock()
	// A look asks for one sample.
	if h != nil && bytes.Contains(r.Body, []byte("startDate")) && !one.Match(r.Body) && h.left.Add(-1) < 0 {
		<-h.open
	}
	return nil
}

// fakeDesktop answers as the test says.
type fakeDesktop struct {
	mu      sync.Mutex
	login   bool
	confirm func() (bool, error)
	opened  []string
}

var _ agent.Desktop = (*fakeDesktop)(nil)

func (d *fakeDesktop) Open(_ context.Context, target string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened = append(d.opened, target)
	return nil
}
func (d *fakeDesktop) Settings(context.Context, string) error { return errors.New("no settings here") }
func (d *fakeDesktop) PickPicture(context.Context) (string, error) {
	return "", nil // the person closes the window
}
func (d *fakeDesktop) SaveAs(context.Context, string) (string, error) { return "", nil }
func (d *fakeDesktop) Confirm(context.Context, string, string, string) (bool, error) {
	return d.confirm()
}
func (d *fakeDesktop) Login() (bool, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.login, true
}
func (d *fakeDesktop) SetLogin(on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.login = on
	return nil
}

func newMac(t *testing.T) *mac {
	t.Helper()
	return newMacOf(t, 20)
}

// newMacOf is newMac with an iPhone that has measured for so many days.
func newMacOf(t *testing.T, days int) *mac {
	t.Helper()
	now := time.Now()
	history, err := simulator.Generate(simulator.Plan{Seed: 3, From: now.AddDate(0, 0, -days), To: now})
	must(t, err)
	dir, err := os.MkdirTemp("/tmp", "mac")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	v, err := vault.Open(vault.KindFile, vault.Options{Dir: dir})
	must(t, err)
	m := &mac{
		t: t, paths: config.Paths{Config: dir, Data: dir, Log: dir, Home: dir}, vault: v, log: new(testenv.Buffer),
		desktop: &fakeDesktop{confirm: func() (bool, error) { return false, errors.New("no window") }}, ended: make(chan error, 1),
	}
	m.links.NoSearch = true
	m.now = func() time.Time { return time.Now().Add(time.Duration(m.ahead.Load())) }
	m.questions, m.say = make(chan []byte, 1000), make(chan bonjour.Event)
	m.phone, err = simulator.New(simulator.Options{History: history, NoRateLimit: true, Latency: 20 * time.Millisecond, Script: m.asked})
	must(t, err)
	must(t, m.phone.Start("127.0.0.1:0"))
	t.Cleanup(m.phone.Stop)
	return m
}

func (m *mac) computer() (*pairing.Computer, error) {
	c, err := config.Load(m.paths.ConfigFile())
	if err != nil {
		return nil, err
	}
	return &pairing.Computer{
		Paths: m.paths, Config: c, Now: m.now, Log: slog.New(slog.NewTextHandler(m.log, nil)),
		OpenVault: func() (vault.Vault, error) { return m.vault, nil },
	}, nil
}

// pair pairs as a command beside the app does.
func (m *mac) pair() {
	m.t.Helper()
	p, err := m.phone.Payload("127.0.0.1")
	must(m.t, err)
	s, err := m.computer()
	must(m.t, err)
	_, err = s.Pair(m.t.Context(), pairing.Request{Protocol: p.Version, Host: p.Host, Port: p.Port, Code: p.Code, ExpiresAt: p.ExpiresAt, Leaf: p.Leaf, CA: p.CA, ClientName: "test"}, pairing.LinkOptions{})
	must(m.t, err)
}

// start runs the agent until the test ends.
func (m *mac) start(command func(ctx context.Context, args ...string) *exec.Cmd) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	m.end = cancel
	m.a = agent.New(agent.Options{
		Paths: m.paths, Computer: m.computer, Link: m.links, Log: slog.New(slog.NewTextHandler(m.log, nil)),
		Desktop: m.desktop, Command: command, Version: "test", Listen: m.listen,
		Now: m.now,
		Notify: func(n notify.Notice) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.notes = append(m.notes, n)
			return nil
		},
	})
	go func() { m.ended <- m.a.Run(ctx) }()
	m.t.Cleanup(func() {
		cancel()
		select {
		case err := <-m.ended:
			if err != nil {
				m.t.Error(err)
			}
		case <-time.After(stuck):
			m.t.Error("the agent does not end")
		}
		if m.t.Failed() {
			m.t.Log(m.log.String())
		}
	})
}

// until waits for a State, as long as there are others.
func (m *mac) until(what string, ok func(state.State) bool) state.State {
	m.t.Helper()
	changed, cancel := m.a.Subscribe()
	defer cancel()
	for {
		s := m.a.State()
		if ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-time.After(stuck):
			m.t.Fatalf("%s did not come; the state is %+v", what, s)
		}
	}
}

// stuck is how long nothing at all happens when nothing will.
const stuck = 30 * time.Second

func connected(s state.State) bool {
	return s.Link == state.LinkConnected && s.Sync == nil && !s.LastSync.IsZero()
}

// syncedMac is a paired Mac after its first sync; m.say announces.
func syncedMac(t *testing.T) *mac {
	m := newMac(t)
	m.pair()
	m.listen, m.links = m.announcements, pairing.LinkOptions{Finder: nobody{}}
	m.start(nil)
	m.until("the first sync", connected)
	return m
}

// whole is how many samples the iPhone has.
func (m *mac) whole() int {
	n := 0
	for _, typ := range m.phone.History().Types() {
		n += m.phone.History().Len(typ)
	}
	return n
}

// do clicks.
func (m *mac) do(name, arg string) { m.a.Do(problem.Action{Name: name, Arg: arg}) }

func TestAgentSyncs(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.pair()
	m.start(nil)
	s := m.until("the first sync", connected)
	want := m.whole()
	if s.LastAdded != want || s.Device != "Ana's iPhone" || s.App == nil || s.App.NextSync.IsZero() {
		t.Errorf("%+v, want %d samples", s, want)
	}
	m.until("the count", func(s state.State) bool { return s.Samples == int64(want) })
	if strings.Contains(m.log.String(), "level=WARN") {
		t.Error("it warned of something")
	}
}

// One who asks gets an answer that is newer than the question.
func TestAgentAsk(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.start(nil)
	s, err := m.a.Ask(t.Context())
	if err != nil || s.Link != state.LinkNotPaired {
		t.Errorf("%+v %v", s, err)
	}
	m.pair() // the app does not know yet
	if s, err = m.a.Ask(t.Context()); err != nil || !s.Paired {
		t.Errorf("%+v %v", s, err)
	}
	m.until("the first sync", connected)
	m.phone.SetLocked(true)
	if s, err = m.a.Ask(t.Context()); err != nil || s.Link != state.LinkLocked || s.Problem() == nil || s.Problem().Code != problem.PhoneLocked {
		t.Errorf("%+v %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.a.Ask(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Another process syncs: the app says who, and does its own afterwards.
func TestAgentWaitsForAnother(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.pair()
	held, err := files.Take(m.paths.LockFile(), "healthsync sync", time.Now())
	must(t, err)
	m.start(nil)
	s := m.until("the holder's name", func(s state.State) bool { return s.Sync != nil && s.Sync.Holder != "" })
	if !strings.HasPrefix(s.Sync.Holder, "healthsync sync (process ") {
		t.Errorf("%q", s.Sync.Holder)
	}
	must(t, held.Release())
	m.until("its own sync", connected)
}

// What follows a sync sees it move and end; without one there is nothing.
func TestAgentFollow(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.start(nil)
	if e, err := m.a.Follow(t.Context(), func(engine.Progress) {}); err != nil || !e.Idle {
		t.Errorf("%+v %v", e, err)
	}
	m.pair()
	h := m.holdAfter(0)
	m.a.Changed()
	m.until("a sync", func(s state.State) bool { return s.Sync != nil })
	steps := 0
	e, err := m.a.Follow(t.Context(), func(engine.Progress) {
		steps++
		h.release()
	})
	if err != nil || e.Idle || e.Error != nil || e.Result.Added == 0 || steps == 0 {
		t.Errorf("%+v %v after %d steps", e, err, steps)
	}
	var _ control.App = m.a
}

// A sync that is run while the app reads years of history gets the newest days
// next.
func TestAgentFreshens(t *testing.T) {
	if testing.Short() {
		t.Skip("long: make test-all")
	}
	t.Parallel()
	m := newMacOf(t, 90)
	newest := func(q []byte) bool { return bytes.Contains(q, []byte("2200-")) }
	m.pair()
	h := m.holdAfter(10)
	m.start(nil)
	m.until("a way back", func(s state.State) bool {
		return s.Sync != nil && s.Sync.Samples > 0 && s.Sync.Back < time.Now().AddDate(0, 0, -20).Unix()
	})
	m.ahead.Store(int64(time.Minute)) // what began a moment ago is fresh anyway
	for len(m.questions) > 0 {
		<-m.questions
	}
	e, err := m.a.Follow(t.Context(), func(engine.Progress) {
		if _, err := m.a.Ask(t.Context()); err != nil { // answered after what Follow wanted was heard
			t.Error(err)
		}
		h.release()
	})
	if err != nil || e.Idle || e.Error != nil {
		t.Fatalf("%+v %v", e, err)
	}
	for n := 0; n <= 2; n++ { // two were under way
		select {
		case q := <-m.questions:
			if newest(q) {
				return
			}
		default:
			t.Fatalf("%d more questions, none for the newest days", n)
		}
	}
	t.Error("the newest days were not asked for next")
}

// The app quits in the middle of a sync, whether the iPhone still answers or
// not. The sync ends with it and lets go of the database.
func TestAgentQuitsWhileSyncing(t *testing.T) {
	for _, answers := range []bool{true, false} {
		t.Run(fmt.Sprintf("answers %v", answers), func(t *testing.T) {
			t.Parallel()
			m := newMac(t)
			m.pair()
			h := m.holdAfter(2)
			m.start(nil)
			m.until("a sync that moves", func(s state.State) bool { return s.Sync != nil && s.Sync.Samples > 0 })
			m.do(problem.ActQuit, "")
			if answers {
				h.release()
			}
			select {
			case err := <-m.ended:
				m.ended <- err
			case <-time.After(stuck):
				t.Fatal("it does not quit")
			}
			for end := time.Now().Add(stuck); ; time.Sleep(10 * time.Millisecond) {
				_, err := files.Take(m.paths.LockFile(), "test", time.Now())
				if err == nil {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("the lock is still held: %v", err)
				}
			}
		})
	}
}

// A child's error is drawn with its code and remedy; a window that was closed
// is no failure.
func TestAgentCommands(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	var mu sync.Mutex
	var asked [][]string
	m.start(func(ctx context.Context, args ...string) *exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, args)
		return exec.CommandContext(ctx, "sh", "-c", `echo 'healthsync: note' >&2; echo '{"schema":1,"error":{"code":"QR_NOT_FOUND","severity":"error","title":"t","sentence":"No QR code","remedy":{"text":"again","action":"pair"}},"exit":15}' >&2; exit 15`)
	})
	m.until("a picture", func(s state.State) bool { return s.Link == state.LinkNotPaired })
	m.do(problem.ActPairFile, "/tmp/a picture.png")
	s := m.until("the failure", func(s state.State) bool { return s.Menu.Failure != nil })
	if f := s.Menu.Failure; f.What != "Pairing" || f.Error.Code != problem.QRNotFound || f.Error.Remedy.Action != problem.ActPair {
		t.Errorf("%+v", f)
	}
	mu.Lock()
	if got := strings.Join(asked[0], " "); got != "scan --file=/tmp/a picture.png --json" {
		t.Errorf("asked for %q", got)
	}
	mu.Unlock()
	m.do(problem.ActDismiss, "")
	m.until("no failure", func(s state.State) bool { return s.Menu.Failure == nil })
	m.do(problem.ActPairFile, "") // the window is closed
	m.do(problem.ActUnlock, "")   // this fails, after it
	s = m.until("the other failure", func(s state.State) bool { return s.Menu.Failure != nil && s.Menu.Busy == "" })
	if s.Menu.Failure.What != "Opening the keychain" {
		t.Errorf("%+v", s.Menu.Failure)
	}
}

func TestAgentActions(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.pair()
	m.start(nil)
	m.until("the first sync", connected)
	m.do(problem.ActInterval, "15m")
	m.until("the interval", func(s state.State) bool { return s.Menu.Interval == 15*time.Minute })
	m.do(problem.ActInterval, "1s")
	s := m.until("the refusal", func(s state.State) bool { return s.Menu.Failure != nil })
	if s.Menu.Failure.Error.Code != problem.ConfigInvalid {
		t.Errorf("%+v", s.Menu.Failure)
	}
	m.do(problem.ActLogin, "")
	m.until("the login item", func(s state.State) bool { return s.Menu.Login })
	m.do(problem.ActFolder, "")
	m.do(problem.ActDismiss, "")
	m.until("no question", func(s state.State) bool { return s.Menu.Question == nil })
	m.do(problem.ActUnpair, "") // no window can ask
	s = m.until("the question", func(s state.State) bool { return s.Menu.Question != nil })
	m.a.Do(s.Menu.Question.Then)
	m.until("the end of the pairing", func(s state.State) bool { return s.Link == state.LinkNotPaired && !s.Paired })
	if _, err := os.Stat(m.paths.PairingFile()); !os.IsNotExist(err) {
		t.Error("the pairing is still there")
	}
	m.desktop.mu.Lock()
	if len(m.desktop.opened) != 1 || m.desktop.opened[0] != m.paths.Data {
		t.Errorf("opened %q", m.desktop.opened)
	}
	m.desktop.mu.Unlock()

	// Paired again, and asked by a window this time.
	m.desktop.confirm = func() (bool, error) { return true, nil }
	m.pair()
	m.a.Changed()
	m.until("the new pairing", func(s state.State) bool { return s.Paired })
	m.do(problem.ActUnpair, "")
	m.until("its end", func(s state.State) bool { return !s.Paired })
}

// Settings and a memory that cannot be read are reported, and nothing is lost.
func TestAgentDamagedFiles(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.pair()
	for _, name := range []string{"config.json", "agent.json"} {
		must(t, os.WriteFile(filepath.Join(m.paths.Data, name), []byte("{rubbish"), 0o600))
	}
	m.start(nil)
	m.until("the condition", func(s state.State) bool {
		return len(s.Conditions) == 1 && s.Conditions[0].Code == problem.ConfigInvalid
	})
	must(t, os.WriteFile(m.paths.ConfigFile(), []byte("{}"), 0o600))
	m.a.Changed()
	m.until("the first sync", connected)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
