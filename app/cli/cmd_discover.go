package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/bonjour"
)

type discoverOptions struct {
	watch, autoScan, verbose bool
	timeout                  time.Duration
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
sent. Of an iPhone that is not paired nothing is known but the name that it gives
itself. With --watch each change is a line.`,
		Example: `  healthsync discover
  healthsync discover --watch
  healthsync discover --auto-scan
  healthsync discover --timeout 10s --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("timeout") && o.timeout == 0 {
				return usageError("--timeout 0 leaves no time to listen.", "healthsync discover --timeout 10s")
			}
			return runDiscover(cmd.Context(), env, &o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *discoverOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.watch, "watch", false, "go on, and say what comes, moves and goes")
	spanVar(f, &o.timeout, "timeout", 0, "ms",
		"how long to listen: like 10s, or milliseconds (default 5s; with --watch until stopped)")
	f.BoolVar(&o.autoScan, "auto-scan", false, "if there is one, scan the QR code and pair (healthsync scan)")
	f.BoolVar(&o.verbose, "verbose", false, "show all addresses, the host name and the certificate's fingerprint")
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

func runDiscover(ctx context.Context, env *Env, o *discoverOptions) error {
	if o.watch && o.autoScan {
		return usageError("--watch and --auto-scan exclude each other.", "healthsync discover --auto-scan")
	}
	d, err := newDiscovery(ctx, env, o.verbose)
	if err != nil {
		return err
	}
	if o.watch {
		return d.watch(ctx, o.timeout)
	}
	if o.timeout == 0 {
		o.timeout = discoverTime
	}
	found, err := d.once(ctx, o.timeout)
	if err != nil {
		return err
	}
	if err := d.print(found); err != nil || !o.autoScan || len(found) == 0 {
		return err
	}
	env.note("scanning the QR code from the clipboard ...")
	return runScan(ctx, env, &scanOptions{})
}

// discovery looks for iPhones and at them.
type discovery struct {
	env     *Env
	local   *pairing.Computer
	finder  pairing.Finder
	link    *pairing.Link // nil: paired with none, or the pairing cannot be opened
	paired  bool
	verbose bool
	failure *problem.Error // why nothing can be heard
}

func newDiscovery(ctx context.Context, env *Env, verbose bool) (*discovery, error) {
	s, err := env.computer()
	if err != nil {
		return nil, err
	}
	d := &discovery{env: env, local: s, finder: env.finder(), verbose: verbose}
	_, err = s.Record()
	if errors.Is(err, pairing.ErrNotPaired) {
		return d, nil
	}
	d.paired = true
	if err == nil {
		d.link, err = s.Link(ctx, env.linkOptions())
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		e := problem.From(err, env.Now())
		env.note("note: which iPhone is yours cannot be checked: %s [%s]", e.Sentence, e.Code)
		env.note("fix: %s", e.Remedy)
	}
	return d, nil
}

// sighting is a device as it is shown.
type sighting struct {
	pairing.Seen
	announced bool
}

// look says whose a device is.
func (d *discovery) look(ctx context.Context, i bonjour.Instance) sighting {
	s := sighting{Seen: d.link.Look(ctx, i), announced: true}
	d.complete(ctx, &s)
	return s
}

// complete adds what a look without a pairing does not find out. The device is
// dialled only to show its certificate, where that was asked for.
func (d *discovery) complete(ctx context.Context, s *sighting) {
	if d.link == nil && d.paired && s.Identity == pairing.NotPaired {
		s.Identity = pairing.Unchecked
	}
	if d.verbose && s.Report.ServerCert() == nil && s.Identity != pairing.Foreign {
		if r, err := d.local.Observe(ctx, s.Place, d.env.linkOptions()); err == nil {
			s.Report = r
		}
	}
}

// answered reports that a handshake has told whose it is.
func (s sighting) answered() bool {
	return s.Identity.Ours() || s.Identity == pairing.Other || s.Identity == pairing.Impostor ||
		s.Identity == pairing.NoPhone
}

// sameDevice reports that both are of one device. Two that claim one
// name and host are two devices if one has proved to be ours and one has not.
func (s sighting) sameDevice(o sighting) bool {
	return s.announced && o.announced && s.Instance.Name == o.Instance.Name &&
		strings.EqualFold(s.Instance.Host, o.Instance.Host) &&
		!(s.answered() && o.answered() && s.Identity.Ours() != o.Identity.Ours())
}

// once listens for a while. The paired iPhone is also looked for where it was
// last: it may be there unheard.
func (d *discovery) once(ctx context.Context, limit time.Duration) ([]sighting, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var looks sync.WaitGroup
	var last sighting
	if d.link != nil {
		looks.Go(func() { last = d.lastPlace(ctx) })
	}
	var found []*sighting
	if d.finder == nil {
		d.env.note("Bonjour is switched off (HEALTHSYNC_BONJOUR=off)")
	} else {
		if d.env.ErrTTY && !d.env.JSON {
			d.env.note("looking for iPhones for %s ...", words.Span(limit))
		}
		err := d.link.Discover(ctx, d.finder, limit, func(seen pairing.Seen) {
			s := &sighting{Seen: seen, announced: true}
			found = append(found, s)
			looks.Go(func() { d.complete(ctx, s) })
		})
		if err != nil {
			d.failure = problem.New(problem.HostUnreachable, err.Error()+".", err)
			d.failure.Sentence = "Bonjour cannot be used here"
		}
	}
	looks.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := make([]sighting, 0, len(found)+1)
	for _, s := range found {
		all = append(all, *s)
	}
	if last.Identity != pairing.NotLooked {
		all = append(all, last)
	}
	return settle(all), nil
}

// lastPlace looks at where the paired iPhone was last.
func (d *discovery) lastPlace(ctx context.Context) sighting {
	p := pairing.Place{Host: d.link.Host, Port: d.link.Port}
	r, err := d.link.Verify(ctx, p, discoverTime)
	if err != nil {
		return sighting{}
	}
	i := bonjour.Instance{Name: d.link.Record.Name, Port: p.Port}
	return sighting{Seen: pairing.Seen{Instance: i, Place: p, Identity: pairing.Yours, Report: r}}
}

// settle leaves the newest answer of each device, yours first. Where yours is
// announced, what was found at its last place is it again.
func settle(found []sighting) []sighting {
	seen := make([]pairing.Seen, len(found))
	for i, s := range found {
		seen[i] = s.Seen
	}
	pairing.Settle(seen)
	var out []sighting
	for i, s := range found {
		s.Seen = seen[i]
		if !s.announced && slices.ContainsFunc(out, func(o sighting) bool { return o.Identity == pairing.Yours }) {
			continue
		}
		switch at := slices.IndexFunc(out, s.sameDevice); {
		case at < 0:
			out = append(out, s)
		case s.answered() || !out[at].answered(): // an answer counts for more than a later silence
			out[at] = s
		}
	}
	slices.SortStableFunc(out, func(a, b sighting) int {
		switch {
		case a.Identity.Ours() == b.Identity.Ours():
			return strings.Compare(a.Instance.Name, b.Instance.Name)
		case a.Identity.Ours():
			return -1
		}
		return 1
	})
	return out
}
