package store

import (
	"context"

	"healthsync/sync/store/internal/sqlite"
)

// Trusted is an entry of the address book: a place where the iPhone of a
// pairing has proved to be itself, and by which certificate.
type Trusted struct {
	// Pairing tells this pairing from those before and after it.
	Pairing string `json:"pairing"`
	// Host is an address, a link-local IPv6 one with its zone.
	Host string `json:"host"`
	Port int    `json:"port"`
	// Certificate is the SHA-256 of the iPhone's certificate, in hex.
	Certificate string `json:"certificate"`
	Protocol    int    `json:"protocol"`
	// Phone is the name that the iPhone gave last; anyone's text.
	Phone string `json:"phone"`
	// First and Last are Unix seconds.
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	// Count is the number of connections on which it was verified.
	Count int64 `json:"count"`
}

const (
	// A clock that was set back makes no entry younger than it was.
	putTrusted = `INSERT INTO trusted (pairing, host, port, certificate, protocol, phone, first, last, count)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
		ON CONFLICT DO UPDATE SET last = max(last, excluded.last), count = count + excluded.count,
			phone = CASE excluded.phone WHEN '' THEN phone ELSE excluded.phone END`
	listTrusted = `SELECT pairing, host, port, certificate, protocol, phone, first, last, count
		FROM trusted ORDER BY last DESC, first DESC, host, port, pairing, certificate`
)

// trustedBatch is the note of which batch went into the address book last.
const trustedBatch = "trusted-batch"

// AddTrusted adds to the address book: a new place, or one more time at one
// that is known. The batch is a name for these entries, so that who died after
// it had handed them in, and before it could strike them off its own list, may
// hand them in again: the batch that came last is not counted twice.
func (s *Store) AddTrusted(ctx context.Context, batch string, entries []Trusted) error {
	return s.change(ctx, "write to", func(w *conn) error {
		q, err := w.stmt(getState)
		if err != nil {
			return err
		}
		q.BindText(1, trustedBatch)
		row, err := q.Step()
		if err != nil {
			return err
		}
		known := row && q.Text(0) == batch
		q.Reset()
		if known {
			return nil
		}
		for _, e := range entries {
			if err := putEntry(w, e); err != nil {
				return err
			}
		}
		return setState(w, map[string]string{trustedBatch: batch})
	})
}

func putEntry(w *conn, e Trusted) error {
	q, err := w.stmt(putTrusted)
	if err != nil {
		return err
	}
	q.BindText(1, e.Pairing)
	q.BindText(2, e.Host)
	q.BindInt(3, int64(e.Port))
	q.BindText(4, e.Certificate)
	q.BindInt(5, int64(e.Protocol))
	q.BindText(6, e.Phone)
	q.BindInt(7, e.First)
	q.BindInt(8, e.Last)
	q.BindInt(9, e.Count)
	return q.Run()
}

// TrustedBatch gives the name of the batch that came last, "" for none.
func (s *Store) TrustedBatch(ctx context.Context) (string, error) {
	batch, _, err := s.State(ctx, trustedBatch)
	return batch, err
}

// Trusted lists the address book, the latest first. A database that was opened
// for reading and is older than the address book has an empty one.
func (s *Store) Trusted(ctx context.Context) ([]Trusted, error) {
	var out []Trusted
	err := s.read(ctx, "read", func(c *conn) error {
		out = nil
		n, err := c.Int(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'trusted'`)
		if err != nil || n == 0 {
			return err
		}
		q, err := c.stmt(listTrusted)
		if err != nil {
			return err
		}
		return eachTrusted(q, func(e Trusted) { out = append(out, e) })
	})
	return out, err
}

func eachTrusted(q *sqlite.Stmt, f func(Trusted)) error {
	for {
		row, err := q.Step()
		if err != nil || !row {
			return err
		}
		f(Trusted{
			Pairing: q.Text(0), Host: q.Text(1), Port: int(q.Int(2)), Certificate: q.Text(3), Protocol: int(q.Int(4)),
			Phone: q.Text(5), First: q.Int(6), Last: q.Int(7), Count: q.Int(8),
		})
	}
}
