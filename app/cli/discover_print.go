package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki"
	"healthsync/sync/bonjour"
)

// identityWords say whose it is, in a cell of the table.
func (s sighting) identityWords(now time.Time) string {
	code := "?"
	if s.Err != nil {
		code = string(problem.From(s.Err, now).Code)
	}
	switch s.Identity {
	case pairing.Yours:
		if !s.announced {
			return "yours, verified; at its last address, not announced"
		}
		return "yours, verified"
	case pairing.YoursInvalid, pairing.YoursMisnamed:
		return "yours, but " + code
	case pairing.Other:
		return "another iPhone"
	case pairing.Impostor:
		return "NOT yours, but uses its name [" + string(problem.HostUnverified) + "]"
	case pairing.NotPaired:
		return "not paired with this computer"
	case pairing.Unchecked:
		return "not checked"
	case pairing.Foreign:
		return "not an address of this network"
	}
	return "does not answer [" + code + "]"
}

func (s sighting) json(now time.Time) fields {
	out := fields{
		"name": printable(s.Instance.Name), "port": s.Instance.Port, "announced": s.announced, "identity": s.Identity,
	}.with("hostName", printable(s.Instance.Host), s.Instance.Host != "").with("host", s.Place.Host,
		s.Place.Host != "").
		with("addresses", s.addresses(), len(s.Instance.Addrs) > 0)
	if s.Err != nil && s.Identity != pairing.Other {
		out["code"] = problem.From(s.Err, now).Code
	}
	if cert := s.Report.ServerCert(); cert != nil {
		out["certificateFingerprint"] = pki.FingerprintOf(cert)
		if offer, err := pairing.ReadOffer(s.Place, s.Report); err == nil {
			out["protocol"] = offer.Protocol
		}
	}
	return out
}

func (s sighting) addresses() []string {
	var out []string
	for _, a := range s.Instance.Addrs {
		out = append(out, a.String())
	}
	return out
}

func (s sighting) where() string {
	if s.Place.Host == "" {
		return "-"
	}
	return hostPort(s.Place.Host, s.Place.Port)
}

func (d *discovery) print(found []sighting) error {
	env := d.env
	if env.JSON {
		return d.printJSON(found)
	}
	if d.failure != nil {
		env.note("note: %s: %s", d.failure.Sentence, d.failure.Detail)
	}
	if len(found) == 0 {
		env.printf(nobody, permissionHint)
		return nil
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "NAME\tADDRESS\tIDENTITY\n")
	for _, s := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", deviceName(s.Instance.Name), s.where(), s.identityWords(env.Now()))
	}
	_ = w.Flush() // as every print
	if d.verbose {
		for _, s := range found {
			env.printf("%s", s.details())
		}
	}
	is := func(test func(sighting) bool) bool { return slices.ContainsFunc(found, test) }
	switch {
	case is(func(s sighting) bool { return s.Identity == pairing.Impostor }):
		e := problem.New(problem.HostUnverified, "", nil)
		env.note("%s [%s]; %s", e.Sentence, e.Code, e.Remedy)
	case d.link != nil && !is(func(s sighting) bool { return s.Identity.Ours() }):
		env.note("your iPhone is not among them; open iOS Health Sync on it and tap Start Sharing")
	case !d.paired:
		env.note("to pair: on the iPhone tap Show QR Code, then  healthsync scan")
	}
	return nil
}

const nobody = `No iPhone found.

What to check:
  1. On the iPhone: iOS Health Sync is open, and Start Sharing was tapped.
  2. The iPhone and this computer are in the same Wi-Fi, and no VPN is on.
  3. %s
  4. The router does not keep its devices apart ("client isolation", guest Wi-Fi).
The rest is checked by:  healthsync diagnose
`

func (d *discovery) printJSON(found []sighting) error {
	phones := []fields{}
	for _, s := range found {
		phones = append(phones, s.json(d.env.Now()))
	}
	answer := fields{"paired": d.paired, "bonjour": "ok", "phones": phones}
	if d.finder == nil {
		answer["bonjour"] = "off"
	}
	if d.failure != nil {
		answer["bonjour"], answer["problem"] = "unusable", d.failure.JSON()
	}
	return d.env.printJSON(answer)
}

// details are what --verbose adds.
func (s sighting) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", deviceName(s.Instance.Name))
	if s.Instance.Host != "" {
		fmt.Fprintf(&b, "  Host name: %s\n", printable(s.Instance.Host))
	}
	if len(s.Instance.Addrs) > 0 {
		fmt.Fprintf(&b, "  Addresses: %s\n", strings.Join(s.addresses(), ", "))
	}
	fmt.Fprintf(&b, "  Port: %d\n", s.Instance.Port)
	cert := s.Report.ServerCert()
	if cert == nil {
		return b.String()
	}
	if offer, err := pairing.ReadOffer(s.Place, s.Report); err == nil {
		fmt.Fprintf(&b, "  Protocol: %d\n", offer.Protocol)
	} else {
		fmt.Fprintf(&b, "  Protocol: not an iOS Health Sync certificate\n")
	}
	claim := "verified"
	if s.Identity != pairing.Yours {
		claim = "as it says, not verified"
	}
	fmt.Fprintf(&b, "  Certificate: %s (%s)\n", pki.FingerprintOf(cert).Hex(), claim)
	return b.String()
}

// watcher prints a line for each change of what is announced.
type watcher struct {
	*discovery
	mu        sync.Mutex
	announced []bonjour.Instance // one for each name and host
	told      []sighting
}

// maxWatched bounds how many devices are looked at: anyone can announce. The
// paired iPhone's name is always looked at, so that a crowd does not hide it.
const maxWatched = 64

// watch goes on until it is cancelled or the time is over (0: no limit);
// neither is an error.
func (d *discovery) watch(ctx context.Context, limit time.Duration) error {
	if d.finder == nil {
		d.env.note("Bonjour is switched off (HEALTHSYNC_BONJOUR=off); there is nothing to watch")
		return nil
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	w := &watcher{discovery: d}
	var looks sync.WaitGroup
	// A window that follows its predecessor at once keeps the radios of all
	// phones awake; a person looks at this one.
	err := d.finder.Watch(ctx, bonjour.WatchOptions{}, func(e bonjour.Event) {
		if w.take(e) {
			looks.Go(func() {
				if s := d.look(ctx, e.Instance); ctx.Err() == nil {
					w.show(s)
				}
			})
		}
	})
	looks.Wait()
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func sameName(i bonjour.Instance) func(bonjour.Instance) bool {
	return func(o bonjour.Instance) bool { return o.Name == i.Name && strings.EqualFold(o.Host, i.Host) }
}

// take notes an event; true means that the device is to be looked at.
func (w *watcher) take(e bonjour.Event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.IndexFunc(w.announced, sameName(e.Instance))
	switch e.Kind {
	case bonjour.Appeared, bonjour.Changed:
		if at < 0 {
			if len(w.announced) >= maxWatched && !(w.link != nil && e.Instance.Name == w.link.Record.Name) {
				return false
			}
			w.announced = append(w.announced, e.Instance)
		}
		return true
	case bonjour.Gone:
		if at < 0 {
			return false
		}
		w.announced = slices.Delete(w.announced, at, at+1)
		w.told = slices.DeleteFunc(w.told, func(s sighting) bool { return sameName(e.Instance)(s.Instance) })
		w.line("gone", sighting{Seen: pairing.Seen{Instance: e.Instance}, announced: true})
	case bonjour.Failed:
		w.env.note("note: Bonjour cannot be used now: %v", e.Err)
	case bonjour.Recovered:
		w.env.note("note: Bonjour works again")
	}
	return false
}

// show tells whose a device is, if that is news. One that has gone meanwhile is
// not brought back.
func (w *watcher) show(s sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.ContainsFunc(w.announced, sameName(s.Instance)) {
		return
	}
	at := slices.IndexFunc(w.told, s.sameDevice)
	switch {
	case at < 0:
		w.told = append(w.told, s)
		w.line("found", s)
	case w.told[at].Place != s.Place || w.told[at].Identity != s.Identity:
		w.told[at] = s
		w.line("changed", s)
	}
}

func (w *watcher) line(event string, s sighting) {
	now := w.env.Now()
	switch {
	case w.env.JSON:
		at := now.UTC().Truncate(time.Millisecond)
		_ = w.env.printEvent(fields{"event": event, "at": at, "phone": s.json(now)}) // the writer keeps its error
	case event == "gone":
		w.env.printf("%s  gone     %s\n", now.Local().Format(time.TimeOnly), deviceName(s.Instance.Name))
	default:
		w.env.printf("%s  %-7s  %s  %s  %s\n", now.Local().Format(time.TimeOnly), event, deviceName(s.Instance.Name),
			s.where(), s.identityWords(now))
	}
}
