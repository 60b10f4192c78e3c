package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/aggregate"
	"healthsync/sync/format"
	"healthsync/sync/health"
)

// selection is what `fetch` and `export` have in common: which samples, in
// which form, to where.
type selection struct {
	types     []string
	category  []string
	dates     dateFlags
	format    string
	delimiter string
	aggregate string
	output    string
	limit     int
	metadata  bool
}

// add declares the flags. all says what is taken without --types.
func (o *selection) addFlags(f *pflag.FlagSet, all, start string) {
	f.StringSliceVar(&o.types, "types", nil, "types, with commas between them ("+all+")")
	f.StringSliceVar(&o.category, "category", nil, "groups of types: activity, vitals, sleep, body")
	o.dates.addFlags(f, start)
	f.StringVar(&o.format, "format", "", "csv, tsv, json or ndjson (default: csv, or what the file's name says)")
	f.StringVar(&o.delimiter, "delimiter", "", "what parts the columns of CSV (default ;)")
	f.StringVar(&o.aggregate, "aggregate", "", "hourly, daily or weekly figures instead of samples")
	f.StringVarP(&o.output, "output", "o", "", "write to this file instead")
	numberVar(f, &o.limit, "limit", 0, 1, 0,
		"at most so many samples or rows of figures, the newest; says so when it cut")
	f.BoolVar(&o.metadata, "include-metadata", false, "add the metadata (sleep stage, workout) as a last column")
}

// otherFormats are endings that promise what is not written here.
var otherFormats = []string{"bz2", "db", "gz", "htm", "html", "ods", "parquet", "pdf", "sqlite", "xls", "xlsx", "xml",
	"xz", "zip", "zst"}

// implyFormat takes the format from --json or the file's name where none was
// given. A name that promises another is refused.
func (o *selection) implyFormat(cmd *cobra.Command, asJSON bool) error {
	if o.format != "" {
		return nil
	}
	o.format = string(format.CSV)
	if asJSON {
		o.format = string(format.JSON)
	}
	ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(o.output)), ".")
	if ext == "jsonl" {
		ext = string(format.NDJSON)
	}
	if slices.Contains(format.Kinds(), format.Kind(ext)) {
		o.format = ext
	}
	if slices.Contains(otherFormats, ext) {
		e := usageError(fmt.Sprintf("%s promises a .%s, which is not written here; there are csv, tsv, json and ndjson.",
			o.output, ext), "")
		e.Remedy = problem.Remedy{Text: "choose another name, or say which it shall be", Command: cmd.CommandPath() +
			" --format csv --output FILE"}
		return e
	}
	return nil
}

// tell says on standard error what cannot be seen in the answer itself.
func (o *selection) tell(env *Env, n int64, more bool) {
	if more {
		env.note("cut at --limit %d; the range holds more", o.limit)
	}
	if o.output != "" && o.output != "-" {
		what := "sample"
		if o.aggregate != "" {
			what = "row"
		}
		env.note("wrote %s to %s", words.Plural(n, what), o.output)
	}
}

// selected is a selection that has been understood.
type selected struct {
	types []health.Type // nil: all of them
	named []health.Type // those of them that no group stands for
	span  dateRange
	out   format.Options
	by    aggregate.By // "" for samples
	limit int          // 0: none
}

// understand reads the flags of a command.
func (o *selection) understand(now time.Time, command string) (selected, error) {
	p := selected{out: format.Options{Kind: format.Kind(strings.ToLower(o.format)), Metadata: o.metadata,
		Schema: Schema}, limit: o.limit}
	if !slices.Contains(format.Kinds(), p.out.Kind) {
		return p, usageError(fmt.Sprintf("There is no format %q; there are csv, tsv, json and ndjson.", o.format),
			"healthsync "+command+" --format csv")
	}
	var err error
	if o.delimiter != "" {
		if p.out.Delimiter, err = format.ParseDelimiter(o.delimiter); err != nil {
			return p, usageError(words.Sentence(err.Error()), "")
		}
	}
	if o.aggregate != "" {
		if p.by, err = aggregate.ParseBy(o.aggregate); err != nil {
			return p, usageError(fmt.Sprintf("--aggregate takes hourly, daily or weekly, not %q.", o.aggregate), "")
		}
	}
	if p.by != "" && o.metadata {
		return p, usageError("--include-metadata goes with samples: the figures of many have none.", "")
	}
	if err := o.checkCategories(command); err != nil {
		return p, err
	}
	for _, list := range [][]string{o.types, o.category} {
		if _, err := resolveTypes(list); err != nil {
			return p, err
		}
	}
	names := append(slices.Clone(o.types), o.category...)
	if p.types, err = resolveTypes(names); err != nil {
		return p, err
	}
	if p.named, err = health.Named(names); err != nil {
		return p, err
	}
	p.span, err = o.dates.resolve(now)
	return p, err
}

// checkCategories refuses what is neither a group nor a type by the names of the
// groups.
func (o *selection) checkCategories(command string) error {
	for _, name := range o.category {
		_, err := resolveTypes([]string{name})
		var unknown *health.UnknownTypeError
		if errors.As(err, &unknown) {
			e := problem.New(problem.UnknownType, fmt.Sprintf("%q is not a group of types; there are activity, vitals, sleep and body.", name), nil)
			e.Remedy = problem.Remedy{Command: "healthsync " + command + " --category vitals"}
			return e
		}
	}
	return nil
}

// resolveTypes gives the types that names stand for, each once; nil for all. A
// list that was given and is empty (a script's empty variable) does not mean all.
func resolveTypes(names []string) ([]health.Type, error) {
	if names != nil && strings.TrimSpace(strings.Join(names, "")) == "" {
		return nil, usageError("No type is named; leave the flag out for everything.", "")
	}
	return health.ResolveAll(names)
}

// ask is how many samples to ask for: one more than the limit tells whether it
// cuts. Figures need them all.
func (p *selected) ask() int {
	if p.limit == 0 || p.by != "" {
		return 0
	}
	return min(p.limit, math.MaxInt-1) + 1
}

// sink writes samples, or figures of them, in the form that was chosen.
type sink struct {
	w    io.Writer
	p    selected
	out  format.Writer
	sums *aggregate.Sums
	n    int64
	more bool // the limit has cut
}

func newSink(w io.Writer, p selected) (*sink, error) {
	s := &sink{w: w, p: p}
	s.p.out.Cut = &s.more
	if p.by != "" {
		s.sums = aggregate.New(p.by, p.span.from.Location())
		return s, nil
	}
	var err error
	s.out, err = format.New(w, s.p.out)
	return s, err
}

// errLimit ends a walk over samples.
var errLimit = errors.New("the limit is reached")

func (s *sink) add(x *health.Sample) error {
	if s.sums != nil {
		s.sums.Add(x)
		return nil
	}
	if s.p.limit > 0 && s.n >= int64(s.p.limit) {
		s.more = true
		return errLimit
	}
	s.n++
	return s.out.Write(x)
}

// end writes what ends the output, unless the walk over the samples failed:
// half an answer must not look like a whole one.
func (s *sink) end(err error) (n int64, more bool, _ error) {
	switch {
	case err != nil && !errors.Is(err, errLimit):
	case s.sums != nil:
		rows := s.sums.Rows()
		if s.p.limit > 0 && len(rows) > s.p.limit {
			rows, s.more = rows[len(rows)-s.p.limit:], true // the oldest come first
		}
		s.n = int64(len(rows))
		err = format.Rows(s.w, s.p.out, s.p.by, rows)
	default:
		err = s.out.Close()
	}
	return s.n, s.more, err
}
