package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/words"
	"healthsync/sync/engine"
	"healthsync/sync/health"
)

type typesOptions struct {
	local, list bool
	format      string
}

func newTypesCommand(env *Env) *cobra.Command {
	var o typesOptions
	cmd := &cobra.Command{
		Use:   "types",
		Short: "List what the iPhone shares, or what is stored here",
		Long: `Lists the types of health data that the iPhone shares; with --local those in the
local database, with counts and spans, up to when each is complete, and how many samples
came late; with --list every type there is.`,
		Example: "  healthsync types\n  healthsync types --local\n  healthsync types --list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch o.format {
			case "", "text", "csv":
			case "json":
				_ = cmd.Flags().Set("json", "true")
			default:
				return usageError(fmt.Sprintf("There is no format %q here; there are text, csv and json.", o.format),
					"healthsync types --format csv")
			}
			return runTypes(cmd.Context(), env, &o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.local, "local", false, "what is stored here, with counts and spans")
	f.BoolVar(&o.local, "with-data", false, "another name for --local")
	f.BoolVar(&o.list, "list", false, "every type there is, whether shared or not")
	f.StringVar(&o.format, "format", "", "text, csv or json")
	_ = f.MarkHidden("with-data")
	return cmd
}

// typeRow is a type as it is listed.
type typeRow struct {
	Type    health.Type  `json:"type"`
	Name    string       `json:"name,omitempty"`
	Unit    string       `json:"unit,omitempty"`
	Group   health.Group `json:"group,omitempty"`
	Count   *int64       `json:"count,omitempty"`
	Deleted int64        `json:"deleted,omitempty"`
	First   *time.Time   `json:"first,omitempty"`
	Last    *time.Time   `json:"last,omitempty"`
	// CompleteTo is up to when everything is stored that the iPhone has,
	// CompleteFrom from when on; nil for from the beginning.
	CompleteFrom *time.Time `json:"completeFrom,omitempty"`
	CompleteTo   *time.Time `json:"completeTo,omitempty"`
	// Late is how many samples came after their time had been read.
	Late int64 `json:"late,omitempty"`
}

func runTypes(ctx context.Context, env *Env, o *typesOptions) error {
	if o.list && o.local {
		return usageError("--list and --local exclude each other.", "healthsync types --local")
	}
	var rows []typeRow
	var err error
	switch {
	case o.list:
		for _, t := range health.Types() {
			rows = append(rows, describe(t))
		}
	case o.local:
		rows, err = localTypes(ctx, env)
	default:
		rows, err = sharedTypes(ctx, env)
	}
	if err != nil {
		return err
	}
	switch {
	case env.JSON:
		err = env.printJSON(fields{"types": orEmpty(rows)})
	case o.format == "csv":
		err = env.typesCSV(rows, o.local)
	default:
		err = env.typesText(rows, o.local)
	}
	return err
}

func describe(t health.Type) typeRow {
	i, _ := health.Lookup(t) // an unknown type has no description
	return typeRow{Type: t, Name: i.Name, Unit: i.Unit, Group: i.Group}
}

func sharedTypes(ctx context.Context, env *Env) ([]typeRow, error) {
	_, st, err := env.reach(ctx, &linkFlags{})
	if err != nil {
		return nil, err
	}
	// In the app's own order, with the types of a later app at the end.
	known := health.Types()
	place := func(t health.Type) int {
		if i := slices.Index(known, t); i >= 0 {
			return i
		}
		return len(known)
	}
	slices.SortStableFunc(st.Types, func(a, b health.Type) int { return place(a) - place(b) })
	var rows []typeRow
	for _, t := range st.Types {
		rows = append(rows, describe(t))
	}
	return rows, nil
}

// localTypes lists what is stored.
func localTypes(ctx context.Context, env *Env) (rows []typeRow, err error) {
	db, err := env.readDatabase(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	stats, err := db.Types(ctx)
	if err != nil {
		return nil, err
	}
	at := func(unix int64) *time.Time {
		t := time.Unix(unix, 0).UTC()
		return &t
	}
	for _, x := range stats {
		row := describe(x.Type)
		row.Count, row.Deleted, row.Late = &x.Count, x.Deleted, x.Late
		if x.Unit != "" {
			row.Unit = x.Unit
		}
		if x.Count > 0 {
			row.First, row.Last = at(x.First), at(x.Last)
		}
		if x.CoveredTo != 0 {
			row.CompleteTo = at(x.CoveredTo - 1)
			if x.CoveredFrom > engine.Beginning {
				row.CompleteFrom = at(x.CoveredFrom)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// completeWords say up to when, and where it is not all, from when on.
func completeWords(from, to *time.Time, now time.Time) string {
	if to == nil {
		return "-"
	}
	t, now := to.Local(), now.Local()
	words := "to " + t.Format("2006-01-02 15:04")
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		words = "to " + t.Format("15:04")
	}
	if from != nil {
		words = "from " + day(from) + " " + words
	}
	return words
}

// lateWords say how many samples came after their time had been read.
func lateWords(n int64) string {
	if n == 0 {
		return "-"
	}
	return words.Plural(n, "arrival") + " healed"
}

func (e *Env) typesText(rows []typeRow, local bool) error {
	if len(rows) == 0 {
		e.printf("None.\n")
		return nil
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	if local {
		fmt.Fprintf(w, "TYPE\tSAMPLES\tFROM\tTO\tUNIT\tCOMPLETE\tLATE\n")
	} else {
		fmt.Fprintf(w, "TYPE\tNAME\tUNIT\tGROUP\n")
	}
	for _, r := range rows {
		if !local {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(string(r.Type)), r.Name, r.Unit, r.Group)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", printable(string(r.Type)), *r.Count, day(r.First), day(r.Last),
			printable(r.Unit),
			completeWords(r.CompleteFrom, r.CompleteTo, e.Now()), lateWords(r.Late))
	}
	return w.Flush()
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Local().Format(time.DateOnly)
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func (e *Env) typesCSV(rows []typeRow, local bool) error {
	w := csv.NewWriter(e.Stdout)
	w.Comma = ';'
	head := []string{"type", "name", "unit", "group"}
	if local {
		head = append(head, "count", "first", "last", "completeFrom", "completeTo", "late")
	}
	_ = w.Write(head) // an error stays in the writer
	for _, r := range rows {
		row := []string{string(r.Type), r.Name, r.Unit, string(r.Group)}
		if local {
			row = append(row, strconv.FormatInt(*r.Count, 10), day(r.First), day(r.Last), stamp(r.CompleteFrom),
				stamp(r.CompleteTo), strconv.FormatInt(r.Late, 10))
		}
		_ = w.Write(row)
	}
	w.Flush()
	return w.Error()
}
