package pairing

import (
	"context"
	"errors"
	"slices"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
	"healthsync/sync/bonjour"
)

// Finder looks for iPhones that announce themselves; *bonjour.Browser is one.
type Finder interface {
	Find(ctx context.Context, window time.Duration, match func(bonjour.Instance) bool) (bonjour.Instance, bool, error)
	Watch(ctx context.Context, o bonjour.WatchOptions, report func(bonjour.Event)) error
}

// Identity is what a handshake says about whose a device is. Nothing is sent
// to any of them.
type Identity string

// What a device can be.
const (
	// Yours proved to be the paired iPhone.
	Yours Identity = "yours"
	// YoursFaulty has a certificate of this pairing that cannot be used: out of
	// date, or for another address.
	YoursFaulty Identity = "yours-faulty"
	// Other has another identity.
	Other Identity = "other"
	// Impostor has another identity and the paired iPhone's name.
	Impostor Identity = "impostor"
	// NotPaired: this computer is paired with no iPhone, so that nothing can be
	// said about anyone's identity.
	NotPaired Identity = "not-paired"
	// Unchecked: what this computer needs to tell its iPhone by cannot be used
	// (the keychain is locked, say).
	Unchecked Identity = "unchecked"
	// Unanswered announces itself and does not answer, or not as an iPhone does.
	Unanswered Identity = "unanswered"
	// Foreign announces no address of this network.
	Foreign Identity = "not-local"
)

// Seen is an announced device that was looked at.
type Seen struct {
	Instance bonjour.Instance
	// Place is where it answered, or the first one tried.
	Place    Place
	Identity Identity
	// Err is why it is not Yours; nil where there is nothing to tell.
	Err error
	// Report tells of the handshake, nil if there was none.
	Report *trust.Report
}

// sightTimeout bounds one handshake of a look around: on a local network an
// answer that takes longer will not come.
const sightTimeout = 3 * time.Second

// maxPlaces bounds how many addresses of one announced device are tried.
const maxPlaces = 6

// places lists where an announced device may be asked.
func places(i bonjour.Instance) []Place {
	var out []Place
	for _, a := range i.Addrs {
		if trust.IsLocal(a) && len(out) < maxPlaces {
			out = append(out, Place{a.String(), i.Port})
		}
	}
	return out
}

// Look tells whose an announced device is, by a handshake with each of its
// addresses at the same time. A nil Link says that this computer is paired with
// none; then it is not dialled.
func (l *Link) Look(ctx context.Context, i bonjour.Instance) Seen { return l.look(ctx, i, Place{}) }

// look is Look. A place that proves to be ours gives way to the one that is
// liked best, where that answers hardly later.
func (l *Link) look(ctx context.Context, i bonjour.Instance, liked Place) Seen {
	at := places(i)
	if len(at) == 0 {
		return Seen{Instance: i, Identity: Foreign, Place: Place{Port: i.Port}, Err: notLocal(i)}
	}
	seen := Seen{Instance: i, Place: at[0]}
	if l == nil {
		seen.Identity = NotPaired
		return seen
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan Seen, len(at))
	only := !slices.ContainsFunc(at, func(p Place) bool { return !p.linkLocal() })
	for _, p := range at {
		go func() {
			if p.linkLocal() && !only { // it works, and any other is better to remember
				wait(ctx, handicap)
			}
			results <- l.lookAt(ctx, i, p)
		}()
	}
	var late <-chan time.Time
	for range at {
		select {
		case s := <-results:
			switch {
			case s.Identity == Yours && (s.Place == liked || !slices.Contains(at, liked)):
				return s
			case s.Identity == Yours && seen.Identity != Yours:
				t := time.NewTimer(handicap)
				defer t.Stop()
				late = t.C
			}
			if seen.Identity == "" || telling(s.Identity) > telling(seen.Identity) {
				seen = s
			}
		case <-late:
			return seen
		}
	}
	return seen
}

// telling ranks what the addresses of one device say of it.
func telling(i Identity) int {
	switch i {
	case Yours:
		return 5
	case YoursFaulty:
		return 4
	case Impostor:
		return 3
	case Other:
		return 2
	case Unchecked:
		return 1
	}
	return 0
}

func (l *Link) lookAt(ctx context.Context, i bonjour.Instance, p Place) Seen {
	r, err := l.Verify(ctx, p, sightTimeout)
	seen := Seen{Instance: i, Place: p, Identity: identityOf(err), Err: err, Report: r}
	if seen.Identity == Other && i.Name == l.Record.Name {
		seen.Identity = Impostor
		seen.Err = &ImpostorError{Name: i.Name, Place: p, Err: err}
	}
	return seen
}

// Verify shakes hands at a place and hangs up: nil means that the paired iPhone
// is there. Nothing is sent before or after. The report is never nil.
func (l *Link) Verify(ctx context.Context, p Place, limit time.Duration) (*trust.Report, error) {
	d := *l.dialer
	d.Timeout = limit
	conn, r, err := d.Dial(ctx, p.Host, p.Port)
	if err != nil {
		return r, err
	}
	return r, conn.Close()
}

// identityOf reads the outcome of a handshake. Whether a certificate belongs to
// the pairing is checked before its dates, its use and its names are, so a
// failure of the latter comes from ours.
func identityOf(err error) Identity {
	if err == nil {
		return Yours
	}
	var f *trust.Failure
	if !errors.As(err, &f) {
		return Unanswered
	}
	switch {
	case f.Whose == trust.Client, f.Kind == trust.KeyUnavailable, f.Kind == trust.BrokenChain && f.Whose == trust.CA:
		return Unchecked // what we have to check by is not usable
	case wrongIdentity(err):
		return Other
	}
	switch f.Kind {
	case trust.Expired, trust.NotYetValid, trust.NameMismatch, trust.WrongUsage:
		return YoursFaulty
	}
	return Unanswered
}

func notLocal(i bonjour.Instance) error {
	f := &trust.Failure{Kind: trust.NotLocal, Host: i.Host, Err: errors.New("it announces no address of this network")}
	for _, a := range i.Addrs {
		f.Names = append(f.Names, a.String())
	}
	return f
}

// Settle goes over devices that were looked at together: while the paired
// iPhone proves itself, another of its name is just another (many iPhones are
// called "iPhone"), not one that pretends.
func Settle(all []Seen) {
	found := false
	for _, s := range all {
		found = found || s.Identity == Yours || s.Identity == YoursFaulty
	}
	for i := range all {
		if found && all[i].Identity == Impostor {
			all[i].Identity, all[i].Err = Other, errors.Unwrap(all[i].Err)
		}
	}
}

// Observe shakes hands with whatever is at a place, believing nothing it says:
// for showing its certificate to a person. Nothing but a ClientHello is sent.
// The error is nil where a certificate was shown; the report is never nil.
func (s *Station) Observe(ctx context.Context, p Place, o LinkOptions) (*trust.Report, error) {
	conn, r, err := s.dialer(nil, o, nil).Dial(ctx, p.Host, p.Port) // a nil Trust refuses everyone
	switch {
	case err == nil:
		return r, conn.Close()
	case r.ServerCert() != nil && unjudged(r.Failure):
		return r, nil
	}
	return r, err
}

// unjudged reports that nothing but the missing trust was in the way.
func unjudged(f *trust.Failure) bool {
	return f != nil && f.Kind == trust.Unknown && f.Whose == trust.Server
}

// Offer is what the certificate of a device says about how to pair with it.
type Offer struct {
	// Protocol is 1 (pinned certificate) or 2 (mutual TLS).
	Protocol int
	// Leaf and CA are the fingerprints to pair by; CA is zero with protocol 1.
	Leaf, CA pki.Fingerprint
}

// StrangeError says that a device shows no certificate of iOS Health Sync.
type StrangeError struct {
	Place   Place
	Subject string // what it shows instead; anyone's text
}

func (e *StrangeError) Error() string {
	return "what answers at " + e.Place.String() + " shows no certificate of iOS Health Sync"
}

// ReadOffer tells the two protocols apart by the certificate (spec: protocol,
// certificates): the shipping app's is one of its own, CN "HealthSync Local";
// that of protocol 2 is healthsync-server, with the CA in the chain.
func ReadOffer(p Place, r *trust.Report) (Offer, error) {
	leaf := r.ServerCert()
	if leaf == nil {
		return Offer{}, &StrangeError{Place: p}
	}
	o := Offer{Leaf: pki.FingerprintOf(leaf)}
	if leaf.Subject.CommonName == pki.CommonNameServer {
		for _, c := range r.Peer[1:] {
			if c.Subject.CommonName == pki.CommonNameCA && pki.SelfSigned(c) && pki.IssuedBy(leaf, c) {
				o.Protocol, o.CA = 2, pki.FingerprintOf(c)
				return o, nil
			}
		}
	}
	if leaf.Subject.CommonName == pki.CommonNameV1 && pki.SelfSigned(leaf) {
		o.Protocol = 1
		return o, nil
	}
	return Offer{}, &StrangeError{Place: p, Subject: leaf.Subject.CommonName}
}

// HasToken reports whether the token of a version 1 pairing is in the vault.
func (s *Station) HasToken(ctx context.Context, r *Record) (bool, error) {
	_, err := s.token(ctx, r)
	var gone *MissingError
	if errors.As(err, &gone) {
		return false, nil
	}
	return err == nil, err
}

// Needs reports whether an item of the vault belongs to this pairing.
func (r *Record) Needs(i vault.Item) bool { return r.names(i) }
