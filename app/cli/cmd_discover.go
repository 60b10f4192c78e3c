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

	"github.com/spf13/cobra"

	"healthsync/app/explain"
	"healthsync/app/pairing"
	"healthsync/app/status"
	"healthsync/pki"
	"healthsync/sync/bonjour"
)

type discoverOptions struct {
	watch, autoScan, verbose bool
	timeout                  string
}

// discoverTime is how long to listen: phones answer within a second or two,
// and one whose answer was lost is asked again.
const discoverTime = 5 * time.Second

func newDiscoverCommand(env *Env) *cobra.Command {
	var o discoverOptions
	cmd := &cobra.Command{
		Use:   "discover",
		Short: "List the iPhones on this network, and say which one is yours",
		Long: `Listens for iPhones that share health data on the local network and says which
one is paired with this computer. That is proved by a TLS handshake; nothing is
sent. Of an iPhone that is not paired nothing can be said but the name that it
gives itself.`,
		Example: `  healthsync discover
  healthsync discover --watch
  healthsync discover --auto-scan
  healthsync discover --timeout 10s --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDiscover(cmd.Context(), env, &o, jsonWanted(cmd))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.watch, "watch", false, "go on, and show what comes, moves and goes")
	f.StringVar(&o.timeout, "timeout", "", "how long to listen: milliseconds, or like 10s (default 5s; with --watch until stopped)")
	f.BoolVar(&o.autoScan, "auto-scan", false, "then scan the QR code and pair (healthsync scan)")
	f.BoolVar(&o.verbose, "verbose", false, "show all addresses, the host name and the certificate's fingerprint")
	env.addCommonFlags(f)
	return cmd
}

// finder is what looks for iPhones, nil where that was switched off.
func (e *Env) finder() pairing.Finder {
	switch {
	case e.Finder != nil:
		return e.Finder
	case e.Getenv("HEALTHSYNC_BONJOUR") == "off":
		return nil
	}
	return new(bonjour.Browser)
}

func runDiscover(ctx context.Context, env *Env, o *discoverOptions, asJSON bool) error {
	limit := discoverTime
	if o.timeout != "" {
		var err error
		if limit, err = parseTimeout(o.timeout); err != nil {
			return err
		}
	}
	if o.watch && o.autoScan {
		return usageError(status.Usage, "--watch and --auto-scan exclude each other.", "healthsync discover --auto-scan")
	}
	s, err := env.station()
	if err != nil {
		return err
	}
	l, err := openLookout(ctx, env, s, o.verbose)
	if err != nil {
		return err
	}
	if o.watch {
		if o.timeout == "" {
			limit = 0
		}
		return l.watch(ctx, limit, asJSON)
	}
	found, err := l.once(ctx, limit, asJSON)
	if err != nil {
		return err
	}
	if err := l.print(found, asJSON); err != nil || !o.autoScan {
		return err
	}
	env.note("scanning the QR code from the clipboard ...")
	return runScan(ctx, env, &scanOptions{}, asJSON)
}

// lookout looks for iPhones and at them.
type lookout struct {
	env     *Env
	s       *pairing.Station
	finder  pairing.Finder
	link    *pairing.Link // nil: paired with none, or the pairing cannot be opened
	paired  bool
	verbose bool
	trouble *status.Error // why nothing can be heard
}

func openLookout(ctx context.Context, env *Env, s *pairing.Station, verbose bool) (*lookout, error) {
	l := &lookout{env: env, s: s, finder: env.finder(), verbose: verbose}
	_, err := s.Record()
	if errors.Is(err, pairing.ErrNotPaired) {
		return l, nil
	}
	l.paired = true
	if err == nil {
		l.link, err = s.Link(ctx, env.linkOptions())
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := explain.Error(err, env.Now())
		env.note("note: which iPhone is yours cannot be checked: %s [%s]", e.Sentence, e.Code)
		env.note("fix: %s", e.Remedy)
	}
	return l, nil
}

// look says whose a device is. Without a pairing it is dialled only to show its
// certificate, where that was asked for.
func (l *lookout) look(ctx context.Context, i bonjour.Instance) sighting {
	out := sighting{Seen: l.link.Look(ctx, i), announced: true}
	if l.link == nil && l.paired && out.Identity == pairing.NotPaired {
		out.Identity = pairing.Unchecked
	}
	if l.verbose && out.Report.ServerCert() == nil && out.Identity != pairing.Foreign {
		if r, err := l.s.Observe(ctx, out.Place, l.env.linkOptions()); err == nil {
			out.Report = r
		}
	}
	return out
}

// sighting is a device as it is shown.
type sighting struct {
	pairing.Seen
	announced bool
}

// once listens for a while. The paired iPhone is also looked for where it was
// last: it may be there unheard.
func (l *lookout) once(ctx context.Context, limit time.Duration, quiet bool) ([]sighting, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var looks sync.WaitGroup
	var found []sighting
	if l.link != nil {
		looks.Go(func() {
			if s, ok := l.lastPlace(ctx); ok {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, s)
			}
		})
	}
	if l.finder == nil {
		l.env.note("Bonjour is switched off (HEALTHSYNC_BONJOUR=off)")
	} else {
		if l.env.ErrTTY && !quiet {
			l.env.note("looking for iPhones for %s ...", explain.Span(limit))
		}
		var asked []string
		_, _, err := l.finder.Find(ctx, limit, func(i bonjour.Instance) bool {
			key := fmt.Sprint(i.Name, i.Port, i.Addrs)
			if slices.Contains(asked, key) || len(asked) >= maxShown {
				return false
			}
			asked = append(asked, key)
			looks.Go(func() {
				s := l.look(ctx, i)
				mu.Lock()
				defer mu.Unlock()
				// What was heard of it last is what counts.
				found = append(slices.DeleteFunc(found, func(o sighting) bool { return o.announced && o.Instance.Name == i.Name }), s)
			})
			return false
		})
		if err != nil {
			l.trouble = status.New(status.HostUnreachable, err.Error()+".", err)
			l.trouble.Sentence = "Bonjour cannot be used here"
		}
	}
	looks.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return settle(found), nil
}

// maxShown bounds how many announcements are looked at: anyone can announce.
const maxShown = 64

// lastPlace looks at where the paired iPhone was last.
func (l *lookout) lastPlace(ctx context.Context) (sighting, bool) {
	p := pairing.Place{Host: l.link.Host, Port: l.link.Port}
	r, err := l.link.Verify(ctx, p, discoverTime)
	if err != nil {
		return sighting{}, false
	}
	seen := pairing.Seen{Instance: bonjour.Instance{Name: l.link.Record.Name, Port: p.Port}, Place: p, Identity: pairing.Yours, Report: r}
	return sighting{Seen: seen}, true
}

// settle puts yours first and drops its unannounced double.
func settle(found []sighting) []sighting {
	all := make([]pairing.Seen, len(found))
	for i, s := range found {
		all[i] = s.Seen
	}
	pairing.Settle(all)
	heard := false
	for i := range found {
		found[i].Seen = all[i]
		heard = heard || found[i].announced && found[i].Identity == pairing.Yours
	}
	found = slices.DeleteFunc(found, func(s sighting) bool { return heard && !s.announced })
	slices.SortStableFunc(found, func(a, b sighting) int {
		ours := func(s sighting) int {
			if s.Identity == pairing.Yours || s.Identity == pairing.YoursFaulty {
				return 0
			}
			return 1
		}
		if d := ours(a) - ours(b); d != 0 {
			return d
		}
		return strings.Compare(a.Instance.Name, b.Instance.Name)
	})
	return found
}

// identityWords say whose it is, in a cell of the table.
func (s sighting) identityWords(now time.Time) string {
	code := func() string {
		if s.Err == nil {
			return "?"
		}
		return string(explain.Error(s.Err, now).Code)
	}
	switch s.Identity {
	case "":
		return "checking ..."
	case pairing.Yours:
		if !s.announced {
			return "yours, verified; at its last address, not announced"
		}
		return "yours, verified"
	case pairing.YoursFaulty:
		return "yours, but " + code()
	case pairing.Other:
		return "another iPhone"
	case pairing.Impostor:
		return "NOT yours, in its name [" + string(status.HostUnverified) + "]"
	case pairing.NotPaired:
		return "not paired with this computer"
	case pairing.Unchecked:
		return "not checked"
	case pairing.Foreign:
		return "no address of this network"
	}
	return "does not answer [" + code() + "]"
}

// sightingJSON is a device in an answer.
type sightingJSON struct {
	Name        string           `json:"name"`
	Host        string           `json:"hostName,omitempty"`
	Address     string           `json:"host,omitempty"`
	Port        int              `json:"port"`
	Addresses   []string         `json:"addresses,omitempty"`
	Announced   bool             `json:"announced"`
	Identity    pairing.Identity `json:"identity"`
	Code        status.Code      `json:"code,omitempty"`
	Protocol    int              `json:"protocol,omitempty"`
	Fingerprint pki.Fingerprint  `json:"certificateFingerprint,omitzero"`
}

func (s sighting) json(now time.Time) sightingJSON {
	out := sightingJSON{Name: printable(s.Instance.Name), Host: printable(s.Instance.Host), Address: s.Place.Host, Port: s.Instance.Port,
		Addresses: s.addresses(), Announced: s.announced, Identity: s.Identity}
	if s.Err != nil && s.Identity != pairing.Other {
		out.Code = explain.Error(s.Err, now).Code
	}
	if cert := s.Report.ServerCert(); cert != nil {
		out.Fingerprint = pki.FingerprintOf(cert)
		if offer, err := pairing.ReadOffer(s.Place, s.Report); err == nil {
			out.Protocol = offer.Protocol
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
	switch {
	case s.Place.Host != "":
		return hostPort(s.Place.Host, s.Place.Port)
	case len(s.Instance.Addrs) > 0 && s.Identity == "": // not looked at yet
		return hostPort(s.Instance.Addrs[0].String(), s.Instance.Port)
	}
	return "-"
}

func (l *lookout) print(found []sighting, asJSON bool) error {
	now := l.env.Now()
	if asJSON {
		answer := struct {
			Paired  bool           `json:"paired"`
			Bonjour string         `json:"bonjour"`
			Phones  []sightingJSON `json:"phones"`
			Trouble *status.JSON   `json:"trouble,omitempty"`
		}{l.paired, "ok", []sightingJSON{}, nil}
		if l.finder == nil {
			answer.Bonjour = "off"
		}
		if l.trouble != nil {
			j := l.trouble.JSON()
			answer.Bonjour, answer.Trouble = "unusable", &j
		}
		for _, s := range found {
			answer.Phones = append(answer.Phones, s.json(now))
		}
		return l.env.printJSON(answer)
	}
	if l.trouble != nil {
		l.env.note("note: %s: %s", l.trouble.Sentence, l.trouble.Detail)
	}
	if len(found) == 0 {
		l.printNobody()
		return nil
	}
	l.env.printf("%s", l.table(found))
	mine := func(s sighting) bool { return s.Identity == pairing.Yours || s.Identity == pairing.YoursFaulty }
	switch {
	case slices.ContainsFunc(found, func(s sighting) bool { return s.Identity == pairing.Impostor }):
		l.env.note("%s", sentenceOf(status.HostUnverified))
	case l.link != nil && !slices.ContainsFunc(found, mine):
		l.env.note("your iPhone is not among them; open iOS Health Sync on it and tap Start Sharing")
	case !l.paired:
		l.env.note("to pair: on the iPhone tap Show QR Code, then  healthsync scan")
	}
	return nil
}

// sentenceOf is a condition with what to do, for a note.
func sentenceOf(code status.Code) string {
	row, _ := status.Lookup(code)
	return fmt.Sprintf("%s [%s]; %s", row.Sentence, row.Code, row.Remedy)
}

// printNobody says what to check where no iPhone was found.
func (l *lookout) printNobody() {
	l.env.printf("No iPhone found.\n")
	l.env.printf(`
What to check:
  1. On the iPhone: iOS Health Sync is open, and Start Sharing was tapped.
  2. The iPhone and this computer are in the same Wi-Fi, and no VPN is on.
  3. %s
  4. The router does not keep its devices apart ("client isolation", guest Wi-Fi).
The rest is checked by:  healthsync diagnose
`, permissionHint)
}

func (l *lookout) table(found []sighting) string {
	now := l.env.Now()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "NAME\tADDRESS\tIDENTITY\n")
	for _, s := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", deviceName(s.Instance.Name), s.where(), s.identityWords(now))
	}
	w.Flush()
	if l.verbose {
		b.WriteString(l.details(found))
	}
	return b.String()
}

// details are what --verbose adds.
func (l *lookout) details(found []sighting) string {
	var b strings.Builder
	for _, s := range found {
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
			continue
		}
		if offer, err := pairing.ReadOffer(s.Place, s.Report); err == nil {
			fmt.Fprintf(&b, "  Protocol: %d\n", offer.Protocol)
		} else {
			fmt.Fprintf(&b, "  Protocol: none of iOS Health Sync\n")
		}
		claim := "verified"
		if s.Identity != pairing.Yours {
			claim = "as it says, not verified"
		}
		fmt.Fprintf(&b, "  Certificate: %s (%s)\n", pki.FingerprintOf(cert).Hex(), claim)
	}
	return b.String()
}
