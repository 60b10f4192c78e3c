package pairing

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
)

// device is something on the network of the model.
type device struct {
	name    string // announced; "" announces nothing
	key     int    // 0 is the one that was paired
	alien   bool   // no iPhone
	here    bool   // on the home network
	addr    int
	port    int
	sharing bool
	proxy   bool // it sleeps, and another device announces it all the same
	named   int  // the address in its certificate; 0 for any
}

// house is the model: devices on a home network, a Mac that is in it or not,
// its clock, and what can stand between them.
type house struct {
	r                        *rand.Rand
	ours                     *device
	others                   []*device
	cafe, sameNet            bool // the Mac is elsewhere, perhaps in a network of the same numbers
	isolated, vpn, noBonjour bool
	wrongClock               bool // by the Mac's calendar the certificate is out of date
	stored                   Place
	log                      []string
}

const ourName = "Ana's iPhone"

func newHouse(seed uint64) *house {
	h := &house{r: rand.New(rand.NewPCG(seed, 1))}
	h.ours = &device{name: ourName, here: true, addr: 10, port: 50000, sharing: true}
	h.stored = place(h.ours)
	return h
}

func place(d *device) Place { return Place{fmt.Sprintf("192.168.1.%d", d.addr), d.port} }

func (h *house) note(format string, args ...any) { h.log = append(h.log, fmt.Sprintf(format, args...)) }

func (h *house) all() []*device { return append([]*device{h.ours}, h.others...) }

// lease gives an address that nobody has: the last one of the iPhone's, often.
func (h *house) lease() int {
	last := int(netip.MustParseAddr(h.stored.Host).As4()[3])
	for {
		a := 10 + h.r.IntN(12)
		if h.r.IntN(3) == 0 {
			a = last
		}
		free := true
		for _, d := range h.all() {
			free = free && (!d.here || d.addr != a)
		}
		if free {
			return a
		}
	}
}

// step lets something happen.
func (h *house) step() {
	o := h.ours
	switch h.r.IntN(18) {
	case 0, 1:
		o.sharing, o.proxy = false, false
		h.note("stops sharing")
	case 2, 3, 4:
		if !o.here {
			o.here, o.addr = true, h.lease()
		}
		o.sharing, o.proxy = true, false
		o.port = 50000 + h.r.IntN(10)
		h.note("shares at port %d", o.port)
	case 5, 6:
		if o.here {
			o.here, o.sharing, o.proxy = false, false, false
			h.note("leaves")
			return
		}
		o.here, o.addr, o.proxy = true, h.lease(), false
		o.sharing, o.port = h.r.IntN(3) > 0, 50000+h.r.IntN(10)
		h.note("comes home to .%d, sharing %v", o.addr, o.sharing)
	case 7:
		if o.here {
			o.addr = h.lease()
			h.note("gets .%d", o.addr)
		}
	case 8:
		if o.here {
			o.sharing, o.proxy = false, true
			h.note("sleeps, announced by a proxy")
		}
	case 9:
		if h.r.IntN(3) == 0 {
			o.key++
			h.note("was installed anew")
		}
	case 10, 11:
		d := &device{here: true, addr: h.lease(), port: h.ours.port, sharing: true, key: 100 + h.r.IntN(100)}
		switch h.r.IntN(5) {
		case 0:
			d.name = "Bob's iPhone"
		case 1, 2:
			d.name = ourName
		case 3:
			d.name, d.alien = ourName, true
		case 4:
			d.alien = true
		}
		h.others = append(h.others, d)
		h.note("%q, alien %v, appears at .%d:%d", d.name, d.alien, d.addr, d.port)
	case 12:
		if len(h.others) > 0 {
			h.others = h.others[1:]
			h.note("one of the others goes")
		}
	case 13:
		h.cafe, h.sameNet = !h.cafe, h.r.IntN(3) == 0
		h.note("the Mac is in a café: %v, same numbers: %v", h.cafe, h.sameNet)
	case 14:
		h.isolated = !h.isolated && h.r.IntN(2) == 0
		h.note("the router isolates: %v", h.isolated)
	case 16:
		o.named = o.addr
		h.note("gets a certificate for .%d", o.addr)
	case 17:
		h.wrongClock = !h.wrongClock && h.r.IntN(2) == 0
		h.note("the Mac's calendar is wrong: %v", h.wrongClock)
	case 15:
		h.vpn, h.noBonjour = h.r.IntN(4) == 0, h.r.IntN(4) == 0
		h.note("VPN %v, noBonjour %v", h.vpn, h.noBonjour)
	}
}

// reachable reports that a connection to a device can come about. The model's
// VPN swallows everything.
func (h *house) reachable(d *device) bool { return d.here && !h.cafe && !h.isolated && !h.vpn }

// audible reports that a device can be heard: multicast goes on where a router
// isolates, and beside a VPN.
func (h *house) audible(d *device) bool {
	return d.here && d.name != "" && (d.sharing || d.proxy) && !h.cafe && !h.noBonjour
}

func failure(k trust.Kind, cn string) error {
	f := &trust.Failure{Kind: k}
	if cn != "" {
		f.Whose, f.Cert = trust.Server, &x509.Certificate{Subject: pkix.Name{CommonName: cn}}
	}
	return f
}

// prove is a handshake in the model. It takes its time.
func (h *house) prove(ctx context.Context, p Place) error {
	wait(ctx, time.Duration(1+h.addrOf(p)%7)*10*time.Millisecond)
	if ctx.Err() != nil {
		return failure(trust.Canceled, "")
	}
	for _, d := range h.all() {
		if !h.reachable(d) || place(d).Host != p.Host {
			continue
		}
		switch {
		case d.proxy:
			wait(ctx, lookTimeout)
			return failure(trust.TimedOut, "")
		case !d.sharing || d.port != p.Port:
			return failure(trust.Refused, "")
		case d.key == 0 && h.wrongClock:
			return failure(trust.Expired, pki.CommonNameServer)
		case d.key == 0 && d.named != 0 && d.named != d.addr:
			return failure(trust.NameMismatch, pki.CommonNameServer)
		case d.key == 0:
			return nil
		case d.alien && d.key%3 == 0:
			return failure(trust.NotTLS, "")
		case d.alien && d.key%3 == 1:
			return failure(trust.Malformed, pki.CommonNameV1) // our own certificate, copied
		case d.alien:
			return failure(trust.SelfSigned, "router.lan")
		}
		return failure(trust.FingerprintMismatch, pki.CommonNameV1)
	}
	wait(ctx, lookTimeout)
	return failure(trust.TimedOut, "")
}

func (h *house) addrOf(p Place) int { return int(netip.MustParseAddr(p.Host).As4()[3]) }

// listen reports everyone who can be heard, in some order, some twice.
func (h *house) listen(ctx context.Context, heard chan<- bonjour.Instance) error {
	if h.noBonjour {
		return &bonjour.NetworkError{Err: errors.New("noBonjour")}
	}
	all := h.all()
	h.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for range 2 {
		for _, d := range all {
			if !h.audible(d) {
				continue
			}
			select {
			case <-time.After(time.Duration(d.addr) * 9 * time.Millisecond):
			case <-ctx.Done():
				return nil
			}
			i := bonjour.Instance{Name: d.name, Host: fmt.Sprintf("host%d.local", d.addr), Port: d.port, Addrs: []netip.Addr{netip.MustParseAddr(place(d).Host)}}
			select {
			case heard <- i:
			case <-ctx.Done():
				return nil
			}
		}
	}
	<-ctx.Done()
	return nil
}

// truth says how a look must end, from what is so and not from what was seen.
func (h *house) truth() Verdict {
	stored := h.stored
	o := h.ours
	if o.key == 0 && o.sharing && h.reachable(o) {
		switch {
		case place(o) == stored:
			return Unmoved
		case h.audible(o) && (h.wrongClock || o.named != 0 && o.named != o.addr):
			return Lagging
		case h.audible(o):
			return Moved
		}
	}
	var atPlace *device
	taken, rekeyed, foreign, cutOff, named := false, false, false, false, false
	for _, d := range h.all() {
		at := place(d).Host == stored.Host
		if at && h.reachable(d) && d.sharing && d.port == stored.Port {
			atPlace = d
		}
		if !h.audible(d) {
			continue
		}
		mine := d.name == ourName
		named = named || mine
		switch {
		case mine && d.key != 0 && d.sharing && h.reachable(d):
			taken = taken || d.alien || !at
			rekeyed = rekeyed || !d.alien && at
		case mine && !at && !(h.reachable(d) && !d.proxy):
			cutOff = true
		case !mine && at:
			foreign = true
		}
	}
	switch {
	case taken:
		return Taken
	case rekeyed:
		return Rekeyed
	case atPlace != nil && (atPlace.alien || foreign):
		return AnotherPhone
	case atPlace != nil:
		return Rekeyed // not to be heard: it could be ours, installed anew
	case cutOff:
		return Blocked
	case named && h.vpn && h.heardAtStored():
		return Blocked
	case named:
		return Asleep
	case h.cafe && !h.sameNet:
		return OtherNetwork
	case h.vpn && h.noBonjour:
		return Blocked
	}
	return Asleep
}

// heardAtStored reports that somebody announces the very place in our name.
func (h *house) heardAtStored() bool {
	for _, d := range h.all() {
		if h.audible(d) && d.name == ourName && place(d) == h.stored {
			return true
		}
	}
	return false
}

// look is what Link.ask and Link.drift do, with the model's network under it.
func (h *house) look(ctx context.Context) Verdict {
	asked := h.prove(ctx, h.stored)
	if asked == nil {
		return Unmoved
	}
	if !canMove(asked) {
		return Unmoved
	}
	failed := make(chan struct{})
	close(failed)
	look := func(ctx context.Context, i bonjour.Instance) Seen {
		p := places(i)[0]
		err := h.prove(ctx, p)
		return Seen{Instance: i, Place: p, Identity: identityOf(err), Err: err}
	}
	s := search{was: h.stored, name: ourName, look: look, listen: h.listen}.run(ctx, failed)
	if s.ours != nil {
		h.stored = *s.ours
		return Moved
	}
	f := s.facts(identityOf(asked), h.stored)
	f.OnLink, f.Tunnel = !h.cafe || h.sameNet, h.vpn
	verdict, _ := Triage(f)
	return verdict
}

// Ten thousand histories of an iPhone, a network and the people on it: after
// each event a look ends with the right iPhone followed, or in the one verdict
// that is true.
func TestDriftHistories(t *testing.T) {
	histories := 10_000
	if testing.Short() {
		histories = 500
	}
	ends := map[Verdict]int{}
	looks := 0
	for seed := range uint64(histories) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(seed)
			for range 6 {
				for range 1 + h.r.IntN(2) {
					h.step()
				}
				want, was := h.truth(), h.stored
				got := h.look(t.Context())
				synctest.Wait() // whoever was still under way has seen that it is over
				looks++
				ends[got]++
				h.note("-> %s", got)
				if got != want {
					t.Fatalf("history %d: %s, want %s; stored %s, the iPhone %+v\n%s", seed, got, want, was, *h.ours, strings.Join(h.log, "\n"))
				}
				if moved := h.stored != was; moved != (got == Moved) || moved && (h.stored != place(h.ours) || h.ours.key != 0) {
					t.Fatalf("history %d: from %s to %s, the iPhone is %+v\n%s", seed, was, h.stored, *h.ours, strings.Join(h.log, "\n"))
				}
			}
			synctest.Wait()
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d looks in %d histories: %v", looks, histories, ends)
	for _, v := range Verdicts() {
		if ends[v] == 0 {
			t.Errorf("no history ends in %s", v)
		}
	}
}
