package pairing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
)

// Identity is what a handshake says about whose a device is. Nothing is sent
// to any of them.
type Identity int

// What a device can be.
const (
	// NotLooked: nobody has looked at it.
	NotLooked Identity = iota
	// NotPaired: this computer is paired with no iPhone, so that nothing can be
	// said about anyone's identity.
	NotPaired
	// Yours proved to be the paired iPhone.
	Yours
	// YoursInvalid has a certificate of this pairing that cannot be used: out of
	// date, or for another use.
	YoursInvalid
	// YoursMisnamed has one of this pairing that is not for its address.
	YoursMisnamed
	// Other is an iPhone of another identity.
	Other
	// Impostor is another device that uses the paired iPhone's name.
	Impostor
	// NoPhone answers, and not as an iPhone that shares health data.
	NoPhone
	// Unchecked: what this computer needs to tell its iPhone by cannot be used
	// (the keychain is locked, say).
	Unchecked
	// Silent does not answer in time.
	Silent
	// Refusing is there and does not listen.
	Refusing
	// Unreachable: there is no way to the address.
	Unreachable
	// BrokeOff answered and broke off, which says nothing of who it is.
	BrokeOff
	// Foreign announces no address of this network.
	Foreign
)

// identityNames are the names in JSON; those that share one differ in their error.
var identityNames = [...]string{
	"", "not-paired", "yours", "yours-faulty", "yours-faulty", "other", "impostor", "other", "unchecked",
	"unanswered", "unanswered", "unanswered", "unanswered", "not-local",
}

// String is the name in JSON.
func (i Identity) String() string { return identityNames[i] }

// MarshalText makes an Identity a word in JSON.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// Ours reports a device that holds a certificate of this pairing.
func (i Identity) Ours() bool { return i == Yours || i == YoursInvalid || i == YoursMisnamed }

// Unanswered reports that nothing was learnt of who it is.
func (i Identity) Unanswered() bool {
	return i == Silent || i == Refusing || i == Unreachable || i == BrokeOff
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
		return BrokeOff
	}
	if f.Whose == trust.Client || f.Kind == trust.KeyUnavailable || f.Kind == trust.BrokenChain && f.Whose == trust.CA {
		return Unchecked // what we have to check by cannot be used
	}
	switch f.Kind {
	case trust.NameMismatch:
		return YoursMisnamed
	case trust.Expired, trust.NotYetValid, trust.WrongUsage:
		return YoursInvalid
	case trust.FingerprintMismatch, trust.OtherCA, trust.SelfSigned, trust.BrokenChain, trust.CAMismatch:
		if genuine(f) {
			return Other
		}
		return NoPhone
	case trust.Malformed, trust.NotTLS, trust.TLSVersion:
		return NoPhone
	case trust.Refused:
		return Refusing
	case trust.Unreachable, trust.NameNotFound:
		return Unreachable
	case trust.TimedOut, trust.Canceled:
		return Silent
	}
	return BrokeOff
}

// genuine reports a certificate as iOS Health Sync makes them (spec: protocol,
// certificates), of whomever.
func genuine(f *trust.Failure) bool {
	return f.Cert != nil && (f.Cert.Subject.CommonName == pki.CommonNameV1 ||
		f.Cert.Subject.CommonName == pki.CommonNameServer)
}

// ImpostorError says that a device announces itself under the iPhone's name
// and could not prove to be it. Nothing was sent to it.
type ImpostorError struct {
	Name  string
	Place Place
	Err   error // what was wrong with its identity
}

func (e *ImpostorError) Error() string {
	return fmt.Sprintf("the device at %s announces itself as %q and is not the paired iPhone: %v", e.Place, e.Name,
		e.Err)
}

func (e *ImpostorError) Unwrap() error { return e.Err }

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

const (
	// lookTimeout bounds one handshake of a look around: on a local network an
	// answer that takes longer will not come.
	lookTimeout = 3 * time.Second
	// maxPlaces bounds how many addresses of one announced device are tried.
	maxPlaces = 6
	// linkLocalDelay is how long a link-local IPv6 address is held back: it works,
	// and any other is better to remember. RFC 8305 section 5 has the same delay
	// between any two attempts.
	linkLocalDelay = 250 * time.Millisecond
)

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
// addresses at the same time. A place that proves to be ours gives way to the
// one where the iPhone is thought to be, where that answers hardly later. A nil
// Link says that this computer is paired with none; then nobody is dialled.
func (l *Link) Look(ctx context.Context, i bonjour.Instance) Seen {
	at := places(i)
	if len(at) == 0 {
		return Seen{Instance: i, Identity: Foreign, Place: Place{Port: i.Port}, Err: notLocal(i)}
	}
	if l == nil {
		return Seen{Instance: i, Identity: NotPaired, Place: at[0]}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Read here, because both may change while a place is still asked.
	known, namesake := Place{l.Host, l.Port}, i.Name == l.Record.Name
	results := make(chan Seen, len(at))
	onlyLinkLocal := !slices.ContainsFunc(at, func(p Place) bool { return !p.linkLocal() })
	for _, p := range at {
		go func() {
			if p.linkLocal() && !onlyLinkLocal {
				wait(ctx, linkLocalDelay)
			}
			results <- l.lookAt(ctx, i, p, namesake)
		}()
	}
	seen := Seen{Instance: i, Place: at[0]}
	var late <-chan time.Time
	for range at {
		select {
		case s := <-results:
			if s.Identity == Yours {
				if s.Place == known || !slices.Contains(at, known) {
					return s
				}
				late = time.After(linkLocalDelay)
			}
			if seen.Identity == NotLooked || moreTelling(s.Identity, seen.Identity) {
				seen = s
			}
		case <-late:
			return seen
		}
	}
	return seen
}

// moreTelling reports that one address of a device says more of it than another.
func moreTelling(a, b Identity) bool {
	order := []Identity{Yours, YoursMisnamed, YoursInvalid, Impostor, Other, NoPhone, Unchecked}
	i, j := slices.Index(order, a), slices.Index(order, b)
	return i >= 0 && (j < 0 || i < j)
}

func (l *Link) lookAt(ctx context.Context, i bonjour.Instance, p Place, namesake bool) Seen {
	r, err := l.Verify(ctx, p, lookTimeout)
	seen := Seen{Instance: i, Place: p, Identity: identityOf(err), Err: err, Report: r}
	if namesake && (seen.Identity == Other || seen.Identity == NoPhone && r.ServerCert() != nil) {
		seen.Identity, seen.Err = Impostor, &ImpostorError{Name: i.Name, Place: p, Err: err}
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

func notLocal(i bonjour.Instance) error {
	f := &trust.Failure{Kind: trust.NotLocal, Host: i.Host, Err: errors.New("it announces no address of this network")}
	for _, a := range i.Addrs {
		f.Names = append(f.Names, a.String())
	}
	return f
}

// plain is what was seen of an [Impostor] but for the name that it uses.
func (s Seen) plain() Seen {
	if named := new(ImpostorError); errors.As(s.Err, &named) {
		s.Err = named.Err
		s.Identity = identityOf(s.Err)
	}
	return s
}

// Settle goes over devices that were looked at together: while the paired
// iPhone proves itself, another of its name is just another (many iPhones are
// called "iPhone"), not one that pretends.
func Settle(all []Seen) {
	found := false
	for _, s := range all {
		found = found || s.Identity.Ours()
	}
	for i := range all {
		if found && all[i].Identity == Impostor {
			all[i] = all[i].plain()
		}
	}
}
