package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
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
		return usageError(problem.Usage, "--watch and --auto-scan exclude each other.", "healthsync discover --auto-scan")
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
	trouble *problem.Error // why nothing can be heard
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
		e := problem.From(err, env.Now())
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
	turn      int // which announcement it is from
}

// known reports that a handshake has told whose it is.
func (s sighting) known() bool {
	switch s.Identity {
	case pairing.Yours, pairing.YoursInvalid, pairing.YoursMisnamed, pairing.Other, pairing.NoPhone, pairing.Impostor:
		return true
	}
	return false
}

// clashes reports that two sightings under one name and host are of two
// devices: one has proved to be ours, the other not to be.
func (s sighting) clashes(o sighting) bool {
	ours := func(x sighting) bool { return x.Identity.Ours() }
	return s.known() && o.known() && ours(s) != ours(o)
}

// apart leaves the last sighting of each device.
func apart(found []sighting) []sighting {
	slices.SortStableFunc(found, func(a, b sighting) int { return a.turn - b.turn })
	var out []sighting
	for _, s := range found {
		same := func(o sighting) bool {
			return s.announced && o.announced && device(o.Instance) == device(s.Instance) && !s.clashes(o)
		}
		if i := slices.IndexFunc(out, same); i >= 0 {
			if s.known() || !out[i].known() { // an answer counts for more than silence at an address of before
				out[i] = s
			}
			continue
		}
		out = append(out, s)
	}
	return out
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
			l.env.note("looking for iPhones for %s ...", words.Span(limit))
		}
		asked := map[string]bool{}
		crowd := 0
		_, _, err := l.finder.Find(ctx, limit, func(i bonjour.Instance) bool {
			key := fmt.Sprint(i.Name, i.Host, i.Port, i.Addrs)
			if asked[key] || !l.room(i, crowd, len(asked)) {
				return false
			}
			asked[key] = true
			if i.Name != l.ourName() {
				crowd++
			}
			turn := len(asked)
			looks.Go(func() {
				s := l.look(ctx, i)
				s.turn = turn
				mu.Lock()
				defer mu.Unlock()
				found = append(found, s)
			})
			return false
		})
		if err != nil {
			l.trouble = problem.New(problem.HostUnreachable, err.Error()+".", err)
			l.trouble.Sentence = "Bonjour cannot be used here"
		}
	}
	looks.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return settle(apart(found)), nil
}

// maxShown bounds how many announcements are looked at: anyone can announce. As
// many in the paired iPhone's name are looked at beside them, so that a crowd
// does not hide it.
const maxShown = 64

// room reports whether one more is looked at.
func (l *lookout) room(i bonjour.Instance, crowd, all int) bool {
	if i.Name == l.ourName() {
		return all-crowd < maxShown
	}
	return crowd < maxShown
}

// ourName is what the paired iPhone calls itself, "" if that is not known.
func (l *lookout) ourName() string {
	if l.link == nil {
		return ""
	}
	return l.link.Record.Name
}

// device tells the devices apart that announce themselves: two may claim one
// name.
func device(i bonjour.Instance) string { return i.Name + "\x00" + strings.ToLower(i.Host) }

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
			if s.Identity.Ours() {
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
