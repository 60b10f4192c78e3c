package pairing

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/store"
)

// logWait is how long a command waits to write into the trust log while another
// process writes to the database.
const logWait = time.Second

// verified gives what writes into the trust log that the iPhone of r proved to be
// itself, once for each place and certificate. Before the first sync there is no
// database, and none is made for it. It never makes a connection fail: a trust
// log that cannot be written is a line in the other log.
func (s *Computer) verified(r *Record) func(*trust.Report) {
	e := store.Trusted{Pairing: r.ID, Protocol: r.Protocol, Phone: r.Name} // the record may change
	var mu sync.Mutex
	written := map[store.Trusted]bool{}
	return func(report *trust.Report) {
		cert := report.ServerCert()
		at, err := netip.ParseAddrPort(report.Remote)
		if cert == nil || err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		e.Host, e.Port, e.Certificate = at.Addr().Unmap().String(), int(at.Port()), pki.FingerprintOf(cert).Hex()
		if _, err := os.Stat(s.Paths.Database()); err != nil || written[e] {
			return
		}
		written[e] = true // or failed to be, which is logged once
		if err := s.appendTrusted(context.Background(), e); err != nil {
			s.Log.Warn("the trust log cannot be written", "err", err)
		}
	}
}

func (s *Computer) appendTrusted(ctx context.Context, e store.Trusted) error {
	e.At = s.Now().Unix()
	db, err := store.Open(ctx, s.Paths.Database(), store.Options{BusyTimeout: logWait})
	if err != nil {
		return err
	}
	return errors.Join(db.AppendTrusted(ctx, e), db.Close())
}

// TrustLog reads the trust log: every place and certificate by which an iPhone of
// this computer has proved to be itself, of this pairing and of those before it,
// the latest first. It is empty where there is no database yet.
func (s *Computer) TrustLog(ctx context.Context) ([]store.Trusted, error) {
	db, err := store.Open(ctx, s.Paths.Database(), store.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.TrustLog(ctx)
}
