package pairing

import (
	"context"
	"errors"
	"time"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
	"healthsync/sync/phone"
)

// Request is what a pairing code says, however it reached this Mac.
type Request struct {
	Protocol int
	Host     string
	Port     int
	Code     string
	// ExpiresAt is the end of the code by the iPhone's clock; zero if unknown.
	ExpiresAt time.Time
	Leaf, CA  pki.Fingerprint
	// ClientName is how this Mac introduces itself.
	ClientName string
}

// CodeExpiredError says that a pairing code was too old to be tried, or too
// old and the iPhone did not answer.
type CodeExpiredError struct {
	At  time.Time
	Err error
}

func (e *CodeExpiredError) Error() string {
	return "the pairing code expired at " + e.At.UTC().Format(time.RFC3339)
}
func (e *CodeExpiredError) Unwrap() error { return e.Err }

// ExchangeError is an error of the connection that should have paired, or of
// what the iPhone answered on it. What it means is another thing than on a
// connection to a paired iPhone: the QR code may be an old one, or another
// iPhone's.
type ExchangeError struct{ Err error }

func (e *ExchangeError) Error() string { return e.Err.Error() }
func (e *ExchangeError) Unwrap() error { return e.Err }

// hopeless is how long after its end a code is not even tried. A code lives
// for five minutes by the iPhone's clock; less than this, and it may be this
// Mac's clock that is wrong, which only the iPhone can tell.
const hopeless = time.Hour

// Paired is the outcome of a pairing.
type Paired struct {
	Record *Record
	// Replaced says that another pairing was in its place before.
	Replaced bool
	// Status is what the iPhone said on the first connection of the new
	// pairing; StatusErr why it said nothing. The pairing stands either way.
	Status    phone.Status
	StatusErr error
	// Leftover is why items of an earlier pairing could not be removed, Address
	// why an address that was set by hand for it stays.
	Leftover, Address error
}

// Pair pairs this Mac with an iPhone. Nothing of an earlier pairing is touched
// until the new one is complete: its secrets lie under names of their own, and
// writing the record is the one step from the old to the new. If anything
// fails before it, what was made is removed again.
func (s *Computer) Pair(ctx context.Context, req Request, o LinkOptions) (*Paired, error) {
	late := !req.ExpiresAt.IsZero() && s.Now().After(req.ExpiresAt)
	if late && s.Now().Sub(req.ExpiresAt) > hopeless {
		return nil, &CodeExpiredError{At: req.ExpiresAt}
	}
	done, err := s.lockPairing(ctx, "pairing")
	if err != nil {
		return nil, err
	}
	defer done()
	old, err := s.Record()
	var damaged *RecordError
	if err != nil && !errors.Is(err, ErrNotPaired) && !errors.As(err, &damaged) {
		return nil, err
	}
	v, err := s.Vault()
	if err != nil {
		return nil, err
	}
	r := &Record{Schema: recordSchema, ID: newID(), Protocol: req.Protocol, Host: req.Host, Port: req.Port,
		PairedHost: req.Host, CA: req.CA, PairedAt: s.Now().UTC().Truncate(time.Second)}
	report, err := s.exchange(ctx, v, r, req, o)
	if err != nil {
		s.discard(ctx, v, r)
		if late && unanswered(err) {
			err = &CodeExpiredError{At: req.ExpiresAt, Err: err}
		}
		return nil, &ExchangeError{err}
	}
	p := &Paired{Record: r, Replaced: old != nil || damaged != nil}
	if p.Address, err = s.commit(r); err != nil {
		s.discard(ctx, v, r)
		return nil, err
	}
	s.verified(r)(report)
	_, p.Leftover = s.removeItems(ctx, v, func(i vault.Item) bool { return !r.Needs(i) })
	p.Status, p.StatusErr = s.firstStatus(ctx, o)
	if p.StatusErr == nil {
		if updated, err := s.Record(); err == nil {
			p.Record = updated
		}
	}
	return p, nil
}

// unanswered reports that the iPhone did not even answer.
func unanswered(err error) bool {
	var f *trust.Failure
	if !errors.As(err, &f) {
		return false
	}
	switch f.Kind {
	case trust.Refused, trust.Unreachable, trust.TimedOut, trust.HandshakeTimeout, trust.Reset, trust.CutShort,
		trust.NameNotFound:
		return true
	}
	return false
}

// exchange trades the code for a token or certificates and puts them into the
// vault. The report is of the connection on which that happened.
func (s *Computer) exchange(ctx context.Context, v vault.Vault, r *Record, req Request, o LinkOptions) (*trust.Report,
	error) {
	ask := phone.PairRequest{Code: req.Code, ClientName: req.ClientName, CA: req.CA}
	t := trust.Pinned(req.Leaf)
	if req.Protocol == 2 {
		_, csr, err := newSigner(ctx, v, r)
		if err != nil {
			return nil, err
		}
		ask.CSR = csr
		t = trust.Pairing(req.Leaf, req.CA)
	}
	client, err := phone.New(s.clientConfig(req.Protocol, req.Host, req.Port, s.dialer(t, o, nil), o, nil))
	if err != nil {
		return nil, err
	}
	issued, err := client.Pair(ctx, ask)
	if err != nil {
		return nil, err
	}
	cert := issued.Report.ServerCert()
	if cert == nil {
		return nil, errors.New("the connection that paired showed no certificate")
	}
	r.Server = cert.Raw
	if req.Protocol == 1 {
		r.TokenExpiresAt = issued.ExpiresAt
		return issued.Report, v.Set(ctx, r.tokenName(), vault.Secret(issued.Token))
	}
	r.ClientExpiresAt = issued.Client.NotAfter
	return issued.Report, r.keepCertificates(ctx, v, issued.Client, issued.CA)
}

// commit makes the pairing the one that counts: from the moment that its record
// is there, it is. An address that was set by hand belonged to the earlier one
// and goes; why it does not is no error of the pairing.
func (s *Computer) commit(r *Record) (address, err error) {
	unlock, err := files.LockFile(s.Paths.PairingFile())
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := saveRecord(s.Paths, r); err != nil && !s.stands(r.ID) {
		return nil, err
	}
	if s.Config.Server == (config.Server{}) {
		return nil, nil
	}
	s.Config.Server = config.Server{} // for this process in any case
	c, err := config.Update(s.Paths.ConfigFile(), func(c *config.Config) error {
		c.Server = config.Server{}
		return nil
	})
	if err != nil {
		return err, nil
	}
	s.Config = c
	return nil, nil
}

// stands reports whether the pairing of this ID is the one on disk. Writing its
// record may fail after the new file is in its place (atomicfile: the folder
// could not be synced): what it names must not be removed then.
func (s *Computer) stands(id string) bool {
	now, err := s.Record()
	return err == nil && now.ID == id
}

// firstStatus asks the iPhone how it is by the new pairing, which also tells
// its name.
func (s *Computer) firstStatus(ctx context.Context, o LinkOptions) (phone.Status, error) {
	l, err := s.Link(ctx, o)
	if err != nil {
		return phone.Status{}, err
	}
	st, err := l.Status(ctx)
	if err != nil {
		return st, err
	}
	return st, l.Seen(st.Name, st.Report)
}

// discard removes what a pairing that did not come about had put into the
// vault, also after the person gave up.
func (s *Computer) discard(ctx context.Context, v vault.Vault, r *Record) {
	ctx = context.WithoutCancel(ctx)
	for _, name := range []string{r.keyName(), r.tokenName(), r.clientName(), r.caName()} {
		if err := v.Delete(ctx, name); err != nil && !errors.Is(err, vault.ErrNotFound) {
			s.Log.Warn("leftover of a failed pairing", "item", name, "err", err)
		}
	}
}
