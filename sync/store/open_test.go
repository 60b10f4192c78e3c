package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// contents gives what the files of a folder hold, for comparison byte by byte.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		if strings.HasSuffix(e.Name(), "-shm") || strings.HasSuffix(e.Name(), "-wal") && len(b) == 0 {
			continue // no content: the log's index, or a log with nothing in it
		}
		out[e.Name()] = string(b)
	}
	return out
}

// untouched fails the test where f changes a byte of the folder's files.
func untouched(t *testing.T, dir string, f func()) {
	t.Helper()
	before := contents(t, dir)
	f()
	after := contents(t, dir)
	for name, b := range before {
		if after[name] != b {
			t.Errorf("%s was changed", name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s appeared", name)
		}
	}
}

func TestFileMode(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 1)}})
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(s.Path() + suffix)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", s.Path()+suffix, info.Mode())
		}
	}
	info, err := os.Stat(filepath.Dir(s.Path()))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	// Closed, it is one file.
	must(t, s.Close())
	if entries, err := os.ReadDir(filepath.Dir(s.Path())); err != nil || len(entries) != 1 {
		t.Errorf("after Close: %v %v", entries, err)
	}
}

func TestReopen(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100)}})
	s.Close()
	// A name with everything that a URI would take for its own.
	path := filepath.Join(filepath.Dir(s.Path()), "Ana's 100% #1 ?mode=ro.db")
	must(t, os.Rename(s.Path(), path))
	again := open(t, path)
	apply(t, again, store.Change{Samples: []health.Sample{heart(2, 200)}})
	again.Close()
	r := openWith(t, path, store.Options{ReadOnly: true})
	same(t, all(t, r), []health.Sample{heart(1, 100), heart(2, 200)})
	var ro *store.ReadOnlyError
	if _, err := r.Apply(t.Context(), &store.Change{}); !errors.As(err, &ro) {
		t.Errorf("Apply on a store for reading: %v", err)
	}
}

func TestOpenMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "health.db")
	_, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	var missing *store.MissingError
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("opening for reading made a folder")
	}
}

// What is not ours, or not sound, is named and left as it is.
func TestOpenRefused(t *testing.T) {
	filled := func(t *testing.T, path string) {
		s := open(t, path)
		apply(t, s, store.Change{Samples: hearts(3000)})
		s.Close()
	}
	var corrupt *store.CorruptError
	var foreign *store.ForeignError
	var newer *store.NewerError
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want any
	}{
		{"text", func(t *testing.T, path string) {
			os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600)
		}, &corrupt},
		{"short", func(t *testing.T, path string) {
			os.WriteFile(path, []byte("SQLite format 3\x00"), 0o600)
		}, &corrupt},
		{"a folder", func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, &corrupt},
		{"cut to nothing beside its log", func(t *testing.T, path string) {
			filled(t, path)
			os.Truncate(path, 0)
			os.WriteFile(path+"-wal", []byte("the only copy"), 0o600)
		}, &corrupt},
		{"a damaged header", func(t *testing.T, path string) {
			filled(t, path)
			f, _ := os.OpenFile(path, os.O_RDWR, 0)
			f.WriteAt(bytes.Repeat([]byte{0xaa}, 100), 0)
			f.Close()
		}, &corrupt},
		{"another program's", func(t *testing.T, path string) {
			meddle(t, path, "CREATE TABLE note(text); PRAGMA application_id=77; PRAGMA user_version=1")
		}, &foreign},
		{"another program's without a mark", func(t *testing.T, path string) {
			meddle(t, path, "CREATE TABLE sample(text)")
		}, &foreign},
		{"another program's that has no tables yet", func(t *testing.T, path string) {
			meddle(t, path, "PRAGMA application_id=77; VACUUM")
		}, &foreign},
		{"a newer schema", func(t *testing.T, path string) {
			filled(t, path)
			meddle(t, path, "PRAGMA user_version=99")
		}, &newer},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "health.db")
			c.make(t, path)
			for _, o := range []store.Options{{}, {ReadOnly: true}} {
				check := func() {
					s, err := store.Open(t.Context(), path, o)
					if err == nil {
						s.Close()
					}
					if !errors.As(err, c.want) {
						t.Errorf("read only %v: %T %v", o.ReadOnly, err, err)
					}
				}
				if c.name == "a folder" {
					check()
				} else {
					untouched(t, dir, check)
				}
			}
		})
	}
}

// A newer program's log is not folded into its file by us.
func TestNewerWithLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "health.db")
	s := open(t, path)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 1)}})
	// Copies as a crash would leave them, then the header made newer.
	crashed := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		must(t, err)
		os.WriteFile(filepath.Join(crashed, "health.db"+suffix), b, 0o600)
	}
	tool := testenv.NeedTool(t, "sqlite3", "sqlite3")
	// .dbconfig no_ckpt_on_close leaves the log where it is.
	cmd := exec.Command(tool, "-batch", filepath.Join(crashed, "health.db"))
	cmd.Stdin = strings.NewReader(".dbconfig no_ckpt_on_close on\nPRAGMA user_version=99;\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	untouched(t, crashed, func() {
		var newer *store.NewerError
		_, err := store.Open(t.Context(), filepath.Join(crashed, "health.db"), store.Options{})
		if !errors.As(err, &newer) || newer.Schema != 99 {
			t.Errorf("%v", err)
		}
	})
}

// A damaged page in the middle is reported by whoever meets it, a change on
// other pages still goes in whole, and nothing is put in the file's place.
func TestCorruptPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, path)
	apply(t, s, store.Change{Samples: hearts(9000)})
	s.Close()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	info, _ := f.Stat()
	middle := info.Size() / 2 / 8192 * 8192
	f.WriteAt(bytes.Repeat([]byte{0x5a}, 8192), middle)
	f.Close()

	s = open(t, path)
	var corrupt *store.CorruptError
	n := 0
	err = s.Query(t.Context(), store.Filter{}, func(*health.Sample) error { n++; return nil })
	if !errors.As(err, &corrupt) || n == 0 {
		t.Errorf("Query after %d samples: %v", n, err)
	}
	if err := s.Check(t.Context()); !errors.As(err, &corrupt) || corrupt.Detail == "" {
		t.Errorf("Check: %v", err)
	}
	_, err = s.Apply(t.Context(), &store.Change{
		Samples:   []health.Sample{heart(99_999, 20_000)},
		Reconcile: []store.Covered{during(health.HeartRate, 0, 30_000)},
	})
	if !errors.As(err, &corrupt) {
		t.Errorf("Apply over the damage: %v", err)
	}
	// Days away: the totals of a day are made of all of its samples.
	out, err := s.Apply(t.Context(), &store.Change{Samples: []health.Sample{heart(99_999, 300_000)}})
	if err != nil || out.Added != 1 {
		t.Errorf("Apply elsewhere: %+v %v", out, err)
	}
}

// Every mount, permission or flag that forbids writing comes out as one error.
func TestReadOnlyFile(t *testing.T) {
	for _, way := range []string{"mode", "mount"} {
		t.Run(way, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "health.db")
			s := open(t, path)
			apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100)}})
			s.Close()
			protect(t, way, dir, path)
			var ro *store.ReadOnlyError
			if s, err := store.Open(t.Context(), path, store.Options{}); !errors.As(err, &ro) {
				t.Errorf("%T %v", err, err)
				if err == nil {
					s.Close()
				}
			}
			r, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
			if err != nil {
				t.Fatalf("for reading: %v", err)
			}
			same(t, all(t, r), []health.Sample{heart(1, 100)})
			r.Close()
		})
	}
}

// protect makes a file read-only. Root is asked nothing by a file's mode: it
// needs a file system that is read-only, others cannot mount one.
func protect(t *testing.T, way, dir, path string) {
	switch way {
	case "mode":
		if os.Geteuid() == 0 {
			t.Skip("root may write any file")
		}
		os.Chmod(path, 0o400)
		os.Chmod(dir, 0o500)
		t.Cleanup(func() { os.Chmod(dir, 0o700) })
	case "mount":
		mount(t, "--bind", dir, dir)
		mount(t, "-o", "remount,ro,bind", dir)
	}
}

// mount mounts until the test ends.
func mount(t *testing.T, args ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	tool := testenv.NeedTool(t, "mount", "mount")
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		testenv.Missing(t, "mount "+strings.Join(args, " ")+": "+string(out))
	}
	if args[0] != "-o" {
		t.Cleanup(func() { exec.Command("umount", args[len(args)-1]).Run() })
	}
}
