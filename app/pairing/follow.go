package pairing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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

// linkLocal reports an address that has a meaning on one interface only.
func (p Place) linkLocal() bool { return strings.Contains(p.Host, "%") }

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

// canMove reports a failure that a phone elsewhere would explain: there is no
// answer at the address, or somebody else's.
func canMove(err error) bool {
	var f *trust.Failure
	if !errors.As(err, &f) || f.Remote {
		return false
	}
	switch f.Kind {
	case trust.Refused, trust.Unreachable, trust.TimedOut, trust.HandshakeTimeout, trust.Reset, trust.CutShort, trust.NotTLS, trust.NameNotFound,
		trust.NameMismatch, trust.FingerprintMismatch, trust.OtherCA, trust.SelfSigned, trust.BrokenChain, trust.Malformed:
		// What is wrong on this Mac (its own certificate, the stored CA) is not
		// mended elsewhere.
		return f.Whose == trust.Server || f.Whose == trust.Nobody
	}
	return false
}

// headStart is how long the place where the iPhone was is asked before anybody
// listens for it elsewhere: at home it answers in a tenth of that.
const headStart = 700 * time.Millisecond

// asked is an answer of the iPhone.
type asked struct {
	phone.Status
	err error
}

// ask asks the iPhone how it is, where it was, and if that fails or takes long,
// wherever else it proves to be; then it is followed. A place that answers in
// the end is not left for another.
func (l *Link) ask(ctx context.Context) (phone.Status, error) {
	if l.fixed {
		return l.Status(ctx)
	}
	asking, giveUp := context.WithCancel(ctx)
	defer giveUp()
	answers := make(chan asked, 1)
	go func() {
		st, err := l.Status(asking)
		answers <- asked{st, err}
	}()
	start := time.NewTimer(headStart)
	defer start.Stop()
	failed := make(chan struct{})
	var why error
	select {
	case a := <-answers:
		if a.err == nil || !canMove(a.err) {
			return a.Status, a.err
		}
		why = a.err
		close(failed)
	case <-start.C:
	}
	chasing, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan chased, 1)
	was := Place{l.Host, l.Port}
	c := l.chase(was)
	go func() { ended <- c.run(chasing, failed) }()
	for {
		select {
		case a := <-answers:
			if a.err == nil || !canMove(a.err) {
				end()
				<-ended
				return a.Status, a.err
			}
			why = a.err
			close(failed)
		case s := <-ended:
			if why == nil { // the first question is still open
				giveUp()
				if a := <-answers; a.err == nil {
					return a.Status, nil
				}
			}
			if s.found == nil || ctx.Err() != nil {
				return phone.Status{}, l.drift(ctx, was, why, s)
			}
			if err := l.follow(was, *s.found); err != nil {
				return phone.Status{}, err
			}
			return l.Status(ctx)
		}
	}
}

// follow moves the link to where the iPhone has proved to be, and tells of it.
func (l *Link) follow(was, now Place) error {
	news, err := l.move(now)
	if err != nil || !news {
		return err
	}
	l.station.Log.Info("followed the iPhone", "code", "HOST_CHANGED", "from", was.String(), "to", now.String())
	if l.moved != nil {
		l.moved(was, now)
	}
	l.tellUnkept("new address")
	return nil
}

// drift says what has become of an iPhone that was not found: the failure
// itself where it tells enough.
func (l *Link) drift(ctx context.Context, was Place, failed error, s chased) error {
	if ctx.Err() != nil {
		return cmp.Or(failed, ctx.Err())
	}
	nets := FindNetworks()
	f := s.facts(outcomeOf(failed))
	f.Tunnel, f.OnLink = len(nets.Tunnels) > 0, true
	if a, err := netip.ParseAddr(was.Host); err == nil {
		f.OnLink = nets.Holds(a)
	}
	f.Denied = denied(failed, f.OnLink)
	e := &DriftError{Verdict: Triage(f), Was: was, At: was, Err: failed, There: failed, Bonjour: s.err, Networks: nets.String(), Tunnels: nets.Tunnels, Denied: f.Denied}
	e.Announced = f.Announced || slices.ContainsFunc(f.Claims, func(c Claim) bool { return c.InName })
	about, ok := s.about(e.Verdict)
	if ok {
		e.At, e.Name = about.place, about.name
	}
	switch e.Verdict {
	case Unmoved:
		return failed
	case Lagging:
		return about.err
	case Rekeyed, Taken:
		if ok {
			e.Err, e.Namesake = about.err, about.Outcome == Stranger && e.Verdict == Taken
		}
	}
	if e.Verdict == Taken {
		l.station.Log.Warn("another device answers in the iPhone's name", "code", "HOST_UNVERIFIED", "at", e.At.String())
	}
	return e
}

// chase makes one for this link.
func (l *Link) chase(was Place) *chase {
	finder := l.options.Finder
	if finder == nil {
		finder = new(bonjour.Browser)
	}
	return &chase{
		was: was, name: l.Record.Name, prove: l.prove,
		listen: func(ctx context.Context, window time.Duration, heard func(bonjour.Instance)) error {
			_, _, err := finder.Find(ctx, window, func(i bonjour.Instance) bool {
				heard(i)
				return false
			})
			return err
		},
	}
}

// Heard takes note of an iPhone that announces itself. One that is elsewhere
// than ours was, and proves to be ours, is followed; nobody else is told
// anything. Here reports that it is announced where it was; anew says that
// something about it has changed, so that the place is tried all the same: it
// may be one of two addresses, and gone in a moment. Nothing is done by a link
// whose address the person named.
func (l *Link) Heard(ctx context.Context, i bonjour.Instance, anew bool) (seen Seen, here bool, err error) {
	was := Place{l.Host, l.Port}
	here = AnnouncedAt(i, was)
	if l.fixed || here && (!anew || !slices.Contains(places(i), was)) {
		return Seen{Instance: i, Place: was}, here, nil
	}
	seen = l.look(ctx, i, was)
	if seen.Identity != Yours || seen.Place == was {
		return seen, here, nil
	}
	return seen, false, l.follow(was, seen.Place)
}

// AnnouncedAt reports that an iPhone announces itself at a place, by address or
// by name.
func AnnouncedAt(i bonjour.Instance, p Place) bool {
	if i.Port != p.Port {
		return false
	}
	return strings.EqualFold(strings.TrimSuffix(p.Host, "."), i.Host) || slices.Contains(places(i), p)
}

// Where writes the place and addresses that an iPhone announces.
func Where(i bonjour.Instance) string { return fmt.Sprint(i.Host, i.Port, i.Addrs) }

// prove shakes hands and hangs up. Nothing is sent before or after.
func (l *Link) prove(ctx context.Context, p Place) error {
	_, err := l.Verify(ctx, p, sightTimeout)
	return err
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

// move makes a verified place the one where the iPhone is. It is no news where
// another look, or another process, has just done so. Where that cannot be
// written down, it holds for this link.
func (l *Link) move(p Place) (news bool, err error) {
	if _, err := netip.ParseAddr(p.Host); err != nil {
		return false, fmt.Errorf("a place to move to needs an address: %w", err)
	}
	err = l.note(func(r *Record) {
		news = r.Host != p.Host || r.Port != p.Port
		if news {
			r.FollowedAt = l.station.Now().UTC().Truncate(time.Second)
		}
		r.Host, r.Port = p.Host, p.Port
	})
	if err != nil {
		return false, err
	}
	if l.station.Config.Server != (config.Server{}) {
		c, err := config.Update(l.station.Paths.ConfigFile(), func(c *config.Config) error {
			news = news || c.Server != config.Server{}
			c.Server = config.Server{}
			return nil
		})
		switch {
		case err == nil:
			l.station.Config = c
		case unwritable(err):
			l.unkept, l.station.Config.Server = err, config.Server{}
		default:
			return false, err
		}
	}
	l.Host, l.Port = p.Host, p.Port
	return news, l.connect()
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
