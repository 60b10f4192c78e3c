package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/explain"
	"healthsync/app/pairing"
	"healthsync/app/status"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
)

type fetchOptions struct {
	selection
	link   linkFlags
	dryRun bool
	force  bool
	wait   string
}

func newFetchCommand(env *Env) *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Print health data straight from the iPhone",
		Long: `Asks the iPhone for a range of its health data and prints it, newest first,
without touching the local database. Without --types everything it shares;
without a range the last 7 days. It streams: memory does not grow with the
range, and nothing is cut off unless --limit says so.

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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.implyFormat(cmd)
			return runFetch(cmd.Context(), env, &o)
		},
	}
	f := cmd.Flags()
	o.add(f, "default: all that the iPhone shares", "from this date on")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be asked, and ask nothing")
	f.BoolVar(&o.force, "force", false, "replace an existing file even if it is no earlier output")
	f.StringVar(&o.wait, "wait", "", "wait so long (minutes, or like 90s) for a locked or absent iPhone")
	_ = f.MarkHidden("force")
	o.link.add(f)
	env.addCommonFlags(f)
	return cmd
}

// fetchPlan is a fetch whose flags have been understood.
type fetchPlan struct {
	selected
	wait time.Duration
}

func (o *fetchOptions) plan(now time.Time) (fetchPlan, error) {
	var p fetchPlan
	var err error
	if o.wait != "" {
		if p.wait, err = parseWait(o.wait); err != nil {
			return p, err
		}
	}
	p.selected, err = o.selection.understand(now, "fetch")
	return p, err
}

// parseWait reads minutes, or a duration with its unit.
func parseWait(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s + "m"); err == nil && d > 0 {
		return d, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, usageError(status.Usage, fmt.Sprintf("--wait %q is no time: it takes minutes (2), or a number with its unit (90s).", s), "")
}

func runFetch(ctx context.Context, env *Env, o *fetchOptions) error {
	p, err := o.plan(env.Now())
	if err != nil {
		return err
	}
	if o.dryRun {
		what := "all types that the iPhone shares"
		if p.types != nil {
			what = fmt.Sprint(p.types)
		}
		env.printf("Would ask for %s from %s to %s and print %s.\n", what, p.span.From.Format(time.RFC3339), p.span.To.Format(time.RFC3339), p.out.Kind)
		return nil
	}
	link, st, err := env.reachWaiting(ctx, &o.link, p.wait)
	if err != nil {
		return err
	}
	types, err := wanted(p.types, st.Types)
	if err != nil {
		return err
	}
	dst, err := env.openOutput(o.output)
	if err != nil {
		return err
	}
	n, more, err := fetchTo(ctx, dst, link, p, types, env.Now, env.patient(p.wait))
	if err = errors.Join(link.Explain(err), dst.close(err == nil)); err != nil {
		return err
	}
	if more {
		env.note("cut at --limit %d; the range holds more", o.limit)
	}
	if o.output != "" && o.output != "-" {
		env.note("wrote %s to %s", plural(n, "sample"), o.output)
	}
	return nil
}

// wanted gives the types to ask for: all that is shared but the sleep stages,
// which are views of sleepAnalysis; or those asked for, which must be shared. A
// stage is read as sleepAnalysis.
func wanted(asked, shared []health.Type) ([]health.Type, error) {
	if asked == nil {
		return slices.DeleteFunc(slices.Clone(shared), health.Type.IsSleepStage), nil
	}
	var have, lack []health.Type
	for _, t := range asked {
		if slices.Contains(shared, t) || t.IsSleepStage() && slices.Contains(shared, health.SleepAnalysis) {
			have = append(have, t)
		} else {
			lack = append(lack, t)
		}
	}
	// A group is asked for as far as it is shared; a type that was named must be.
	if len(lack) == 0 || len(have) > 0 && len(asked) > 4 {
		return have, nil
	}
	return nil, &phone.TypeNotEnabledError{Types: lack}
}

// fetchTo writes what the phone serves. more reports that the limit cut it.
func fetchTo(ctx context.Context, w io.Writer, link *pairing.Link, p fetchPlan, types []health.Type, now func() time.Time, react engine.React) (n int64, more bool, err error) {
	out, err := newSink(w, p.selected)
	if err != nil {
		return 0, false, err
	}
	r := engine.Range{Types: types, From: p.span.From.Unix(), To: ceil(p.span.To), Now: now, React: react, Limit: p.ask()}
	err = engine.Walk(ctx, link, r, func(samples []health.Sample) error {
		for i := range samples {
			if err := out.add(&samples[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out.end(err)
}

// patient waits for a locked or absent iPhone as long as --wait says.
func (e *Env) patient(wait time.Duration) engine.React {
	if wait <= 0 {
		return nil
	}
	deadline := time.Now().Add(wait)
	return func(ctx context.Context, err error, _ int) engine.Reaction {
		if !e.sleepBefore(ctx, deadline, err) {
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
	problem := explain.Error(err, e.Now())
	if x := problem.Exit(); x != status.ExitUnreachable && problem.Code != status.PhoneLocked && problem.Code != status.RateLimited {
		return false
	}
	left := time.Until(deadline)
	if left <= 0 {
		return false
	}
	e.note("%s; waiting up to %s ...", strings.ToLower(problem.Sentence[:1])+problem.Sentence[1:], left.Round(time.Second))
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(retryEvery, left)):
		return true
	}
}

// reachWaiting is reach, with patience.
func (e *Env) reachWaiting(ctx context.Context, l *linkFlags, wait time.Duration) (*pairing.Link, phone.Status, error) {
	deadline := time.Now().Add(wait)
	for {
		link, st, err := e.reach(ctx, l)
		if err == nil || wait <= 0 || !e.sleepBefore(ctx, deadline, err) {
			return link, st, err
		}
	}
}
