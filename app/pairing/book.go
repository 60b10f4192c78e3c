package pairing

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/store"
)

// The address book of the database says where, and by which certificate, the
// iPhone has proved to be itself. Each verification is first a line of a file
// beside the database, the journal: appending it takes some microseconds, where
// opening the database takes milliseconds and may have to wait for a sync that
// is writing; and a command that asks the iPhone something before the first
// sync need not make a database for it. The lines go over when a sync opens the
// database; who only reads the book ([Station.TrustLog]) adds them up in memory.

// journalLimit is the size at which the journal is folded up: the lines of one
// place become one. A line has some 250 bytes.
const journalLimit = 128 << 10

// journal is the list of verifications that are not in the database yet.
type journal struct{ path string }

func journalOf(p config.Paths) journal { return journal{filepath.Join(p.Data, "trusted.jsonl")} }

// verified notes that the iPhone of r proved to be itself. It never fails what
// it is told of: a book that cannot be written is a line in the log.
func (s *Station) verified(r *Record, report *trust.Report) {
	cert := report.ServerCert()
	at, err := netip.ParseAddrPort(report.Remote)
	if cert == nil || err != nil {
		return
	}
	now := s.Now().Unix()
	err = journalOf(s.Paths).add(store.Trusted{
		Pairing: r.ID, Host: at.Addr().Unmap().String(), Port: int(at.Port()), Certificate: pki.FingerprintOf(cert).Hex(),
		Protocol: r.Protocol, Phone: r.Name, First: now, Last: now, Count: 1,
	})
	if err != nil {
		s.Log.Warn("the address book cannot be written", "err", err)
	}
}

func (j journal) add(e store.Trusted) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append([]byte{'\n'}, line...) // first: the line before may be half of one
	unlock, err := files.LockFile(j.path)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	size, serr := f.Seek(0, 1) // the end: it was opened to append
	if err := errors.Join(err, serr, f.Close()); err != nil {
		return err
	}
	if size/journalLimit > (size-int64(len(line)))/journalLimit { // once each time it has grown by so much
		return j.foldUp()
	}
	return nil
}

// foldUp makes one line of all that are of one place.
func (j journal) foldUp() error {
	entries, err := readJournal(j.path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		out.Write(append([]byte{'\n'}, line...))
	}
	return files.WriteAtomic(j.path, out.Bytes())
}

// readJournal reads a journal and adds up what is of one place. A line that
// cannot be read (the last one, of a process that died) is left out.
func readJournal(path string) ([]store.Trusted, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []store.Trusted
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		var e store.Trusted
		if json.Unmarshal(s.Bytes(), &e) == nil && e.Pairing != "" && e.Host != "" {
			out = merge(out, e)
		}
	}
	return out, nil
}

// merge adds an entry to a book as the database does.
func merge(book []store.Trusted, e store.Trusted) []store.Trusted {
	i := slices.IndexFunc(book, func(o store.Trusted) bool {
		return o.Pairing == e.Pairing && o.Host == e.Host && o.Port == e.Port && o.Certificate == e.Certificate
	})
	if i < 0 {
		return append(book, e)
	}
	o := &book[i]
	o.First, o.Last, o.Count, o.Phone = min(o.First, e.First), max(o.Last, e.Last), o.Count+e.Count, cmp.Or(e.Phone, o.Phone)
	return book
}

// handing is the name of a journal on its way into the database. It has the
// batch in it by which the database knows it: whoever dies in between leaves it
// to the next, and nothing is counted twice.
const handing = ".handing-"

// handOver moves the journal into the database.
func (j journal) handOver(ctx context.Context, db *store.Store) error {
	unlock, err := files.LockFile(j.path)
	if err != nil {
		return err
	}
	defer unlock()
	for { // what a process left that died, then the journal itself
		left, err := filepath.Glob(globSafe(j.path) + handing + "*")
		if err != nil {
			return err
		}
		if len(left) == 0 {
			aside := j.path + handing + newID()
			if err := os.Rename(j.path, aside); errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
			left = []string{aside}
		}
		entries, err := readJournal(left[0])
		if err != nil {
			return err
		}
		_, batch, _ := strings.Cut(filepath.Base(left[0]), handing)
		if err := db.AddTrusted(ctx, batch, entries); err != nil {
			return err
		}
		if err := os.Remove(left[0]); err != nil {
			return err
		}
	}
}

// globSafe takes the meaning from what filepath.Match would read as a pattern.
func globSafe(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// FileTrusted brings the address book of an open database up to date.
func (s *Station) FileTrusted(ctx context.Context, db *store.Store) error {
	return journalOf(s.Paths).handOver(ctx, db)
}

// TrustLog reads the address book: every place and certificate by which an
// iPhone of this computer has proved to be itself, of this pairing and of those
// before it, the latest first. Where there is no database yet, it is what the
// journal has.
func (s *Station) TrustLog(ctx context.Context) ([]store.Trusted, error) {
	j := journalOf(s.Paths)
	pattern := globSafe(j.path) + "*"
	if left, err := filepath.Glob(pattern); err == nil && len(left) > 0 {
		// No sync moves the journal meanwhile. Where the lock cannot be had, the
		// folder cannot be written: then none does either.
		if unlock, err := files.LockFile(j.path); err == nil {
			defer unlock()
		}
	}
	book, batch, err := s.readBook(ctx)
	if err != nil {
		return nil, err
	}
	left, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		_, handed, _ := strings.Cut(filepath.Base(path), handing)
		if strings.HasSuffix(path, ".lock") || handed != "" && handed == batch {
			continue // the latter is in the database: whoever put it there died
		}
		entries, err := readJournal(path)
		if err != nil {
			return nil, fmt.Errorf("the address book: %w", err)
		}
		for _, e := range entries {
			book = merge(book, e)
		}
	}
	slices.SortStableFunc(book, func(a, b store.Trusted) int {
		return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(b.First, a.First), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
	})
	return book, nil
}

// readBook reads what the database has of the book, and which batch went into it
// last. It does not write: to read a book is no reason to bring a database up to
// date, or to make its totals anew in the zone of whoever reads.
func (s *Station) readBook(ctx context.Context) (book []store.Trusted, batch string, err error) {
	db, err := store.Open(ctx, s.Paths.Database(), store.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer db.Close()
	if book, err = db.Trusted(ctx); err != nil {
		return nil, "", err
	}
	batch, err = db.TrustedBatch(ctx)
	return book, batch, err
}
