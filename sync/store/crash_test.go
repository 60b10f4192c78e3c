package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// The test binary is also the other process: what it does is in childVar, the
// database in childPath.
const (
	childVar  = "HEALTHSYNC_STORE_TEST_CHILD"
	childPath = "HEALTHSYNC_STORE_TEST_PATH"
	// killsVar asks for more than the few kills of an ordinary run.
	killsVar = "HEALTHSYNC_STORE_TEST_KILLS"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childVar) {
	case "":
		os.Exit(m.Run())
	case "write":
		err = writeForever(os.Getenv(childPath))
	case "fill":
		err = fillUnderLimit(os.Getenv(childPath))
	case "share":
		err = writeShared(os.Getenv(childPath))
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(what, path string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVar+"="+what, childPath+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

const (
	pageSize  = 150
	pageSpan  = 100 // seconds
	pageStart = 1_000_000_000
)

// backfill is the change number n of a synchronisation from new to old: a
// page, its coverage, the place to go on from; and every tenth time it finds
// that samples of the page before are gone.
func backfill(n int) store.Change {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	span := store.Span{From: pageStart - int64(n+1)*pageSpan, To: pageStart - int64(n)*pageSpan}
	var c store.Change
	for i := range pageSize {
		m := heart(n*pageSize+i, span.From+r.Int64N(pageSpan))
		m.ID = randomUUID(r)
		m.Type = []health.Type{health.HeartRate, health.Steps, health.SleepAnalysis}[i%3]
		c.Samples = append(c.Samples, m)
	}
	for _, t := range []health.Type{health.HeartRate, health.Steps, health.SleepAnalysis} {
		c.Covered = append(c.Covered, store.Covered{Type: t, Span: span, At: int64(n)})
	}
	if n%10 == 9 {
		c.Reconcile = []store.Covered{{Type: health.Steps, Span: store.Span{From: span.To, To: span.To + pageSpan}}}
	}
	c.State = map[string]string{"next": strconv.Itoa(n + 1)}
	return c
}

func next(ctx context.Context, s *store.Store) (int, error) {
	v, ok, err := s.State(ctx, "next")
	if err != nil || !ok {
		return 0, err
	}
	return strconv.Atoi(v)
}

// writeForever goes on where the database says, and tells each change that
// has been stored.
func writeForever(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		return err
	}
	n, err := next(ctx, s)
	if err != nil {
		return err
	}
	for ; ; n++ {
		c := backfill(n)
		out, err := s.Apply(ctx, &c)
		if err != nil {
			return err
		}
		if out.Added != pageSize {
			return fmt.Errorf("change %d: %+v", n, out.Counts)
		}
		fmt.Println(n)
	}
}

// TestKill kills a writer at random moments. Whatever it said was stored is
// stored, every change is there whole or not at all, and the file is sound.
func TestKill(t *testing.T) {
	kills := 12
	if v, err := strconv.Atoi(os.Getenv(killsVar)); err == nil {
		kills = v
	}
	path := filepath.Join(t.TempDir(), "health.db")
	stored := 0
	for range kills {
		cmd := child("write", path)
		stdout, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		// From before the file is made to the midst of many changes.
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(100*time.Millisecond))), func() { cmd.Process.Kill() })
		said := stored - 1
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(lines.Text())
			}
		}
		timer.Stop()
		cmd.Process.Kill()
		cmd.Wait()

		s := open(t, path)
		n, err := next(t.Context(), s)
		must(t, err)
		if n < said+1 {
			t.Fatalf("change %d was stored, but the database goes on from %d", said, n)
		}
		stored = n
		must(t, s.Close())
	}
	s := open(t, path)
	sound(t, s)
	var want []health.Sample
	for i := range stored {
		c := backfill(i)
		if i%10 == 9 {
			span := c.Reconcile[0].Span
			want = slices.DeleteFunc(want, func(m health.Sample) bool {
				return m.Type == health.Steps && span.Contains(m.Start)
			})
		}
		want = append(want, c.Samples...)
	}
	if got := all(t, s); len(got) != len(want) {
		t.Errorf("%d samples after %d changes, want %d", len(got), stored, len(want))
	} else {
		slices.SortFunc(want, byKey)
		if !slices.Equal(got, want) {
			t.Error("other samples than were stored")
		}
	}
	covered, err := s.Coverage(t.Context())
	must(t, err)
	whole := []store.Span{{From: pageStart - int64(stored)*pageSpan, To: pageStart}}
	if stored > 0 && !slices.Equal(covered[health.Steps], whole) {
		t.Errorf("covered %v, want %v", covered[health.Steps], whole)
	}
	out := reader(t, path, "PRAGMA integrity_check; SELECT count(*) FROM samples")
	if out != "ok\n"+strconv.Itoa(len(want)) {
		t.Errorf("sqlite3 says %q", out)
	}
	t.Logf("%d kills, %d changes", kills, stored)
}

// fill applies changes until the disk is full.
func fill(ctx context.Context, s *store.Store) (stored int, err error) {
	for stored = 0; stored < 2000; stored++ {
		c := backfill(stored)
		c.Reconcile = nil
		if _, err = s.Apply(ctx, &c); err != nil {
			return stored, err
		}
	}
	return stored, errors.New("the disk did not fill")
}

// holdsAll compares what is stored with the first changes.
func holdsAll(t *testing.T, s *store.Store, changes int) {
	t.Helper()
	sound(t, s)
	var want []health.Sample
	for i := range changes {
		want = append(want, backfill(i).Samples...)
	}
	slices.SortFunc(want, byKey)
	if !slices.Equal(all(t, s), want) {
		t.Errorf("other samples than those of %d changes", changes)
	}
}

// TestDiskFull fills a small file system: the change that finds no room is
// not stored, everything before is, and with room again it goes on.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	mount(t, "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", dir)
	s := open(t, filepath.Join(dir, "health.db"))
	stored, err := fill(t.Context(), s)
	var full *store.FullError
	if !errors.As(err, &full) || stored == 0 {
		t.Fatalf("after %d changes: %T %v", stored, err, err)
	}
	holdsAll(t, s, stored)
	s.Close()
	if s, err := store.Open(t.Context(), s.Path(), store.Options{}); err == nil {
		holdsAll(t, s, stored)
		s.Close()
	} else if !errors.As(err, &full) {
		t.Errorf("reopening on the full disk: %T %v", err, err)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=8m", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s = open(t, s.Path())
	c := backfill(stored)
	c.Reconcile = nil
	if out := apply(t, s, c); out.Added != pageSize {
		t.Errorf("%+v", out.Counts)
	}
	holdsAll(t, s, stored+1)
	s.Close() // before the file system goes
}

// fillUnderLimit does the same where a limit on the size of files stands in for
// the end of the disk, which SQLite calls an I/O error, and reports how many
// changes went in.
func fillUnderLimit(path string) error {
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		return err
	}
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		return err
	}
	stored, err := fill(context.Background(), s)
	var io *store.IOError
	if !errors.As(err, &io) {
		return fmt.Errorf("%T %w", err, err)
	}
	fmt.Println(stored)
	return nil
}

func TestFileTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	out, err := child("fill", path).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stored, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || stored == 0 {
		t.Fatalf("%q", out)
	}
	holdsAll(t, open(t, path), stored)
}

const sharedChanges = 60

// writeShared applies the changes of two processes that do the same at once,
// and reports how many samples it was the one to add.
func writeShared(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, path, store.Options{BusyTimeout: time.Minute}) // under the race detector a change takes long
	if err != nil {
		return err
	}
	added := 0
	for i := range sharedChanges {
		c := backfill(i)
		c.Reconcile = nil
		out, err := s.Apply(ctx, &c)
		if err != nil {
			return err
		}
		added += out.Added
	}
	fmt.Println(added)
	return s.Close()
}

// Two processes make the file and write the same at once: nothing is doubled,
// nobody fails.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	type result struct {
		out []byte
		err error
	}
	results := make(chan result)
	for range 2 {
		go func() {
			out, err := child("share", path).Output()
			results <- result{out, err}
		}()
	}
	added := 0
	for range 2 {
		r := <-results
		n, err := strconv.Atoi(strings.TrimSpace(string(r.out)))
		if r.err != nil || err != nil {
			t.Fatalf("%v: %s", r.err, r.out)
		}
		added += n
	}
	if added != sharedChanges*pageSize {
		t.Errorf("%d samples added by the two, want %d", added, sharedChanges*pageSize)
	}
	holdsAll(t, open(t, path), sharedChanges)
}

// While another process is writing, a change waits as long as it may, or
// until its context is done; reading goes on.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := openWith(t, path, store.Options{BusyTimeout: 60 * time.Millisecond})
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100)}})

	cmd, stdin := shell(t, path, "BEGIN IMMEDIATE;\nSELECT 'held';", "held")
	var busy *store.BusyError
	if _, err := s.Apply(t.Context(), &store.Change{}); !errors.As(err, &busy) {
		t.Errorf("%T %v", err, err)
	}
	patient := openWith(t, path, store.Options{BusyTimeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := patient.Apply(ctx, &store.Change{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%T %v", err, err)
	}
	same(t, all(t, s), []health.Sample{heart(1, 100)})
	stdin.Close()
	cmd.Wait()
	apply(t, s, store.Change{Samples: []health.Sample{heart(2, 200)}})
	sound(t, s)
}

// shell has the sqlite3 program do something to a database and stay in the middle
// of it; it is there when it has said the word.
func shell(t *testing.T, path, sql, word string) (*exec.Cmd, io.WriteCloser) {
	t.Helper()
	cmd := exec.Command(testenv.NeedTool(t, "sqlite3", "sqlite3"), "-batch", path)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	io.WriteString(stdin, sql+"\n")
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != word+"\n" {
		t.Fatal(line, err)
	}
	return cmd, stdin
}

// A process that dies while it turns a file to WAL mode (a new one, or a backup
// that was put back) leaves a journal, which only a writer may take back. The
// next one does, and loses nothing.
func TestHotJournal(t *testing.T) {
	s := fresh(t)
	samples := hearts(3000)
	apply(t, s, store.Change{Samples: samples})
	path := filepath.Join(t.TempDir(), "health.db")
	if _, err := s.Backup(t.Context(), path, false); err != nil {
		t.Fatal(err)
	}
	cmd, _ := shell(t, path, "PRAGMA cache_size=2; BEGIN; UPDATE sample SET value = 1; SELECT 'half';", "half")
	cmd.Process.Kill()
	cmd.Wait()
	if info, err := os.Stat(path + "-journal"); err != nil || info.Size() == 0 {
		t.Fatalf("no journal: %v", err)
	}
	s = open(t, path)
	sound(t, s)
	same(t, all(t, s), samples)
	if _, err := os.Stat(path + "-journal"); err == nil {
		t.Error("the journal is still there")
	}
}

// Copies that are made while another process writes are each of one moment.
func TestBackupOfABusyDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	cmd := child("write", path)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatal("it does not write")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	s := openWith(t, path, store.Options{ReadOnly: true})
	last := 0
	for i := range 4 {
		copied := filepath.Join(t.TempDir(), fmt.Sprint(i))
		info, err := s.Backup(t.Context(), copied, false)
		must(t, err)
		c := open(t, copied)
		sound(t, c)
		n, err := next(t.Context(), c)
		if err != nil || n < last {
			t.Errorf("copy %d is of change %d, the one before of %d: %v", i, n, last, err)
		}
		last = n
		if got := int64(len(all(t, c))); got != info.Samples || got+info.Deleted != int64(n*pageSize) {
			t.Errorf("copy %d: %d samples and %+v after %d changes", i, got, info, n)
		}
		c.Close()
	}
	cmd.Process.Kill()
	<-drained
}
