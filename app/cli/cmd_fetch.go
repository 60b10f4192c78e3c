package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/syncjob"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
)

type fetchOptions struct {
	selection
	link   linkFlags
	dryRun bool
	wait   time.Duration
}

func newFetchCommand(env *Env) *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Print health data straight from the iPhone",
		Long: `Asks the iPhone for a range of its health data and prints it, newest first,
without touching the local database. Without --types everything it shares;
without a range the last 7 days. It streams: memory does not grow with the
range, and nothing is cut off unless --limit says so. Stand time comes last:
version 1.0.0 of the iPhone app stops over it. A type over which the app stops is
named by the error, and all the rest is printed.

Types are names (healthsync types --list), common names (distance, pulse), or the
groups activity, vitals, sleep, body and all, with commas between them. Dates are
2026-01-31 (a whole day), 2026-01-31T08:00:00Z, 2026-01-31T08:00 (local time),
yesterday, today or now.

CSV has the columns id;type;value;unit;startDate;endDate;sourceName. With
--aggregate the figures are date,type,total,average,min,max,count; sleep counts by
stage, in minutes, and where two devices counted the same steps, both count.`,
		Example: `  healthsync fetch --types steps,heartRate --days 7 --output week.csv
  healthsync fetch --types sleep --start 2026-01-01 --end 2026-01-31 --format json
  healthsync fetch --types steps --month --aggregate daily
  healthsync fetch --types vitals --hours 24 --format ndjson | jq .value`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.implyFormat(cmd, env.JSON); err != nil {
				return err
			}
			return runFetch(cmd.Context(), env, &o)
		},
	}
	f := cmd.Flags()
	o.addFlags(f, "default: all that the iPhone shares", "from this date on")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be asked, and ask nothing")
	spanVar(f, &o.wait, "wait", 0, "m", "wait so long (like 90s, or minutes) for a locked or absent iPhone")
	o.link.addFlags(f)
	return cmd
}

func runFetch(ctx context.Context, env *Env, o *fetchOptions) error {
	p, err := o.understand(env.Now(), "fetch")
	if err != nil {
		return err
	}
	if o.dryRun {
		return env.printPlan(p)
	}
	until := waitUntil(o.wait)
	link, st, err := env.reachWaiting(ctx, &o.link, until)
	if err != nil {
		return err
	}
	types, err := wanted(p.types, p.named, st.Types)
	if err != nil {
		return err
	}
	dst, err := env.openOutput(o.output)
	if err != nil {
		return err
	}
	n, more, err := fetchTo(ctx, dst, link, p, types, env.Now, syncjob.React(env.Now, env.patient(until)))
	whole := err == nil || isPartly(err)
	if err = errors.Join(link.Explain(err), dst.close(whole)); err != nil && !whole {
		return err
	}
	o.tell(env, n, more)
	return err
}

// printPlan says what a fetch would ask for.
func (e *Env) printPlan(p selected) error {
	if e.JSON {
		return e.printJSON(fields{
			"dryRun": true,
			"types":  p.types,
			"from":   p.span.from,
			"to":     p.span.to,
			"format": p.out.Kind,
		})
	}
	what := "all types that the iPhone shares"
	if p.types != nil {
		names := make([]string, len(p.types))
		for i, t := range p.types {
			names[i] = string(t)
		}
		what = strings.Join(names, ", ")
	}
	e.printf("Would ask for %s from %s to %s and print %s.\n", what, p.span.from.Format(time.RFC3339),
		p.span.to.Format(time.RFC3339), p.out.Kind)
	return nil
}

// isPartly reports that all was printed but what the phone cannot serve.
func isPartly(err error) bool {
	var partly *engine.UnreadableError
	return errors.As(err, &partly)
}

// wanted gives the types to ask for: all that is shared but the sleep stages,
// which are views of sleepAnalysis; or those asked for. What was named by itself
// must be shared, a group is asked for as far as it is. A stage is read as
// sleepAnalysis.
func wanted(asked, named, shared []health.Type) ([]health.Type, error) {
	if asked == nil {
		return slices.DeleteFunc(slices.Clone(shared), health.Type.IsSleepStage), nil
	}
	var have, lack []health.Type
	for _, t := range asked {
		switch {
		case slices.Contains(shared, t) || t.IsSleepStage() && slices.Contains(shared, health.SleepAnalysis):
			have = append(have, t)
		case slices.Contains(named, t):
			lack = append(lack, t)
		}
	}
	if len(lack) == 0 && len(have) == 0 { // none of the groups' types
		lack = asked
	}
	if len(lack) > 0 {
		return nil, &phone.TypeNotEnabledError{Types: lack}
	}
	return have, nil
}

// fetchTo writes what the phone serves. more reports that the limit cut it.
func fetchTo(ctx context.Context, w io.Writer, link *pairing.Link, p selected, types []health.Type,
	now func() time.Time, react engine.React) (n int64, more bool, err error) {
	out, err := newSink(w, p)
	if err != nil {
		return 0, false, err
	}
	r := engine.Range{Types: types, From: p.span.from.Unix(), To: ceil(p.span.to), Now: now, React: react,
		Limit: p.ask()}
	err = engine.Walk(ctx, link, r, func(samples []health.Sample) error {
		for i := range samples {
			if err := out.add(&samples[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if isPartly(err) { // all that there is to print was printed
		n, more, eerr := out.end(nil)
		return n, more, errors.Join(err, eerr)
	}
	return out.end(err)
}

// waitUntil is when the time of --wait is over; the zero time where nobody is
// waited for.
func waitUntil(wait time.Duration) time.Time {
	if wait <= 0 {
		return time.Time{}
	}
	return time.Now().Add(wait)
}

// patient waits for a locked or absent iPhone until then.
func (e *Env) patient(until time.Time) engine.React {
	if until.IsZero() {
		return nil
	}
	return func(ctx context.Context, err error, _ int) engine.Reaction {
		if !e.sleepBefore(ctx, until, err) {
			return engine.Stop
		}
		return engine.Again
	}
}

// retryEvery is how often a waiting command looks for the iPhone.
const retryEvery = 3 * time.Second

// sleepBefore waits a little where err is one that time can mend and there is
// time left.
func (e *Env) sleepBefore(ctx context.Context, deadline time.Time, err error) bool {
	p := problem.From(err, e.Now())
	if x := p.Exit(); x != problem.ExitUnreachable && p.Code != problem.PhoneLocked && p.Code != problem.RateLimited {
		return false
	}
	left := time.Until(deadline)
	if left <= 0 {
		return false
	}
	e.note("%s; waiting up to %s ...", strings.ToLower(p.Sentence[:1])+p.Sentence[1:], left.Round(time.Second))
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(retryEvery, left)):
		return true
	}
}

// reachWaiting is reach, with patience.
func (e *Env) reachWaiting(ctx context.Context, l *linkFlags, until time.Time) (*pairing.Link, phone.Status, error) {
	for {
		link, st, err := e.reach(ctx, l)
		if err == nil || until.IsZero() || !e.sleepBefore(ctx, until, err) {
			return link, st, err
		}
	}
}
