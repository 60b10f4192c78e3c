package cli

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

type exportOptions struct{ selection }

func newExportCommand(env *Env) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what is stored as CSV, TSV or JSON",
		Long: `Writes health data from the local database, newest first, in the forms of fetch.
The iPhone is not asked. Without --types everything that is stored; without a range
all of its time. It streams: memory does not grow with the range.

Types are names (healthsync types --local), common names (distance, pulse), or the
groups activity, vitals, sleep, body and all, with commas between them. Dates are
2026-01-31 (a whole day), 2026-01-31T08:00:00Z, 2026-01-31T08:00 (local time),
yesterday, today or now.

CSV has the columns id;type;value;unit;startDate;endDate;sourceName. With
--aggregate the figures are date,type,total,average,min,max,count; sleep counts by
stage, in minutes, and where two devices counted the same steps, both count (the
view daily_totals counts them once: healthsync sql).`,
		Example: `  healthsync export --output health.csv
  healthsync export --types steps,heartRate --year --output year.json
  healthsync export --types sleep --days 30 --include-metadata
  healthsync export --types weight --format ndjson | jq .value`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.implyFormat(cmd, env.JSON); err != nil {
				return err
			}
			return runExport(cmd.Context(), env, &o)
		},
	}
	o.addFlags(cmd.Flags(), "default: all that is stored", "from this date on (default: the oldest sample)")
	return cmd
}

func runExport(ctx context.Context, env *Env, o *exportOptions) error {
	now := env.Now()
	p, err := o.understand(now, "export")
	if err != nil {
		return err
	}
	span := store.Span{From: p.span.from.Unix(), To: ceil(p.span.to)}
	switch {
	case o.dates == (dateFlags{}): // all there is, the samples of a watch that is ahead too
		span = store.Span{From: math.MinInt64, To: math.MaxInt64}
	case o.dates.start == "" && o.dates.end != "":
		span.From = math.MinInt64
	}
	db, err := env.readDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	dst, err := env.openOutput(o.output)
	if err != nil {
		return err
	}
	n, more, err := exportTo(ctx, dst, db, p, span)
	if err = errors.Join(err, dst.close(err == nil)); err != nil {
		return err
	}
	o.tell(env, n, more)
	return nil
}

// exportTo writes what is stored. A stage of sleep is stored as sleepAnalysis
// and is written under its own name where it was asked for by that, as fetch
// does.
func exportTo(ctx context.Context, w *output, db *store.Store, p selected,
	span store.Span) (n int64, more bool, err error) {
	out, err := newSink(w, p)
	if err != nil {
		return 0, false, err
	}
	f := store.Filter{Span: span}
	stages := map[float64]health.Type{}
	for _, t := range p.types {
		if stage, ok := t.Stage(); ok {
			stages[float64(stage)] = t
			t = health.SleepAnalysis
		}
		if !slices.Contains(f.Types, t) {
			f.Types = append(f.Types, t)
		}
	}
	whole := len(stages) == 0 || slices.Contains(p.types, health.SleepAnalysis)
	err = db.Query(ctx, f, func(s *health.Sample) error {
		if s.Type != health.SleepAnalysis || whole {
			if err := out.add(s); err != nil {
				return err
			}
		}
		if t, ok := stages[s.Value]; ok && s.Type == health.SleepAnalysis {
			staged := *s
			staged.Type = t
			return out.add(&staged)
		}
		return nil
	})
	return out.end(err)
}

// ceil is the first whole second not before t: samples have no fractions.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
