package cli

import (
	"context"
	"fmt"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/words"
	"healthsync/sync/civil"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

func newWhyCommand(env *Env) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "why TYPE [DAY]",
		Short: "Show how a day's figure comes about: which device counted when",
		Long: `An iPhone in the pocket and a Watch on the wrist count the same steps. A day's total
counts them once, as the Health app does: at each moment the first device counts that
measured something, in the order that  healthsync config get sources.priority  says.
This shows for one day which device counted from when to when, what was left out for
it, and what everything added up would be. It asks the local database, not the iPhone.
DAY is a date, today or yesterday; today where it is left out.`,
		Example: "  healthsync why steps 2026-07-07\n  healthsync why sleep yesterday\n  healthsync why steps 2026-07-07 --json",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := "today"
			if len(args) == 2 {
				text = args[1]
			}
			return runWhy(cmd.Context(), env, args[0], text, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every stretch, however many there are")
	return cmd
}

func runWhy(ctx context.Context, env *Env, name, text string, all bool) error {
	types, err := health.Resolve(name)
	if err != nil {
		return err
	}
	if len(types) != 1 {
		return usageError(fmt.Sprintf("%q stands for %d types; one at a time.", name, len(types)),
			fmt.Sprintf("healthsync why %s %s", types[0], text))
	}
	if _, stage := types[0].Stage(); stage {
		env.note("%s is a stage of sleep: the whole night is shown", types[0])
		types[0] = health.SleepAnalysis
	}
	at, _, err := parseDate("DAY", text, env.Now())
	if err != nil {
		return err
	}
	day := civil.DayOf(at.In(time.Local))
	s, err := env.computer()
	if err != nil {
		return err
	}
	db, err := env.openCurrent(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	found, err := db.Day(ctx, types[0], day)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.whyJSON(types[0], day, found)
	}
	if len(found) == 0 {
		env.printf("Nothing is stored of %s on %s.\n", typeName(types[0]), longDay(day))
		return nil
	}
	for i := range found {
		if i > 0 {
			env.printf("\n")
		}
		if err := env.why(&found[i], all); err != nil {
			return err
		}
	}
	return nil
}

func typeName(t health.Type) string {
	if i, ok := health.Lookup(t); ok {
		return i.Name
	}
	return printable(string(t))
}

func longDay(d civil.Day) string {
	return time.Unix(int64(d)*86400, 0).UTC().Format("Monday, 2 January 2006")
}

// zoneWords names the zone in which the day is meant.
func zoneWords(at int64) string {
	t := time.Unix(at, 0)
	name, _ := t.Zone()
	if loc := t.Location().String(); loc != "Local" && loc != "" {
		return loc
	}
	return name
}

// few is how many stretches are shown without --all.
const few = 40

func (e *Env) why(d *store.Breakdown, all bool) error {
	figure := func(v float64) string { return amount(v, d) }
	what := "on " + longDay(d.Day)
	if d.How == health.Duration {
		what = "in the night to " + longDay(d.Day)
	}
	e.printf("%s %s (%s)\n\n", typeName(d.Type), what, zoneWords(d.From))
	if d.How == health.Average {
		e.printf("Average %s of %s, from %s to %s. Nothing is counted twice in an average.\n\n", figure(d.Average),
			words.Plural(d.Samples, "sample"), figure(d.Minimum), figure(d.Maximum))
		w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "SOURCE\tSAMPLES\tAVERAGE\tLOWEST\tHIGHEST\n")
		for _, s := range d.Sources {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", sourceName(s), s.Samples, figure(s.Average), figure(s.Minimum),
				figure(s.Maximum))
		}
		return w.Flush()
	}
	e.printf("%s  counted once, by the Health app's rule\n", figure(d.Total))
	if over := d.Naive - d.Total; figure(over) != figure(0) {
		e.printf("%s  everything added up: %s were measured by two at the same time\n", figure(d.Naive), figure(over))
	} else {
		e.printf("Nothing was measured twice.\n")
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nSOURCE (THE FIRST COUNTS)\tMEASURED\tCOUNTED\tLEFT OUT\n")
	for _, s := range d.Sources {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", sourceName(s), figure(s.Recorded), figure(s.Counted),
			figure(s.Recorded-s.Counted))
	}
	fmt.Fprintf(w, "\nFROM\tTO\tCOUNTED\tBY\tLEFT OUT THERE\n")
	shown := d.Stretches
	if !all && len(shown) > few {
		shown = shown[:few]
	}
	for _, x := range shown {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", clock(x.From), clock(x.To), figure(x.Counted), printable(x.Source),
			e.instead(x, d))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := len(d.Stretches) - len(shown); n > 0 {
		e.printf("... and %d more; all of them with --all.\n", n)
	}
	return nil
}

func (e *Env) instead(x store.Stretch, d *store.Breakdown) string {
	out := ""
	for _, v := range x.Instead {
		if v.Value == 0 {
			continue
		}
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%s %s", printable(v.Source), amount(v.Value, d))
	}
	if out == "" {
		return "-"
	}
	return out
}

func sourceName(s store.SourceShare) string {
	if s.Hand {
		return printable(s.Source) + " (by hand)"
	}
	return printable(s.Source)
}

func clock(at int64) string { return time.Unix(at, 0).Local().Format("15:04:05") }

// amount writes a figure as a person reads it.
func amount(v float64, d *store.Breakdown) string {
	switch {
	case d.How == health.Duration || d.Type == health.Workouts:
		m := int64(math.Round(v / 60))
		return fmt.Sprintf("%d h %02d min", m/60, m%60)
	case d.Unit == "count":
		return words.Number(v, 0)
	case d.Unit == "%":
		return fmt.Sprintf("%.1f %%", 100*v)
	case math.Abs(v) >= 1000:
		return words.Number(v, 0) + " " + printable(d.Unit)
	}
	return fmt.Sprintf("%.4g %s", v, printable(d.Unit))
}

// whyJSON has a figure for each unit; none where nothing is stored of the day.
// Sleep is in seconds.
func (e *Env) whyJSON(t health.Type, day civil.Day, found []store.Breakdown) error {
	at := func(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
	figures := []fields{}
	for _, d := range found {
		average := d.How == health.Average
		sources, stretches := []fields{}, []fields{}
		for _, s := range d.Sources {
			x := fields{"source": s.Source, "samples": s.Samples}.with("byHand", true, s.Hand)
			if average {
				x["average"], x["minimum"], x["maximum"] = s.Average, s.Minimum, s.Maximum
			} else {
				x["measured"], x["counted"] = s.Recorded, s.Counted
			}
			sources = append(sources, x)
		}
		for _, x := range d.Stretches {
			var others []fields
			for _, v := range x.Instead {
				others = append(others, fields{"source": v.Source, "value": v.Value})
			}
			stretches = append(stretches, fields{"start": at(x.From), "end": at(x.To), "source": x.Source,
				"counted": x.Counted}.
				with("leftOut", others, others != nil))
		}
		f := fields{"unit": d.Unit, "start": at(d.From), "end": at(d.To), "samples": d.Samples, "sources": sources}.
			with("stretches", stretches, len(stretches) > 0)
		if average {
			f["average"], f["minimum"], f["maximum"] = d.Average, d.Minimum, d.Maximum
		} else {
			f["total"], f["uncorrected"] = d.Total, d.Naive
		}
		figures = append(figures, f)
	}
	return e.printJSON(fields{"type": t, "day": day.String(), "figures": figures})
}
