package store

import (
	"context"
	"database/sql"
)

// Trusted is an entry of the trust log: where, when and by which certificate the
// iPhone of a pairing first proved to be itself.
type Trusted struct {
	// Pairing tells this pairing from those before and after it.
	Pairing string `json:"pairing"`
	// Host is an address, a link-local IPv6 one with its zone.
	Host string `json:"host"`
	Port int    `json:"port"`
	// Certificate is the SHA-256 of the iPhone's certificate, in hex.
	Certificate string `json:"certificate"`
	// Protocol is 1 where that certificate was pinned, 2 where it led to the
	// pairing's CA.
	Protocol int `json:"protocol"`
	// Phone is the name that the iPhone gave; anyone's text.
	Phone string `json:"phone"`
	// At is in Unix seconds.
	At int64 `json:"at"`
}

const trustedColumns = "pairing, host, port, certificate, protocol, phone, at"

// AppendTrusted adds an entry to the trust log; nothing where that pairing has
// one of the same place and certificate. Errors: those of [Store.Apply].
func (s *Store) AppendTrusted(ctx context.Context, e Trusted) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO trusted ("+trustedColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
			e.Pairing, e.Host, e.Port, e.Certificate, e.Protocol, e.Phone, e.At)
		return err
	})
}

// TrustLog lists the trust log, the latest first.
func (s *Store) TrustLog(ctx context.Context) ([]Trusted, error) {
	var out []Trusted
	err := each(ctx, s.reader, func(rows *sql.Rows) error {
		var e Trusted
		err := rows.Scan(&e.Pairing, &e.Host, &e.Port, &e.Certificate, &e.Protocol, &e.Phone, &e.At)
		out = append(out, e)
		return err
	}, "SELECT "+trustedColumns+" FROM trusted ORDER BY at DESC, pairing, host, port, certificate")
	return out, s.fail(ctx, err)
}
