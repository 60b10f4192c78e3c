package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"healthsync/pki"
	"healthsync/pki/pairingcode"
	"healthsync/sync/health"
)

// Options says what kind of phone it is. The zero value is a phone of protocol
// version 2 without any samples.
type Options struct {
	// Protocol is 1 or 2; 0 is 2.
	Protocol int
	// DeviceName is what the person called the phone; "" is "Ana's iPhone".
	DeviceName string
	// History is what the phone has measured; nil is nothing.
	History *History
	// Types are those enabled in the app; nil is all that the app knows and
	// whatever else the history has (as a later app may).
	Types []health.Type
	// Names and Addrs go into the server certificate of version 2. Without
	// any, they are the phone's .local name and this machine's loopback and
	// private addresses.
	Names []string
	Addrs []netip.Addr
	// Dir is where identity, tokens and revocations are kept (file mode 0600),
	// so that a pairing outlives the process; "" keeps them in memory.
	Dir string
	// Now is the phone's clock; nil is time.Now.
	Now func() time.Time
	// NoRateLimit switches off the limit of 60 requests in 60 seconds, so that
	// a measurement measures software.
	NoRateLimit bool
	// Latency is waited before every answer, SampleCost for every sample that
	// a request makes the phone read: a real one is slow. Samples are read for
	// one request at a time, so that asking twice at once does not make it
	// faster; what else a request takes, others may overlap.
	Latency, SampleCost time.Duration
	// EndInclusive serves samples that start exactly at the end of a range too.
	// Which of the two HealthKit does is not promised: a client must stand both.
	EndInclusive bool
	// Faults are in force from the start; see [Faults] and [Phone.SetFaults].
	Faults []string
	// Script may name faults for one request on top of those in force. It is
	// called for every request that was read, possibly at the same time; those
	// of listener and handshake come too late here, and what cannot be parsed
	// is answered by status 500. nil names none.
	Script func(Request) []string
}

// Request is what [Options.Script] decides by.
type Request struct {
	// Number counts requests from 1 over the phone's whole life.
	Number       int64
	Method, Path string
	// Body must not be kept nor changed.
	Body []byte
}

// Meters say what has been asked of the phone so far.
type Meters struct {
	// Connections were accepted, Requests read whole, of which Data asked for
	// samples and Refused were answered by another status than 200 and 204.
	Connections int64 `json:"connections"`
	Requests    int64 `json:"requests"`
	Data        int64 `json:"dataRequests"`
	Refused     int64 `json:"refused"`
	// SamplesRead is what the phone had to read from its database, limit +
	// offset + 1 of every requested type at most; SamplesServed is what it sent.
	SamplesRead   int64 `json:"samplesRead"`
	SamplesServed int64 `json:"samplesServed"`
	// Bytes of HTTP sent, heads and bodies.
	Bytes int64 `json:"bytes"`
}

type meters struct {
	connections, requests, data, refused, read, served, bytes atomic.Int64
}

// Phone is a simulated iPhone. Its methods may be called at the same time.
type Phone struct {
	opts    Options
	history *History
	id      *identity
	pair    pairing
	limit   limiter
	faults  atomic.Pointer[faults]
	locked  atomic.Bool
	reading sync.Mutex // held while SampleCost is waited
	meters  meters

	mu       sync.Mutex
	types    []health.Type
	listener net.Listener // nil while refusing
	addr     *net.TCPAddr // of the last Start
	sharing  context.Context
	stop     context.CancelFunc // nil while not sharing
	wg       sync.WaitGroup
}

// DefaultName is the phone's name where none is given.
const DefaultName = "Ana's iPhone"

// New makes a phone that does not share yet: [Phone.Start] does. Where
// [Options.Dir] holds an identity, it is that phone again.
func New(o Options) (*Phone, error) {
	o.Protocol = cmp.Or(o.Protocol, 2)
	if o.Protocol != 1 && o.Protocol != 2 {
		return nil, fmt.Errorf("simulator: protocol version %d does not exist", o.Protocol)
	}
	o.DeviceName = cmp.Or(o.DeviceName, DefaultName)
	if o.History == nil {
		o.History = NewHistory()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Names == nil && o.Addrs == nil {
		o.Names, o.Addrs = []string{localName(o.DeviceName)}, localAddrs()
	}
	f, err := parseFaults(o.Faults)
	if err != nil {
		return nil, err
	}
	p := &Phone{
		opts: o, history: o.History, types: slices.Clone(o.Types),
		limit: limiter{log: map[string][]time.Time{}},
	}
	p.faults.Store(&f)
	if p.id, err = openIdentity(o, p.now()); err != nil {
		return nil, err
	}
	return p, nil
}

// now is the phone's clock, with its fault.
func (p *Phone) now() time.Time {
	return p.opts.Now().Add((*p.faults.Load()).duration("clock-skew", 0))
}

// Start shares on an address such as "127.0.0.1:0" and gives back at once. It
// fails where the phone shares already.
func (p *Phone) Start(addr string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return errors.New("simulator: the phone is sharing already")
	}
	p.sharing, p.stop = context.WithCancel(context.Background())
	if err := p.listen(addr); err != nil {
		p.stop()
		p.stop = nil
		return err
	}
	if (*p.faults.Load()).has("refuse") {
		p.closeListener()
	}
	return nil
}

// listen and closeListener are called with the lock held.
func (p *Phone) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	p.listener, p.addr = l, l.Addr().(*net.TCPAddr)
	ctx := p.sharing
	p.wg.Go(func() { p.accept(ctx, l) })
	return nil
}

func (p *Phone) closeListener() {
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// Stop ends sharing: listener and connections are gone, as when the app leaves
// the foreground. Identity, pairings and meters stay; Start may follow.
func (p *Phone) Stop() {
	p.mu.Lock()
	if p.stop == nil {
		p.mu.Unlock()
		return
	}
	p.stop()
	p.closeListener()
	p.mu.Unlock()
	p.wg.Wait()
	p.mu.Lock()
	p.stop = nil
	p.mu.Unlock()
}

// Payload opens a pairing, as showing the QR code does in the app, and gives
// what the code says: whoever had an earlier one cannot pair with it any more.
// The host goes in as it is; "" is that of [Phone.Host].
func (p *Phone) Payload(host string) (pairingcode.Payload, error) {
	f, now := *p.faults.Load(), p.now()
	leaf, ca, err := p.id.fingerprints(f, now)
	if err != nil {
		return pairingcode.Payload{}, err
	}
	if p.Addr() == nil {
		return pairingcode.Payload{}, errors.New("simulator: the phone has not shared yet: there is no port to tell")
	}
	if f.has("expired-code") {
		now = now.Add(-2 * codeLifetime)
	}
	code, expires := p.pair.begin(now)
	return pairingcode.Payload{
		Version: p.opts.Protocol, Host: cmp.Or(host, p.Host()), Port: p.Port(), Code: code,
		ExpiresAt: expires, Leaf: leaf, CA: ca,
	}, nil
}

// NewCode opens a pairing and gives its code alone, for typing it in.
func (p *Phone) NewCode() string {
	code, _ := p.pair.begin(p.now())
	return code
}

// Fingerprints gives those of the server certificate that a client would see
// now and of the CA; the latter is zero in version 1.
func (p *Phone) Fingerprints() (leaf, ca pki.Fingerprint, err error) {
	return p.id.fingerprints(*p.faults.Load(), p.now())
}

// Name is the phone's name, that of its Bonjour instance too.
func (p *Phone) Name() string { return p.opts.DeviceName }

// Protocol is 1 or 2.
func (p *Phone) Protocol() int { return p.opts.Protocol }

// History is what the phone has measured; it may be changed at any time.
func (p *Phone) History() *History { return p.history }

// Meters gives a snapshot.
func (p *Phone) Meters() Meters {
	m := &p.meters
	return Meters{
		Connections: m.connections.Load(), Requests: m.requests.Load(), Data: m.data.Load(), Refused: m.refused.Load(),
		SamplesRead: m.read.Load(), SamplesServed: m.served.Load(), Bytes: m.bytes.Load(),
	}
}

// SetLocked locks the phone's screen, or unlocks it: requests for samples are
// then answered by 423.
func (p *Phone) SetLocked(locked bool) { p.locked.Store(locked) }

// SetTypes replaces the enabled types, as the switches in the app do; nil is
// all of them.
func (p *Phone) SetTypes(types []health.Type) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.types = slices.Clone(types)
}

// Revoke revokes every pairing: tokens are forgotten, client certificates
// refused, as "Revoke all" in the app does.
func (p *Phone) Revoke() error { return p.id.revokeAll() }

// Reissue makes a new server certificate of the same CA for these names and
// addresses, as a phone does that got a new address. Version 1 has nothing to
// reissue: its certificate names no address, and the app never renews it.
func (p *Phone) Reissue(names []string, addrs []netip.Addr) error {
	return p.id.reissue(names, addrs, p.now())
}

// known lists the types that the app can name.
func (p *Phone) known() []health.Type {
	known := health.Types()
	for _, t := range p.history.Types() {
		if !slices.Contains(known, t) {
			known = append(known, t)
		}
	}
	return known
}

// enabled lists the enabled types in alphabetical order, as the app keeps them
// (SyncConfiguration.serialize).
func (p *Phone) enabled(f faults) []health.Type {
	p.mu.Lock()
	types := slices.Clone(p.types)
	p.mu.Unlock()
	if types == nil {
		types = p.known()
	}
	types = slices.DeleteFunc(types, func(t health.Type) bool { return f.names("type-disabled", t) })
	slices.Sort(types)
	return types
}
