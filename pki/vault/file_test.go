package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func fileVault(t testing.TB, dir string) *file {
	t.Helper()
	v, err := Open(KindFile, Options{Dir: dir, Namespace: "unused"})
	must(t, err)
	return v.(*file)
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	testVault(t, func(t *testing.T, _ string) Vault { return fileVault(t, dir) })
	entries, err := os.ReadDir(filepath.Join(dir, fileFolder))
	if err != nil || len(entries) != 0 {
		t.Fatalf("an emptied vault leaves %v, %v", entries, err)
	}
}

func TestFileModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	v := fileVault(t, dir)
	if _, err := v.Get(t.Context(), Token); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("looking for a secret made a folder")
	}
	must(t, v.Set(t.Context(), Token, Secret("x")))
	for path, want := range map[string]fs.FileMode{filepath.Dir(v.Where()): 0o700 | fs.ModeDir, v.Where(): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s is %v, %v", path, info.Mode(), err)
		}
	}
}

// TestFileDamage damages the file in each way; every operation must say so by
// type and leave every byte, name and mode as it was.
func TestFileDamage(t *testing.T) {
	ctx := t.Context()
	edit := func(fn func(text []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, fn(text), 0o600))
		}
	}
	corrupt := func(t *testing.T, err error) { wantAs[*CorruptError](t, err) }
	exposed := func(t *testing.T, err error) { wantAs[*ExposedError](t, err) }
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		want   func(t *testing.T, err error)
	}{
		"empty":        {edit(func([]byte) []byte { return nil }), corrupt},
		"cut":          {edit(func(text []byte) []byte { return text[:len(text)/2] }), corrupt},
		"garbage":      {edit(func([]byte) []byte { return []byte("\x00\xffnot a vault") }), corrupt},
		"null":         {edit(func([]byte) []byte { return []byte("null") }), corrupt},
		"no items":     {edit(func([]byte) []byte { return []byte(`{"schema":1}`) }), corrupt},
		"other schema": {edit(func([]byte) []byte { return []byte(`{"schema":0,"items":{}}`) }), corrupt},
		"appended":     {edit(func(text []byte) []byte { return append(text, '{') }), corrupt},
		"huge":         {edit(func([]byte) []byte { return bytes.Repeat([]byte(" "), fileLimit+1) }), corrupt},
		"newer": {edit(func(text []byte) []byte { return bytes.Replace(text, []byte(`: 1`), []byte(`: 2`), 1) }),
			func(t *testing.T, err error) {
				if u := wantAs[*UnavailableError](t, err); u.Reason != Newer {
					t.Error(err)
				}
			}},
		"file open to others":   {func(t *testing.T, path string) { must(t, os.Chmod(path, 0o640)) }, exposed},
		"folder open to others": {func(t *testing.T, path string) { must(t, os.Chmod(filepath.Dir(path), 0o711)) }, exposed},
		"link": {func(t *testing.T, path string) {
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			must(t, os.Rename(path, elsewhere))
			must(t, os.Symlink(elsewhere, path))
		}, corrupt},
		"folder in its place": {func(t *testing.T, path string) {
			must(t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700)))
		}, corrupt},
		"somebody else's": {func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			must(t, os.Chown(path, 12345, 12345))
		}, func(t *testing.T, err error) { wantAs[*DeniedError](t, err) }},
	} {
		t.Run(name, func(t *testing.T) {
			v := fileVault(t, t.TempDir())
			must(t, v.Set(ctx, Token, Secret("token")))
			c.damage(t, v.Where())
			before := snapshot(t, filepath.Dir(v.Where()))

			_, err := v.Get(ctx, Token)
			c.want(t, err)
			_, err = v.Get(ctx, "absent")
			c.want(t, err)
			_, err = v.Signer(ctx, Key)
			c.want(t, err)
			_, err = v.NewSigner(ctx, Key)
			c.want(t, err)
			_, err = v.List(ctx)
			c.want(t, err)
			c.want(t, v.Set(ctx, Token, Secret("new")))
			c.want(t, v.Delete(ctx, Token))
			c.want(t, v.Check(ctx))

			if after := snapshot(t, filepath.Dir(v.Where())); after != before {
				t.Fatalf("changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// snapshot is names, modes and contents of a folder, as text.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v %d %v\n", path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%x\n", text)
			return err
		}
		return nil
	})
	must(t, err)
	return b.String()
}

// TestFileDamagedKey: what is stored is a whole vault, but its key is no key.
func TestFileDamagedKey(t *testing.T) {
	ctx := t.Context()
	_, good, err := newKey(Failure{Name: Key})
	must(t, err)
	for name, text := range map[string]string{
		"no PEM":     "key",
		"two blocks": string(good) + string(good),
		"wrong type": strings.ReplaceAll(string(good), "PRIVATE KEY", "EC PRIVATE KEY"),
		"no PKCS#8":  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"empty":      "",
	} {
		t.Run(name, func(t *testing.T) {
			v := fileVault(t, t.TempDir())
			must(t, v.change(ctx, Failure{}, func(items map[string]fileItem) error {
				items[Key] = fileItem{ItemKey, []byte(text)}
				return nil
			}))
			before := snapshot(t, filepath.Dir(v.Where()))
			_, err := v.Signer(ctx, Key)
			wantAs[*CorruptError](t, err)
			if len(text) > 3 && strings.Contains(err.Error(), text) {
				t.Error("the error quotes what it read")
			}
			wantAs[*ExistsError](t, errOf(v.NewSigner(ctx, Key)))
			if after := snapshot(t, filepath.Dir(v.Where())); after != before {
				t.Fatal("changed")
			}
		})
	}
}

// TestFileMoved: a folder keeps its secrets wherever it is moved to.
func TestFileMoved(t *testing.T) {
	ctx := t.Context()
	was, is := filepath.Join(t.TempDir(), "was"), filepath.Join(t.TempDir(), "is")
	must(t, fileVault(t, was).Set(ctx, Token, Secret("kept")))
	must(t, os.Rename(was, is))
	v := fileVault(t, is)
	if got, err := v.Get(ctx, Token); err != nil || string(got) != "kept" {
		t.Fatal(err)
	}
	if items, err := v.List(ctx); err != nil || len(items) != 1 || !items[0].Own {
		t.Fatalf("%+v, %v", items, err)
	}
}

// TestFileReadOnly: a folder that cannot be written is an error, and the
// secrets in it can still be read.
func TestFileReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere")
	}
	v := fileVault(t, t.TempDir())
	must(t, v.Set(t.Context(), Token, Secret("x")))
	must(t, os.Chmod(filepath.Dir(v.Where()), 0o500))
	defer os.Chmod(filepath.Dir(v.Where()), 0o700)
	wantAs[*DeniedError](t, v.Set(t.Context(), Token, Secret("y")))
	if got, err := v.Get(t.Context(), Token); err != nil || string(got) != "x" {
		t.Fatal(err)
	}
}

// TestFileTogether: many writers at once lose nothing.
func TestFileTogether(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	const writers, each = 4, 5
	for w := range writers {
		v := fileVault(t, dir)
		wg.Go(func() {
			for i := range each {
				if err := v.Set(t.Context(), fmt.Sprintf("name-%d-%d", w, i), Secret("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if items, err := fileVault(t, dir).List(t.Context()); err != nil || len(items) != writers*each {
		t.Fatalf("%d items, %v", len(items), err)
	}
}

// TestFileLocked: a change that cannot begin ends in time.
func TestFileLocked(t *testing.T) {
	v := fileVault(t, t.TempDir())
	must(t, v.Set(t.Context(), Token, Secret("x")))
	unlock, err := v.lock(t.Context(), Failure{})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	wantAs[*TimeoutError](t, v.Set(ctx, Token, Secret("y")))
	if got, err := v.Get(t.Context(), Token); err != nil || string(got) != "x" { // reading needs no lock
		t.Fatal(err)
	}
	unlock()
	must(t, v.Set(t.Context(), Token, Secret("y")))
}

const writerVar = "HEALTHSYNC_TEST_VAULT_WRITER"

// TestMain lets the test binary be the process that TestFileKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVar); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

func writeForever(dir string) {
	v, err := Open(KindFile, Options{Dir: dir})
	for i := 0; err == nil; i++ {
		err = v.Set(context.Background(), Token, Secret(strings.Repeat(fmt.Sprint(i%10), 1000)))
		if i == 0 {
			fmt.Println("writing")
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestFileKill kills a writer at odd moments: there is always a whole vault,
// and what was written aside is gone after the next change.
func TestFileKill(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	v := fileVault(t, dir)
	for i := range 15 {
		child := exec.Command(self)
		child.Env = append(os.Environ(), writerVar+"="+dir)
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		if _, err := out.Read(make([]byte, 7)); err != nil {
			t.Fatal("the writer did not begin")
		}
		time.Sleep(time.Duration(i*i%17) * 300 * time.Microsecond)
		must(t, child.Process.Kill())
		child.Wait()
		got, err := v.Get(t.Context(), Token)
		if err != nil || len(got) != 1000 || strings.Trim(string(got), string(got[:1])) != "" {
			t.Fatalf("after kill %d: %d bytes, %v", i, len(got), err)
		}
	}
	must(t, os.WriteFile(filepath.Join(v.dir, "."+fileName+".1"), []byte("left by a kill"), 0o600))
	must(t, v.Set(t.Context(), Token, Secret("last")))
	entries, err := os.ReadDir(filepath.Dir(v.Where()))
	if err != nil || len(entries) != 1 {
		t.Fatalf("left: %v, %v", entries, err)
	}
}

// A damaged file goes as a whole when it is asked for, a sound one and one of a
// newer version never.
func TestFileRemoveDamaged(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		damage func(path string)
		gone   bool
	}{
		"appended": {func(path string) {
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, append(text, 'x'), 0o600))
		}, true},
		"link": {func(path string) {
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			must(t, os.Rename(path, elsewhere))
			must(t, os.Symlink(elsewhere, path))
		}, true},
		"sound": {func(string) {}, false},
		"newer": {func(path string) { must(t, os.WriteFile(path, []byte(`{"schema":2}`), 0o600)) }, false},
		"open to others": {func(path string) {
			must(t, os.WriteFile(path, []byte("{"), 0o600))
			must(t, os.Chmod(path, 0o644))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := fileVault(t, t.TempDir())
			must(t, v.Set(ctx, Token, Secret("x")))
			c.damage(v.Where())
			_, listed := v.List(ctx)
			removed, err := RemoveDamaged(ctx, v)
			_, serr := os.Lstat(v.Where())
			if c.gone {
				if err != nil || len(removed) != 1 || removed[0].Kind != ItemFile || !errors.Is(serr, fs.ErrNotExist) {
					t.Fatalf("removed %v, %v; the file: %v", removed, err, serr)
				}
				must(t, v.Set(ctx, Token, Secret("anew")))
				return
			}
			if (err == nil) != (listed == nil) || len(removed) != 0 || serr != nil {
				t.Fatalf("removed %v, %v (List: %v); the file: %v", removed, err, listed, serr)
			}
		})
	}
}
