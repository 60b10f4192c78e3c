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

// canMove reports a failure that a phone elsewhere would explain: there is no
// answer at the address, or somebody else's.
func canMove(err error) bool {
	var f *trust.Failure
	if !errors.As(err, &f) || f.Remote {
		return false
	}
	switch f.Kind {
	case trust.Refused, trust.Unreachable, trust.TimedOut, trust.HandshakeTimeout, trust.Reset, trust.CutShort,
		trust.NotTLS, trust.NameNotFound,
		trust.NameMismatch, trust.FingerprintMismatch, trust.OtherCA, trust.SelfSigned, trust.BrokenChain,
		trust.Malformed:
		// What is wrong on this Mac (its own certificate, the stored CA) is not
		// mended elsewhere.
		return f.Whose == trust.Server || f.Whose == trust.Nobody
	}
	return false
}

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
	searching, end := context.WithCancel(ctx)
	defer end()
	failed, ended := make(chan struct{}), make(chan found, 1)
	was := Place{l.Host, l.Port}
	own := *l // a look reads what changes when the iPhone is followed
	look := search{was: was, name: l.Record.Name, look: own.Look, listen: l.listen}
	go func() { ended <- look.run(searching, failed) }()
	var why error
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
		case f := <-ended:
			if why == nil { // the first question is still open
				giveUp()
				if a := <-answers; a.err == nil {
					return a.Status, nil
				}
			}
			if f.ours == nil || ctx.Err() != nil {
				return phone.Status{}, l.drift(ctx, was, why, f)
			}
			if err := l.follow(was, *f.ours); err != nil {
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
	l.computer.Log.Info("followed the iPhone", "code", "HOST_CHANGED", "from", was.String(), "to", now.String())
	if l.moved != nil {
		l.moved(was, now)
	}
	l.tellUnkept("new address")
	return nil
}

// drift says what has become of an iPhone that was not found: the failure
// itself where it tells enough.
func (l *Link) drift(ctx context.Context, was Place, failed error, s found) error {
	if ctx.Err() != nil {
		return cmp.Or(failed, ctx.Err())
	}
	nets := FindNetworks()
	f := s.facts(identityOf(failed), was)
	f.Tunnel, f.OnLink = len(nets.Tunnels) > 0, true
	if a, err := netip.ParseAddr(was.Host); err == nil {
		f.OnLink = nets.Holds(a)
	}
	f.Denied = denied(failed, f.OnLink)
	verdict, about := Triage(f)
	e := &DriftError{Verdict: verdict, Was: was, At: was, Err: failed, There: failed, Bonjour: s.err,
		Networks: nets.String(), Tunnels: nets.Tunnels, Denied: f.Denied}
	e.Announced = f.Announced || slices.ContainsFunc(f.Claims, func(c Claim) bool { return c.InName })
	if about != nil {
		e.At, e.Name = about.Place, about.Instance.Name
	}
	switch verdict {
	case Unmoved:
		return failed
	case Lagging:
		return about.Err
	case Rekeyed, Taken:
		if about != nil {
			e.Err, e.Namesake = about.Err, about.Identity == Other && verdict == Taken
		}
	}
	if verdict == Taken {
		l.computer.Log.Warn("another device answers in the iPhone's name", "code", "HOST_UNVERIFIED", "at",
			e.At.String())
	}
	return e
}

// CheckAnnouncement checks an iPhone that announces itself. One at another place
// that proves to be ours is followed; no other device is sent anything. here
// reports that it is announced at the known place; anew says that the
// announcement has changed, so that the place is checked even then: it may have
// two addresses, and lose one. A link whose address the person named does nothing.
func (l *Link) CheckAnnouncement(ctx context.Context, i bonjour.Instance, anew bool) (seen Seen, here bool, err error) {
	was := Place{l.Host, l.Port}
	here = AnnouncedAt(i, was)
	if l.fixed || here && (!anew || !slices.Contains(places(i), was)) {
		return Seen{Instance: i, Place: was}, here, nil
	}
	seen = l.Look(ctx, i)
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
			r.FollowedAt = l.computer.Now().UTC().Truncate(time.Second)
		}
		r.Host, r.Port = p.Host, p.Port
	})
	if err != nil {
		return false, err
	}
	if l.computer.Config.Server != (config.Server{}) {
		c, err := config.Update(l.computer.Paths.ConfigFile(), func(c *config.Config) error {
			news = news || c.Server != config.Server{}
			c.Server = config.Server{}
			return nil
		})
		switch {
		case err == nil:
			l.computer.Config = c
		case unwritable(err):
			l.unkept, l.computer.Config.Server = err, config.Server{}
		default:
			return false, err
		}
	}
	l.Host, l.Port = p.Host, p.Port
	return news, l.connect()
}

// connect makes the client for where the iPhone is thought to be.
func (l *Link) connect() error {
	client, err := phone.New(l.computer.clientConfig(l.Record.Protocol, l.Host, l.Port, l.dialer, l.options, l.token))
	if err != nil {
		return err
	}
	l.Client = client
	return nil
}
