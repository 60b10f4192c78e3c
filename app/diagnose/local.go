package diagnose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/bonjour"
	"healthsync/sync/engine"
	"healthsync/sync/store"
)

// oldestMac is the guide's minimum.
const oldestMac = 15

func (w *walk) platform() string {
	if w.o.Platform != "" {
		return w.o.Platform
	}
	return runtime.GOOS
}

func (w *walk) program() {
	w.set(Program, OK, w.o.Program, "")

	name, number := systemVersion("/")
	if w.platform() != "darwin" {
		w.set(System, OK, name, "")
		return
	}
	major, _, _ := strings.Cut(number, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldestMac {
		w.warn(System, name, "HealthSync is made for macOS 15 Sequoia and later.", problem.Remedy{Text: "update macOS"})
		return
	}
	w.set(System, OK, name, "")
}

func (w *walk) settings() {
	switch {
	case w.o.SettingsErr != nil:
		w.failed(Settings, w.o.SettingsErr)
	case w.s.Paths.Home != "":
		w.set(Settings, OK, "In a folder of their own: "+w.s.Paths.Config, "HEALTHSYNC_HOME is set.")
	default:
		w.set(Settings, OK, "In "+w.s.Paths.Config, "")
	}
}

// interfaces tells which networks this computer is in.
func (w *walk) interfaces() pairing.Networks {
	usable, err := bonjour.Interfaces()
	if err != nil {
		w.warn(Interfaces, "The network interfaces cannot be listed", err.Error()+".", problem.Remedy{})
		return pairing.Networks{}
	}
	var parts []string
	for _, i := range usable {
		if addrs := pairing.LocalPrefixes(i); i.Flags&net.FlagLoopback == 0 && len(addrs) > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", i.Name, join(addrs)))
		}
	}
	n := pairing.FindNetworks()
	detail := ""
	if len(n.Tunnels) > 0 {
		detail = fmt.Sprintf("A tunnel is up (%s); a VPN may keep local addresses from being reached.",
			strings.Join(n.Tunnels, ", "))
	}
	if len(parts) == 0 {
		w.warn(Interfaces, "This computer is in no local network", detail,
			problem.Remedy{Text: "join the Wi-Fi that the iPhone is in"})
		return n
	}
	w.set(Interfaces, OK, strings.Join(parts, ", "), detail)
	return n
}

func join[T fmt.Stringer](list []T) string {
	all := make([]string, len(list))
	for i, x := range list {
		all[i] = x.String()
	}
	return strings.Join(all, ", ")
}

// Room on the disk below which there is something to say. A year of a dense
// history is some tens of MB; what SQLite wants beside it while it writes is
// bounded (writerSettings in sync/store).
const (
	roomTight = 1 << 30
	roomNone  = 64 << 20
)

// stored looks at the disk and the database. It runs beside the rest.
func (w *walk) stored(ctx context.Context) {
	w.disk()
	w.database(ctx)
}

func (w *walk) disk() {
	dir := existing(w.s.Paths.Data)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		w.failed(Disk, &fs.PathError{Op: "statfs", Path: dir, Err: err})
		return
	}
	free := st.Bavail * uint64(st.Bsize)
	room := humanize.Bytes(free) + " free"
	switch {
	case unix.Access(dir, unix.W_OK) != nil:
		e := problem.New(problem.StoreReadOnly, dir+" cannot be written.", nil)
		e.Sentence = "The data folder cannot be written"
		w.condition(Disk, e)
	case free < roomNone:
		w.condition(Disk, problem.New(problem.DiskFull, room+".", nil))
	case free < roomTight:
		w.warn(Disk, room, "", problem.Remedy{Text: "free some space"})
	default:
		w.set(Disk, OK, room, "")
	}
}

// existing is the folder, or the nearest above it that is there.
func existing(dir string) string {
	for {
		if st, err := os.Stat(dir); err == nil && st.IsDir() || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func (w *walk) database(ctx context.Context) {
	path := w.s.Paths.Database()
	db, err := store.Open(ctx, path, store.Options{ReadOnly: true, BusyTimeout: 2 * time.Second})
	var missing *store.MissingError
	if errors.As(err, &missing) {
		w.set(Database, Skipped, "There is none yet; the first sync makes it", "")
		w.set(LastSync, Skipped, "Never", "")
		return
	}
	if err != nil {
		w.failed(Database, err)
		return
	}
	defer db.Close()
	w.lastSync(ctx, db)
	size := fileSize(path) + fileSize(path+"-wal")
	var n int64
	types, err := db.Types(ctx)
	if err != nil {
		w.failed(Database, err)
		return
	}
	for _, t := range types {
		n += t.Count
	}
	what := fmt.Sprintf("%s samples, %s", humanize.Comma(n), humanize.Bytes(size))

	checking, cancel := ctx, context.CancelFunc(func() {})
	if w.o.CheckTime > 0 {
		checking, cancel = context.WithTimeout(ctx, w.o.CheckTime)
	}
	defer cancel()
	if err = checking.Err(); err == nil {
		err = db.Check(checking)
	}
	switch {
	case err == nil:
		what += ", sound"
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		what += fmt.Sprintf("; nothing wrong in the first %s of its check", words.Span(w.o.CheckTime))
		w.set(Database, OK, what, "The whole of it is checked by:  healthsync diagnose --deep")
		return
	default:
		w.failed(Database, err)
		return
	}
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
		w.warn(Database, what, fmt.Sprintf("Others on this computer can open it (mode %04o).", st.Mode().Perm()),
			problem.Remedy{Text: "close it to others", Command: fmt.Sprintf("chmod 600 '%s'", path)})
		return
	}
	w.set(Database, OK, what, "")
}

func fileSize(path string) uint64 {
	st, err := os.Stat(path)
	if err != nil || st.Size() < 0 {
		return 0
	}
	return uint64(st.Size())
}

// syncLate is from when on a sync is late: one that is asked for by hand is
// nobody's business, one that is automatic runs daily at the least.
const syncLate = 48 * time.Hour

func (w *walk) lastSync(ctx context.Context, db *store.Store) {
	last, any, err := db.LastRun(ctx, "")
	good, ok, gerr := db.LastRun(ctx, store.RunOK)
	if err = errors.Join(err, gerr); err != nil {
		w.failed(LastSync, err)
		return
	}
	ago := func(unix int64) string {
		at := time.Unix(unix, 0)
		return fmt.Sprintf("%s (%s ago)", at.UTC().Format("2006-01-02 15:04 MST"), words.Span(w.now.Sub(at)))
	}
	failure := ""
	if any && last.Outcome != store.RunOK {
		failure = fmt.Sprintf("The last try, %s, ended with %s.", ago(last.Ended), last.Outcome)
	}
	again := problem.Remedy{Text: "sync now", Command: "healthsync sync"}
	late := w.config.SyncInterval() != 0 && w.now.Sub(time.Unix(good.Ended, 0)) > syncLate
	switch {
	case !any:
		w.set(LastSync, Skipped, "Never", "")
	case !ok:
		w.warn(LastSync, "None was completed so far", failure, again)
	case failure != "" || late:
		w.warn(LastSync, ago(good.Ended), failure, again)
	default:
		w.set(LastSync, OK, ago(good.Ended), "")
		silent, err := engine.Silent(ctx, db)
		if err != nil {
			w.failed(LastSync, err)
		} else if e := problem.Silent(silent); e != nil {
			w.condition(LastSync, e)
		}
	}
}
