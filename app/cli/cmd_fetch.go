package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/explain"
	"healthsync/app/pairing"
	"healthsync/app/status"
	"healthsync/app/when"
	"healthsync/sync/aggregate"
	"healthsync/sync/engine"
	"healthsync/sync/format"
	"healthsync/sync/health"
	"healthsync/sync/phone"
)

type fetchOptions struct {
	link      linkFlags
	types     []string
	category  []string
	spec      when.Spec
	format    string
	delimiter string
	aggregate string
	output    string
	limit     int
	metadata  bool
	dryRun    bool
	force     bool
	wait      string
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
	f.StringSliceVar(&o.types, "types", nil, "types, with commas between them (default: all that the iPhone shares)")
	f.StringSliceVar(&o.category, "category", nil, "groups of types: activity, vitals, sleep, body")
	f.StringVar(&o.spec.Start, "start", "", "from this date on")
	f.StringVar(&o.spec.End, "end", "", "up to this date (default: now)")
	f.BoolVar(&o.spec.Today, "today", false, "today")
	f.BoolVar(&o.spec.Yesterday, "yesterday", false, "yesterday")
	f.BoolVar(&o.spec.Week, "week", false, "this week, from Monday on")
	f.BoolVar(&o.spec.Month, "month", false, "this month")
	f.BoolVar(&o.spec.Year, "year", false, "this year")
	f.IntVar(&o.spec.Days, "days", 0, "the last so many days, today included")
	f.IntVar(&o.spec.Hours, "hours", 0, "the last so many hours")
	f.StringVar(&o.format, "format", "", "csv, tsv, json or ndjson (default: csv, or what the file's name says)")
	f.StringVar(&o.delimiter, "delimiter", "", "what parts the columns of CSV (default ;)")
	f.StringVar(&o.aggregate, "aggregate", "", "hourly, daily or weekly figures instead of samples")
	f.StringVarP(&o.output, "output", "o", "", "write to this file instead")
	f.IntVar(&o.limit, "limit", 0, "at most so many samples, the newest; says so when it cut")
	f.BoolVar(&o.metadata, "include-metadata", false, "add the metadata (sleep stage, workout) as a last column")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be asked, and ask nothing")
	f.BoolVar(&o.force, "force", false, "replace an existing file even if it is no earlier output")
	f.StringVar(&o.wait, "wait", "", "wait so long (minutes, or like 90s) for a locked or absent iPhone")
	_ = f.MarkHidden("force")
	o.link.add(f)
	env.addCommonFlags(f)
	return cmd
}

// implyFormat takes the format from --json or the file's name where none was
// given.
func (o *fetchOptions) implyFormat(cmd *cobra.Command) {
	if o.format != "" {
		return
	}
	o.format = string(format.CSV)
	if jsonWanted(cmd) {
		o.format = string(format.JSON)
	}
	ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(o.output)), ".")
	if ext == "jsonl" {
		ext = string(format.NDJSON)
	}
	if slices.Contains(format.Kinds(), format.Kind(ext)) {
		o.format = ext
	}
}

// fetchPlan is a fetch whose flags have been understood.
type fetchPlan struct {
	types []health.Type // nil: all that is shared
	span  when.Range
	out   format.Options
	by    aggregate.By // "" for samples
	wait  time.Duration
}

func (o *fetchOptions) plan(now time.Time) (fetchPlan, error) {
	p := fetchPlan{out: format.Options{Kind: format.Kind(strings.ToLower(o.format)), Metadata: o.metadata, Schema: Schema}}
	if !slices.Contains(format.Kinds(), p.out.Kind) {
		return p, usageError(status.Usage, fmt.Sprintf("There is no format %q; there are csv, tsv, json and ndjson.", o.format), "healthsync fetch --format csv")
	}
	var err error
	if o.delimiter != "" {
		if p.out.Delimiter, err = format.ParseDelimiter(o.delimiter); err != nil {
			return p, usageError(status.Usage, sentence(err.Error()), "")
		}
	}
	if o.aggregate != "" {
		if p.by, err = aggregate.ParseBy(o.aggregate); err != nil {
			return p, usageError(status.Usage, fmt.Sprintf("--aggregate takes hourly, daily or weekly, not %q.", o.aggregate), "")
		}
	}
	if o.limit < 0 {
		return p, usageError(status.Usage, "--limit takes a number from 1 upwards.", "")
	}
	if o.wait != "" {
		if p.wait, err = parseWait(o.wait); err != nil {
			return p, err
		}
	}
	if p.types, err = resolveTypes(append(slices.Clone(o.types), o.category...)); err != nil {
		return p, err
	}
	p.span, err = o.spec.Resolve(now)
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

// resolveTypes gives the types that names stand for, each once; nil for all.
func resolveTypes(names []string) ([]health.Type, error) { return health.ResolveAll(names) }

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
	n, more, err := fetchTo(ctx, dst, link, o, p, types, env.Now, env.patient(p.wait))
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
func fetchTo(ctx context.Context, w io.Writer, link *pairing.Link, o *fetchOptions, p fetchPlan, types []health.Type, now func() time.Time, react engine.React) (n int64, more bool, err error) {
	var out format.Writer
	var sums *aggregate.Sums
	if p.by != "" {
		sums = aggregate.New(p.by, p.span.From.Location())
	} else if out, err = format.New(w, p.out); err != nil {
		return 0, false, err
	}
	r := engine.Range{Types: types, From: p.span.From.Unix(), To: ceil(p.span.To), Now: now, React: react}
	if o.limit > 0 {
		r.Limit = o.limit + 1 // one more tells whether the limit cuts
	}
	err = engine.Walk(ctx, link, r, func(samples []health.Sample) error {
		for i := range samples {
			s := &samples[i]
			if o.limit > 0 && n >= int64(o.limit) {
				more = true
				return errLimit
			}
			n++
			if sums != nil {
				sums.Add(s)
			} else if err := out.Write(s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errLimit) {
		return n, more, err
	}
	if sums != nil {
		return n, more, format.Rows(w, p.out, p.by, sums.Rows())
	}
	return n, more, out.Close()
}

var errLimit = errors.New("the limit is reached")

// ceil is the first whole second not before t: the wire has no fractions.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
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

// output is where an answer goes: standard output, or a file that appears
// under its name only when it is whole.
type output struct {
	io.Writer
	file *os.File
	path string
}

func (e *Env) openOutput(path string) (*output, error) {
	if path == "" || path == "-" {
		return &output{Writer: e.Stdout}, nil
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		// a device or a pipe cannot be replaced, only written to
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{Writer: f, file: f}, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	var aside *fs.PathError
	if errors.As(err, &aside) {
		return nil, &fs.PathError{Op: "create", Path: path, Err: aside.Err} // by the name that the person knows
	}
	return &output{Writer: f, file: f, path: path}, err
}

// close keeps the file if the answer is whole, and removes it if not.
func (o *output) close(whole bool) error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	switch {
	case o.path == "":
	case whole && err == nil:
		err = os.Rename(o.file.Name(), o.path)
	default:
		err = errors.Join(err, os.Remove(o.file.Name()))
	}
	return err
}
