// Package look takes one picture of everything: the pairing, its certificates,
// the iPhone and the local database. It changes nothing but what a verified
// iPhone told about itself.
package look

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"healthsync/app/explain"
	"healthsync/app/lock"
	"healthsync/app/pairing"
	"healthsync/app/status"
	"healthsync/pki"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
	"healthsync/sync/store"
)

// Options of a look.
type Options struct {
	Link pairing.LinkOptions
	// Offline leaves the iPhone alone.
	Offline bool
	// Sample asks for one sample too: a locked iPhone answers everything else.
	Sample bool
}

// SkewLimit is from when on a difference of clocks is worth a word: a
// certificate's start has a leeway of that length (pki.ClockLeeway).
const SkewLimit = pki.ClockLeeway

// Look takes the picture. The error is the root cause that keeps the iPhone
// from being asked, nil if it answered; the State is good either way.
func Look(ctx context.Context, s *pairing.Station, o Options) (status.State, *status.Error) {
	now := s.Now()
	st := status.State{At: now.UTC(), SharedTypes: -1, Link: status.LinkNotPaired}
	st.Sync = Syncing(s)
	stored := database(ctx, s, &st)
	finish := func(st status.State, found []*status.Error) (status.State, *status.Error) {
		return finish(st, append(found, stored...))
	}
	var found []*status.Error
	r, err := s.Record()
	if err != nil {
		e := explain.Error(err, now)
		if e.Code != status.NotPaired {
			st.Link = status.LinkAttention
		}
		return finish(st, append(found, e))
	}
	st.Paired, st.PairedAt, st.Device, st.Protocol = true, r.PairedAt, r.Name, r.Protocol
	st.Host, st.Port = s.Where(r, o.Link)
	creds, cerrs := Credentials(ctx, s, r)
	st.Credentials = creds
	found = append(found, cerrs...)
	if o.Offline {
		st.Link = status.LinkDisconnected
		return finish(st, found)
	}
	answer, err := ask(ctx, s, o, &st)
	if err != nil {
		e := explain.Error(err, now)
		st.Link = status.LinkOf(e)
		return finish(st, append([]*status.Error{e}, found...))
	}
	st.Link = status.LinkConnected
	st.Device, st.SharedTypes, st.Latency, st.Skew = answer.Name, len(answer.Types), answer.RoundTrip, answer.Skew
	if answer.Skew.Abs() > SkewLimit {
		found = append(found, explain.Skew(answer.Skew, now, r.PairedAt))
	}
	return finish(st, found)
}

// Syncing tells which process syncs, nil where none does. How far it is, only
// that one knows; what it has stored so far is in the picture.
func Syncing(s *pairing.Station) *status.Progress {
	h, held := lock.HeldBy(s.Paths.LockFile())
	if !held {
		return nil
	}
	return &status.Progress{Holder: fmt.Sprintf("%s (process %d)", h.What, h.PID), Since: h.Since}
}

// ask asks the iPhone how it is and notes what it showed.
func ask(ctx context.Context, s *pairing.Station, o Options, st *status.State) (phone.Status, error) {
	l, err := s.Link(ctx, o.Link)
	if err != nil {
		return phone.Status{}, err
	}
	answer, err := l.Reach(ctx)
	st.Host, st.Port = l.Host, l.Port
	if err != nil {
		return answer, err
	}
	if err := l.Seen(answer.Name, answer.Report); err != nil || !o.Sample {
		return answer, err
	}
	return answer, locked(ctx, l, answer.Types, s.Now())
}

// locked asks for a sample of the last minute, of which there is hardly one, to
// see whether the iPhone would give it. Any other trouble with it is told by
// who wants samples.
func locked(ctx context.Context, l *pairing.Link, shared []health.Type, now time.Time) error {
	if len(shared) == 0 {
		return nil
	}
	var page health.Page
	err := l.Samples(ctx, health.Query{Types: shared[:1], Start: now.Unix() - 60, End: now.Unix(), Limit: 1}, &page)
	var is *phone.LockedError
	if errors.As(err, &is) {
		return err
	}
	return nil
}

// finish keeps the root causes and tells which of them is the error.
func finish(st status.State, found []*status.Error) (status.State, *status.Error) {
	var codes []status.Code
	for _, e := range found {
		codes = append(codes, e.Code)
	}
	roots := status.RootCauses(codes)
	var first *status.Error
	st.Conditions = []status.JSON{}
	slices.SortStableFunc(found, func(a, b *status.Error) int { return cmp.Compare(b.Severity(), a.Severity()) })
	for _, e := range found {
		if i := slices.Index(roots, e.Code); i >= 0 {
			roots = slices.Delete(roots, i, i+1) // one of each is enough
			st.Conditions = append(st.Conditions, e.JSON())
			if first == nil && e.Severity() == status.Problem {
				first = e
			}
		}
	}
	if st.Link == status.LinkConnected && first != nil && first.Exit() != status.ExitStorage {
		first = nil // it was asked, and answered
	}
	return st, first
}

// Credentials gives the certificates and the token in short, the one that ends
// first at the front, with what is wrong with them. Certificates that cannot be
// read are missing from the list.
func Credentials(ctx context.Context, s *pairing.Station, r *pairing.Record) ([]status.Credential, []*status.Error) {
	now := s.Now()
	var creds []status.Credential
	var errs []*status.Error
	server, _ := r.ServerCertificate() // checked when the record was read
	if r.Protocol == 1 {
		i := pki.Inspect(server, now, pki.InspectOptions{Pinned: true})
		creds = append(creds, status.Credential{Name: "server", Status: i.Status.String(), NotBefore: i.NotBefore, NotAfter: i.NotAfter, DaysLeft: i.DaysLeft, Advisory: true})
		token := tokenCredential(r, now)
		creds = append(creds, token)
		if _, soon := token.Due(now, s.Config.ExpiryDays()); soon {
			errs = append(errs, explain.Expiring(status.TokenExpiring, "The pairing's token", r.TokenExpiresAt, now))
		}
		return sorted(creds), errs
	}
	certs, err := s.Certificates(ctx, r)
	if err != nil {
		errs = append(errs, explain.Error(err, now))
	}
	for _, c := range []struct {
		name, whose string
		info        pki.Info
	}{
		{"client", "This computer's certificate", pki.Inspect(certs.Client, now, pki.InspectOptions{Issuer: certs.CA, Revoked: !r.Revoked.IsZero()})},
		{"server", "The iPhone's certificate", pki.Inspect(server, now, pki.InspectOptions{Issuer: certs.CA})},
		{"ca", "The CA certificate", pki.Inspect(certs.CA, now, pki.InspectOptions{})},
	} {
		if err != nil && c.info.Status == pki.StatusMissing {
			continue
		}
		cred := status.Credential{Name: c.name, Status: c.info.Status.String(), NotBefore: c.info.NotBefore, NotAfter: c.info.NotAfter, DaysLeft: c.info.DaysLeft}
		creds = append(creds, cred)
		if _, soon := cred.Due(now, s.Config.ExpiryDays()); soon && c.info.Status == pki.StatusValid {
			errs = append(errs, explain.Expiring(status.CertExpiring, c.whose, c.info.NotAfter, now))
		}
	}
	return sorted(creds), errs
}

func tokenCredential(r *pairing.Record, now time.Time) status.Credential {
	c := status.Credential{Name: "token", Status: pki.StatusValid.String(), NotBefore: r.PairedAt, NotAfter: r.TokenExpiresAt, DaysLeft: pki.DaysLeft(r.TokenExpiresAt, now)}
	if now.After(r.TokenExpiresAt) {
		c.Status = pki.StatusExpired.String()
	}
	return c
}

func sorted(creds []status.Credential) []status.Credential {
	slices.SortStableFunc(creds, func(a, b status.Credential) int {
		if a.Advisory != b.Advisory { // what is not enforced does not end anything
			if a.Advisory {
				return 1
			}
			return -1
		}
		return a.NotAfter.Compare(b.NotAfter)
	})
	return creds
}

// database tells what is stored, and what is wrong with it. A database that is
// not there yet is no fault.
func database(ctx context.Context, s *pairing.Station, st *status.State) []*status.Error {
	failed := func(err error) []*status.Error { return []*status.Error{explain.Error(err, st.At)} }
	db, err := store.Open(ctx, s.Paths.Database(), store.Options{ReadOnly: true})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return failed(err)
	}
	defer db.Close()
	if run, ok, err := db.LastRun(ctx, store.RunOK); err == nil && ok {
		st.LastSync, st.LastAdded = time.Unix(run.Ended, 0).UTC(), run.Added
	}
	types, err := db.Types(ctx)
	if err != nil {
		return failed(err)
	}
	for _, t := range types {
		st.Samples += t.Count
	}
	complete(types, st)
	runs, err := db.Runs(ctx, weekOfRuns)
	if err != nil {
		return failed(err)
	}
	for _, r := range runs {
		if r.Started > st.At.AddDate(0, 0, -7).Unix() {
			st.Late += r.Late
		}
	}
	silent, err := engine.Silent(ctx, db)
	if err != nil {
		return failed(err)
	}
	if e := explain.Silent(silent); e != nil {
		return []*status.Error{e}
	}
	return nil
}

// weekOfRuns is more runs than a week has, one every 15 minutes.
const weekOfRuns = 700

// behindBy is from when on a type counts as not read as far as the others: what
// is read last is read as far as the newest sample of any type.
const behindBy = 24 * 3600

// complete tells from when to when everything is stored.
func complete(types []store.TypeStat, st *status.State) {
	newest := int64(0)
	for _, t := range types {
		newest = max(newest, t.CoveredTo)
	}
	if newest == 0 {
		return
	}
	from, to := engine.Beginning, newest
	for _, t := range types {
		switch {
		case newest-t.CoveredTo > behindBy:
			if t.Count > 0 {
				st.Behind = append(st.Behind, string(t.Type))
			}
		default:
			from, to = max(from, t.CoveredFrom), min(to, t.CoveredTo)
		}
	}
	st.CompleteTo = time.Unix(to-1, 0).UTC() // the span ends before its last second
	if from > engine.Beginning {
		st.CompleteFrom = time.Unix(from, 0).UTC()
	}
}
