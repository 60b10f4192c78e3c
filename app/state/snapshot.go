package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
	"healthsync/sync/store"
)

// SnapshotOptions of a look.
type SnapshotOptions struct {
	Link pairing.LinkOptions
	// Offline leaves the iPhone alone.
	Offline bool
	// Sample asks for one sample too: a locked iPhone answers everything else.
	Sample bool
}

// SkewLimit is the clock difference above which we warn: a
// certificate's start has a leeway of that length (pki.ClockLeeway).
const SkewLimit = pki.ClockLeeway

// Snapshot takes the picture. The error is the root cause that keeps the iPhone
// from being asked, nil if it answered; the State is good either way.
func Snapshot(ctx context.Context, s *pairing.Computer, o SnapshotOptions) (State, *problem.Error) {
	now := s.Now()
	st := State{At: now.UTC(), SharedTypes: -1, Link: LinkNotPaired}
	st.Sync = Syncing(s)
	stored := database(ctx, s, &st)
	finish := func(st State, found []*problem.Error) (State, *problem.Error) {
		return finish(st, append(found, stored...))
	}
	var found []*problem.Error
	r, err := s.Record()
	if err != nil {
		e := problem.From(err, now)
		if e.Code != problem.NotPaired {
			st.Link = LinkAttention
		}
		return finish(st, append(found, e))
	}
	st.Paired, st.PairedAt, st.Device, st.Protocol = true, r.PairedAt, r.Name, r.Protocol
	st.Host, st.Port = s.Where(r, o.Link)
	creds, cerrs := Credentials(ctx, s, r)
	st.Credentials = creds
	found = append(found, cerrs...)
	if o.Offline {
		st.Link = LinkDisconnected
		return finish(st, found)
	}
	answer, err := ask(ctx, s, o, &st)
	if err != nil {
		e := problem.From(err, now)
		st.Link = LinkOf(e)
		return finish(st, append([]*problem.Error{e}, found...))
	}
	st.Link = LinkConnected
	st.Device, st.SharedTypes, st.Latency, st.Skew = answer.Name, len(answer.Types), answer.RoundTrip, answer.Skew
	if answer.Skew.Abs() > SkewLimit {
		found = append(found, problem.Skew(answer.Skew, now, r.PairedAt))
	}
	return finish(st, found)
}

// Syncing tells which process syncs, nil where none does. How far it is, only
// that one knows; what it has stored so far is in the picture.
func Syncing(s *pairing.Computer) *Progress {
	h, held := files.HeldBy(s.Paths.LockFile())
	if !held {
		return nil
	}
	return &Progress{Holder: fmt.Sprintf("%s (process %d)", h.What, h.PID), Since: h.Since}
}

// ask asks the iPhone how it is and notes what it showed.
func ask(ctx context.Context, s *pairing.Computer, o SnapshotOptions, st *State) (phone.Status, error) {
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
// see whether the iPhone would give it. Any other problem with it is told by
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
func finish(st State, found []*problem.Error) (State, *problem.Error) {
	var first *problem.Error
	st.Conditions = []problem.JSON{}
	for _, e := range problem.RootCauses(found) {
		j := e.JSON()
		if st.Link == LinkConnected && e.Exit() != problem.ExitStorage {
			j.Severity = min(j.Severity, problem.Warning) // the iPhone answered in spite of it
		}
		st.Conditions = append(st.Conditions, j)
		if first == nil && e.Severity() == problem.Severe {
			first = e
		}
	}
	if st.Link == LinkConnected && first != nil && first.Exit() != problem.ExitStorage {
		first = nil // it was asked, and answered
	}
	return st, first
}

// Credentials gives the certificates and the token in short, the one that ends
// first at the front, with what is wrong with them. Certificates that cannot be
// read are missing from the list.
func Credentials(ctx context.Context, s *pairing.Computer, r *pairing.Record) ([]Credential, []*problem.Error) {
	now := s.Now()
	var creds []Credential
	var errs []*problem.Error
	server, _ := r.ServerCertificate() // checked when the record was read
	if r.Protocol == 1 {
		i := pki.Inspect(server, now, pki.InspectOptions{Pinned: true})
		creds = append(creds, Credential{Name: "server", Status: i.Status.String(), NotBefore: i.NotBefore,
			NotAfter: i.NotAfter, DaysLeft: i.DaysLeft, Advisory: true})
		token := tokenCredential(r, now)
		creds = append(creds, token)
		if _, soon := token.Due(now, s.Config.ExpiryDays()); soon {
			errs = append(errs, problem.Expiring(problem.TokenExpiring, "The pairing's token", r.TokenExpiresAt, now))
		}
		return sorted(creds), errs
	}
	certs, err := s.Certificates(ctx, r)
	if err != nil {
		errs = append(errs, problem.From(err, now))
	}
	for _, c := range []struct {
		name  string
		whose trust.Whose
		info  pki.Info
	}{
		{"client", trust.Client, pki.Inspect(certs.Client, now,
			pki.InspectOptions{Issuer: certs.CA, Revoked: !r.Revoked.IsZero()})},
		{"server", trust.Server, pki.Inspect(server, now, pki.InspectOptions{Issuer: certs.CA})},
		{"ca", trust.CA, pki.Inspect(certs.CA, now, pki.InspectOptions{})},
	} {
		if err != nil && c.info.Status == pki.StatusMissing {
			continue
		}
		cred := Credential{Name: c.name, Status: c.info.Status.String(), NotBefore: c.info.NotBefore,
			NotAfter: c.info.NotAfter, DaysLeft: c.info.DaysLeft}
		creds = append(creds, cred)
		if _, soon := cred.Due(now, s.Config.ExpiryDays()); soon && c.info.Status == pki.StatusValid {
			errs = append(errs, problem.Expiring(problem.CertExpiring, problem.Certificate(c.whose), c.info.NotAfter,
				now))
		}
	}
	return sorted(creds), errs
}

func tokenCredential(r *pairing.Record, now time.Time) Credential {
	c := Credential{Name: "token", Status: pki.StatusValid.String(), NotBefore: r.PairedAt, NotAfter: r.TokenExpiresAt,
		DaysLeft: pki.DaysLeft(r.TokenExpiresAt, now)}
	if now.After(r.TokenExpiresAt) {
		c.Status = pki.StatusExpired.String()
	}
	return c
}

func sorted(creds []Credential) []Credential {
	slices.SortStableFunc(creds, func(a, b Credential) int {
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
func database(ctx context.Context, s *pairing.Computer, st *State) []*problem.Error {
	failed := func(err error) []*problem.Error { return []*problem.Error{problem.From(err, st.At)} }
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
	if e := problem.Silent(silent); e != nil {
		return []*problem.Error{e}
	}
	return nil
}

// weekOfRuns is more runs than a week has, one every 15 minutes.
const weekOfRuns = 700

// behindBy is from when on a type counts as not read as far as the others: what
// is read last is read as far as the newest sample of any type.
const behindBy = 24 * 3600

// complete tells from when to when everything is stored.
func complete(types []store.TypeStat, st *State) {
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
