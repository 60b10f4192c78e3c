package pairing_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/pairing"
)

// Where the record cannot be written, an iPhone that moved is followed for this
// once, and that is said once.
func TestFollowWithoutWriting(t *testing.T) {
	for name, shut := range map[string]func(b *bench){
		"read-only folder": func(b *bench) {
			if os.Geteuid() == 0 {
				b.Skip("root may write everywhere")
			}
			b.chmod(0o500)
			b.Cleanup(func() { b.chmod(0o700) })
		},
		// As far as a file system goes that root obeys, too: nothing can be
		// opened for writing where a folder is.
		"lock of the record": func(b *bench) { b.block(b.computer.Paths.PairingFile() + ".lock") },
		"lock of both": func(b *bench) {
			b.block(b.computer.Paths.PairingFile() + ".lock")
			b.block(b.computer.Paths.ConfigFile() + ".lock")
		},
		"lock of the settings": func(b *bench) { b.block(b.computer.Paths.ConfigFile() + ".lock") },
	} {
		for protocol := 1; protocol <= 2; protocol++ {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, protocol)
				b.pair()
				c, err := config.Update(b.computer.Paths.ConfigFile(), func(c *config.Config) error {
					c.Server = config.Server{Host: "127.0.0.1", Port: b.phone.Port()}
					return nil
				})
				must(t, err)
				b.computer.Config = c
				b.restart("127.0.0.1:0")
				shut(b)
				var moved, unkept int
				l, err := b.computer.Link(t.Context(), pairing.LinkOptions{
					Finder: announcements{announced(b.phone, b.phone.Name())}, Timeout: 5 * time.Second,
					Moved: func(_, to pairing.Place) {
						if moved++; to.Port != b.phone.Port() || unkept != 0 {
							t.Errorf("moved to %s after %d words of not being kept", to, unkept)
						}
					},
					Unkept: func(what string, err error) {
						if unkept++; what != "new address" || err == nil {
							t.Errorf("unkept: %s, %v", what, err)
						}
					},
				})
				must(t, err)
				for range 2 {
					if st, err := l.Reach(t.Context()); err != nil || st.Name != b.phone.Name() {
						t.Fatalf("%+v, %v", st, err)
					}
				}
				if moved != 1 || unkept != 1 || l.Port != b.phone.Port() || l.Record.Port != b.phone.Port() && name != "lock of the settings" {
					t.Errorf("moved %d times, unkept %d times, asked at port %d, record %d", moved, unkept, l.Port, l.Record.Port)
				}
			})
		}
	}
}

// A new name of the iPhone is no reason to fail where it cannot be written down.
func TestRenamedWithoutWriting(t *testing.T) {
	b := newBench(t, 2)
	r := b.pair()
	b.block(b.computer.Paths.PairingFile() + ".lock")
	var said []string
	l, err := b.computer.Link(t.Context(), pairing.LinkOptions{NoSearch: true, Unkept: func(what string, _ error) { said = append(said, what) }})
	must(t, err)
	if err := l.Seen("another name", nil); err != nil || l.Record.Name != "another name" || len(said) != 1 {
		t.Errorf("%v, now %q, said %q", err, l.Record.Name, said)
	}
	if now, err := b.computer.Record(); err != nil || now.Name != r.Name {
		t.Errorf("the record has %q, %v", now.Name, err)
	}
	// What is no matter of writing stays an error: the pairing is another's now.
	must(t, os.Remove(b.computer.Paths.PairingFile()+".lock"))
	must(t, os.WriteFile(b.computer.Paths.PairingFile(), []byte("{"), 0o600))
	if err := l.Seen("a third name", nil); err == nil {
		t.Error("a damaged record went unnoticed")
	}
}

// block puts a folder in a file's place.
func (b *bench) block(path string) {
	b.Helper()
	must(b, os.RemoveAll(path))
	must(b, os.Mkdir(path, 0o700))
}

func (b *bench) chmod(mode os.FileMode) {
	b.Helper()
	must(b, os.Chmod(filepath.Dir(b.computer.Paths.PairingFile()), mode))
}
