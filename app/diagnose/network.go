package diagnose

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/health"
)

// approach meets the iPhone twice at the same time: by a handshake that trusts
// nobody, which shows the network and the certificate whatever is wrong with
// this computer's side, and as every command does.
func (w *walk) approach(ctx context.Context) {
	w.place.Host, w.place.Port = w.s.Where(w.record, w.o.Link)
	var both sync.WaitGroup
	both.Go(func() { w.observe(ctx) })
	if w.link != nil {
		both.Go(func() { w.ask(ctx) })
	}
	both.Wait()
	if w.movedTo != nil {
		w.place = *w.movedTo
		w.observe(ctx)
	}
}

func (w *walk) observe(ctx context.Context) {
	w.observed, w.seenErr = w.s.Observe(ctx, w.place, w.o.Link)
}

func (w *walk) ask(ctx context.Context) {
	st, err := w.link.Reach(ctx)
	if err != nil {
		w.askErr = err
		return
	}
	w.reached, w.status = true, st
	w.names = append(w.names, st.Name)
}

func (w *walk) address(n pairing.Networks) {
	if w.record == nil {
		w.skip(Address, noPairing)
		return
	}
	if there := w.elsewhere(); there != "" {
		e := problem.New(problem.PhoneNotFound, fmt.Sprintf("It is at %s, where it was verified; at %s it is not.",
			there, w.place), nil)
		e.Sentence = "Your iPhone is at another address"
		e.Remedy = problem.Remedy{Text: "ask once more", Command: "healthsync status"}
		if w.o.Link.Host != "" || w.o.Link.Port != 0 {
			e.Remedy = problem.Remedy{Text: "leave out --host and --port, and it is followed there"}
		}
		w.condition(Address, e)
		return
	}
	if w.askErr != nil {
		switch e := problem.From(w.askErr, w.now); e.Code {
		case problem.PhoneNotFound, problem.HostUnverified, problem.HostNotLocal:
			w.condition(Address, e)
			var drift *pairing.DriftError
			if !errors.As(w.askErr, &drift) || drift.Verdict != pairing.OtherNetwork { // which says it
				w.hintNetwork(n)
			}
			return
		}
	}
	set := w.config.Server
	switch {
	case w.movedTo != nil && w.unkept != nil:
		w.warn(Address, "The iPhone has a new address, which cannot be remembered",
			fmt.Sprintf("It is at %s; it was verified and asked there this once. %s.", w.place,
				words.Capital(w.unkept.Error())),
			problem.Remedy{Text: "make the folder writable, or free some space"})
	case w.movedTo != nil:
		w.condition(Address, problem.New(problem.HostChanged,
			fmt.Sprintf("It is at %s now; it was verified and followed.", w.place), nil))
	case w.o.Link.Host != "" || w.o.Link.Port != 0:
		w.set(Address, OK, w.place.String()+", as asked for", "")
	case set.Host != "" || set.Port != 0:
		w.set(Address, OK, w.place.String()+", as set by hand", "")
	default:
		w.set(Address, OK, w.place.String()+", where it was last", "")
	}
	if !w.reached && !w.connected() {
		w.hintNetwork(n)
	}
}

// elsewhere is where the paired iPhone proved to be while nothing answered where
// it was asked; "" where that is not so.
func (w *walk) elsewhere() string {
	if w.reached || w.connected() {
		return ""
	}
	for _, s := range w.heard {
		if s.Identity == pairing.Yours && s.Place != w.place {
			return s.Place.String()
		}
	}
	return ""
}

// hintNetwork says so where the address lies in none of this computer's
// networks.
func (w *walk) hintNetwork(n pairing.Networks) {
	a, err := netip.ParseAddr(w.place.Host)
	if err != nil || len(n.Prefixes) == 0 || !a.Is4() || n.Holds(a) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.checks[Address]
	line := fmt.Sprintf("%s is in none of this computer's networks (%s): one of the two is in another Wi-Fi.", a, n)
	if c.Detail != "" {
		line = c.Detail + "\n" + line
	}
	if c.Detail = line; c.Verdict == OK {
		c.Verdict = Warn
		c.Remedy = &problem.Remedy{Text: "bring both into the same Wi-Fi"}
	}
	w.checks[Address] = c
}

// connected reports whether a connection came about, whatever became of it.
func (w *walk) connected() bool { return w.observed != nil && w.observed.Remote != "" }

// connection tells of TCP and TLS by the handshake that trusted nobody, then of
// what went wrong for the paired iPhone.
func (w *walk) connection() {
	switch {
	case w.record == nil:
		w.skip(TCP, noPairing)
		w.skip(TLS, noPairing)
		return
	case !w.connected():
		w.failed(TCP, w.seenErr)
		w.skip(TLS, "There is no connection")
	default:
		w.transport()
	}
	if w.askErr != nil {
		w.refused(w.askErr)
	}
}

func (w *walk) transport() {
	r := w.observed
	took := r.Took(trust.StepConnect)
	if took > w.o.Slow {
		w.warn(TCP, fmt.Sprintf("Connected to %s in %s, which is slow", r.Remote, milliseconds(took)), "",
			problem.Remedy{Text: "move closer to the router"})
	} else {
		w.set(TCP, OK, fmt.Sprintf("Connected to %s in %s", r.Remote, milliseconds(took)), "")
	}
	if w.seenErr != nil {
		w.failed(TLS, w.seenErr)
		return
	}
	w.set(TLS, OK, fmt.Sprintf("%s, %s, %s", r.Version, r.Cipher, r.Group), "")
}

// refused files a connection error under the check that it concerns.
func (w *walk) refused(err error) {
	e := problem.From(err, w.now)
	id := Answer
	switch e.Code {
	case problem.CertHasExpired, problem.CertNotYetValid, problem.CertSignatureInvalid, problem.SelfSigned,
		problem.CertWrongUsage,
		problem.CertNameInvalid, problem.CertFingerprintMismatch, problem.CAMismatch:
		id = whoseCheck(err)
	case problem.NoClientCertificate, problem.CertRevoked, problem.CertRejected:
		id = ClientCert
	case problem.ClockSkew:
		id = Clocks
	case problem.TokenExpired, problem.TokenExpiring, problem.TokenRejected:
		id = Token
	case problem.KeychainMissing:
		id = Token
		if w.record.Protocol == 2 {
			id = CACert
		}
	case problem.KeychainLocked, problem.KeychainDenied, problem.KeychainUnavailable, problem.KeychainCorrupt:
		id = Keychain
	case problem.PhoneNotFound, problem.HostUnverified, problem.HostNotLocal:
		id = Address
	case problem.UnsupportedProtocol, problem.NotTLS:
		id = TLS
	case problem.PhoneLocked:
		id = Unlocked
	case problem.ConnRefused, problem.HostUnreachable, problem.TimedOut, problem.ConnReset:
		switch {
		case w.failing(TCP) || w.failing(TLS):
			return // said already
		case !w.connected():
			id = TCP
		}
	}
	w.condition(id, e)
}

// whoseCheck is the check of the certificate at fault.
func whoseCheck(err error) string {
	var f *trust.Failure
	if errors.As(err, &f) {
		switch f.Whose {
		case trust.Client:
			return ClientCert
		case trust.CA:
			return CACert
		}
	}
	return ServerCert
}

// localNetwork is about macOS's permission. There is no way to ask for its
// state; a device of the same network that cannot be reached is its mark
// (Apple's technote TN3179).
func (w *walk) localNetwork(n pairing.Networks) {
	if w.platform() != "darwin" {
		return // no other system has it
	}
	settings := "System Settings > Privacy & Security > Local Network"
	var f *trust.Failure
	a, _ := netip.ParseAddr(w.place.Host)
	switch {
	case w.connected() || len(w.heard) > 0:
		w.set(LocalNetwork, OK, "The local network can be reached", "")
	case errors.As(w.seenErr, &f) && f.Kind == trust.Unreachable && a.IsValid() && n.Holds(a):
		e := problem.New(problem.HostUnreachable,
			"It is in this computer's own network, and macOS lets nothing through to it.", nil)
		e.Sentence = "HealthSync may not be allowed to use the local network"
		e.Remedy = problem.Remedy{Text: "allow HealthSync (or the terminal it runs in) in " + settings}
		w.condition(LocalNetwork, e)
	default:
		w.set(LocalNetwork, Skipped, "macOS does not tell; see "+settings, "")
	}
}

func (w *walk) clocks() {
	switch {
	case w.done(Clocks):
	case w.record == nil:
		w.skip(Clocks, noPairing)
	case w.record != nil && w.now.Add(pki.ClockLeeway).Before(w.record.PairedAt):
		w.condition(Clocks, problem.Skew(w.record.PairedAt.Sub(w.now), w.now, w.record.PairedAt))
	case !w.reached:
		w.skip(Clocks, notAsked)
	case w.status.Skew.Abs() > pki.ClockLeeway:
		e := problem.Skew(w.status.Skew, w.now, w.record.PairedAt)
		w.condition(Clocks, e)
		w.lower(Clocks) // it works, in spite of it
	case w.status.Skew.Abs() < 2*time.Second: // served in whole seconds
		w.set(Clocks, OK, "Both agree", "")
	default:
		w.set(Clocks, OK, fmt.Sprintf("They differ by %s, which does no harm", words.Span(w.status.Skew)), "")
	}
}

func (w *walk) answer() {
	switch {
	case w.reached:
		w.set(Answer, OK, fmt.Sprintf("Protocol %s, in %s", w.status.Version, milliseconds(w.status.RoundTrip)), "")
	case w.record == nil:
		w.skip(Answer, noPairing)
	default:
		w.skip(Answer, notAsked)
	}
}

// data asks for one sample of the last minute: enough to be told that the
// iPhone is locked. What comes is thrown away.
func (w *walk) data(ctx context.Context) {
	if !w.reached {
		why := notAsked
		if w.record == nil {
			why = noPairing
		}
		w.skip(Unlocked, why)
		w.skip(Types, why)
		return
	}
	shared := w.status.Types
	if len(shared) == 0 {
		e := problem.New(problem.TypeNotEnabled, "", nil)
		e.Sentence = "The iPhone shares no type of health data"
		w.condition(Types, e)
		w.skip(Unlocked, "It could not be asked without a type")
		return
	}
	w.set(Types, OK, words.Plural(len(shared), "type"), "")
	if absent := w.absent(shared); len(absent) > 0 {
		w.warn(Types, fmt.Sprintf("%s; the settings name more", words.Plural(len(shared), "type")),
			"Not shared: "+strings.Join(absent, ", ")+".",
			problem.Remedy{Text: "switch them on in the iPhone app, or leave them out",
				Command: "healthsync config set sync.types all"})
	}
	var page health.Page
	err := w.link.Samples(ctx, health.Query{Types: shared[:1], Start: w.now.Unix() - 60, End: w.now.Unix(), Limit: 1},
		&page)
	if err != nil {
		w.failed(Unlocked, w.link.Explain(err))
		return
	}
	w.set(Unlocked, OK, "It gives health data", "")
}

// absent lists the types that the settings name one by one and the iPhone does
// not share. A group means what there is of it.
func (w *walk) absent(shared []health.Type) []string {
	var out []string
	for _, name := range w.config.Sync.Types {
		types, err := health.Resolve(name)
		if err == nil && len(types) == 1 && !slices.Contains(shared, types[0]) {
			out = append(out, string(types[0]))
		}
	}
	return out
}

func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
