package pairing

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"healthsync/app/config"
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
	"healthsync/sync/phone"
)

// Place is where an iPhone was found, its identity verified.
type Place struct {
	Host string
	Port int
}

func (p Place) String() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// NotFoundError says that the iPhone neither answers where it was nor
// announces itself by Bonjour.
type NotFoundError struct {
	Place Place
	Err   error // why it did not answer
	// Bonjour is why nothing could be heard, nil if it was listened to.
	Bonjour error
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("the iPhone is not at %s (%v) and not announced by Bonjour", e.Place, e.Err)
}

func (e *NotFoundError) Unwrap() []error { return []error{e.Err, e.Bonjour} }

// ImpostorError says that a device announces itself under the iPhone's name
// and could not prove to be it. Nothing was sent to it.
type ImpostorError struct {
	Name  string
	Place Place
	Err   error // what was wrong with its identity
}

func (e *ImpostorError) Error() string {
	return fmt.Sprintf("the device at %s announces itself as %q and is not the paired iPhone: %v", e.Place, e.Name, e.Err)
}

func (e *ImpostorError) Unwrap() error { return e.Err }

// listenFor is how long Bonjour is listened to for a phone that has moved: it
// answers within a second or two (RFC 6762 section 6 lets it keep silent for
// one after it has answered somebody else).
const listenFor = 4 * time.Second

// canMove reports a failure that a phone elsewhere would explain: there is no
// answer at the address, or somebody else's.
func canMove(err error) bool {
	var f *trust.Failure
	if !errors.As(err, &f) || f.Remote {
		return false
	}
	switch f.Kind {
	case trust.Refused, trust.Unreachable, trust.TimedOut, trust.HandshakeTimeout, trust.Reset, trust.CutShort, trust.NotTLS, trust.NameNotFound,
		trust.NameMismatch, trust.FingerprintMismatch, trust.OtherCA, trust.SelfSigned, trust.BrokenChain:
		// What is wrong on this Mac (its own certificate, the stored CA) is not
		// mended elsewhere.
		return f.Whose == trust.Server || f.Whose == trust.Nobody
	}
	return false
}

// follow looks for the iPhone elsewhere after it failed where it was, and
// moves the link there. It returns what is to be told of the failure if it was
// not found.
func (l *Link) follow(ctx context.Context, failed error) error {
	if l.fixed || !canMove(failed) {
		return failed
	}
	was := Place{l.Host, l.Port}
	s := l.search(ctx, was)
	switch {
	case s.found != nil:
		if err := l.move(*s.found); err != nil {
			return err
		}
		if l.moved != nil {
			l.moved(was, *s.found)
		}
		l.station.Log.Info("followed the iPhone", "code", "HOST_CHANGED", "from", was.String(), "to", s.found.String())
		return nil
	case s.impostor != nil && ctx.Err() == nil:
		l.station.Log.Warn("another device answers in the iPhone's name", "code", "HOST_UNVERIFIED", "at", s.impostor.Place.String())
		return s.impostor
	case s.stillThere:
		return failed
	}
	var f *trust.Failure
	errors.As(failed, &f)
	switch f.Kind {
	case trust.Unreachable, trust.TimedOut, trust.NameNotFound:
		return &NotFoundError{Place: was, Err: failed, Bonjour: s.err}
	}
	return failed
}

// sighting is what listening to Bonjour came to.
type sighting struct {
	found    *Place // the iPhone, its identity verified
	impostor *ImpostorError
	// stillThere says that the iPhone announces itself where it did not answer:
	// it has not moved, it is silent.
	stillThere bool
	err        error // why nothing could be heard
}

// candidate is a place that somebody announces.
type candidate struct {
	place Place
	name  string
	err   error // of the handshake
}

// search listens to Bonjour and tries every phone that announces itself, all
// at once; the identity decides, not the name. The first that proves to be ours
// ends it.
func (l *Link) search(ctx context.Context, was Place) sighting {
	ctx, cancel := context.WithTimeout(ctx, listenFor+2*time.Second)
	defer cancel()
	listening, stop := context.WithCancel(ctx)
	defer stop()
	starts, outcomes, done := make(chan candidate, maxCandidates), make(chan candidate), make(chan error, 1)
	go func() { done <- listen(listening, starts) }()
	var s sighting
	running := 0
	for listened := false; !listened || running > 0 || len(starts) > 0; {
		select {
		case c := <-starts:
			if c.place == was {
				s.stillThere = s.stillThere || c.name == l.Record.Name
				continue
			}
			running++
			go func() {
				c.err = l.prove(ctx, c.place)
				outcomes <- c
			}()
		case c := <-outcomes:
			running--
			if c.err == nil {
				stop()
				go drain(running, outcomes)
				return sighting{found: &c.place}
			}
			if c.name == l.Record.Name && wrongIdentity(c.err) {
				s.impostor = &ImpostorError{Name: c.name, Place: c.place, Err: c.err}
			}
		case s.err = <-done:
			listened = true
		}
	}
	return s
}

// listen passes on every local place that is announced, each once.
func listen(ctx context.Context, starts chan<- candidate) error {
	var told []Place
	_, _, err := new(bonjour.Browser).Find(ctx, listenFor, func(i bonjour.Instance) bool {
		for _, a := range i.Addrs {
			p := Place{a.String(), i.Port}
			if trust.IsLocal(a) && !slices.Contains(told, p) && len(told) < maxCandidates {
				told = append(told, p)
				starts <- candidate{place: p, name: i.Name} // never waits: it holds them all
			}
		}
		return false
	})
	return err
}

// maxCandidates bounds how many announced places are tried: a flood of
// announcements must not become a flood of connections.
const maxCandidates = 64

// drain receives what is still under way, so that nobody waits for ever.
func drain[T any](n int, ch <-chan T) {
	for range n {
		<-ch
	}
}

// prove shakes hands and hangs up. Nothing is sent before or after.
func (l *Link) prove(ctx context.Context, p Place) error {
	d := *l.dialer
	d.Timeout = 3 * time.Second
	conn, _, err := d.Dial(ctx, p.Host, p.Port)
	if err != nil {
		return err
	}
	return conn.Close()
}

// wrongIdentity reports a device that answered and is not ours.
func wrongIdentity(err error) bool {
	var f *trust.Failure
	if !errors.As(err, &f) {
		return false
	}
	if f.Whose == trust.CA { // the stored one is missing: nobody could prove anything
		return false
	}
	switch f.Kind {
	case trust.FingerprintMismatch, trust.OtherCA, trust.SelfSigned, trust.BrokenChain, trust.CAMismatch, trust.Malformed:
		return true
	}
	return false
}

// move makes a verified place the one where the iPhone is.
func (l *Link) move(p Place) error {
	if _, err := netip.ParseAddr(p.Host); err != nil {
		return fmt.Errorf("a place to move to needs an address: %w", err)
	}
	updated, err := updateRecord(l.station.Paths, l.Record.ID, func(r *Record) { r.Host, r.Port = p.Host, p.Port })
	if err != nil {
		return err
	}
	if l.station.Config.Server != (config.Server{}) {
		c, err := config.Update(l.station.Paths.ConfigFile(), func(c *config.Config) error {
			c.Server = config.Server{}
			return nil
		})
		if err != nil {
			return err
		}
		l.station.Config = c
	}
	l.Record, l.Host, l.Port = updated, p.Host, p.Port
	return l.connect()
}

// connect makes the client for where the iPhone is thought to be.
func (l *Link) connect() error {
	client, err := phone.New(l.station.clientConfig(l.Record.Protocol, l.Host, l.Port, l.dialer, l.options, l.token))
	if err != nil {
		return err
	}
	l.Client = client
	return nil
}
