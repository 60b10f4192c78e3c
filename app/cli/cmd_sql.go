package cli

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/format"
	"healthsync/sync/store"
)

func newSQLCommand(env *Env) *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "sql QUERY",
		Short: "Ask the local database a question in SQL (it only reads)",
		Long: `Runs one SQL query on the local database, where no sqlite3 command is at hand.
It can only read. The tables and views are described in docs/database.md; the view
samples has id, type, start_date, end_date, value, unit, source and metadata. A PRAGMA
that reads is answered too, such as table_info(sample), quick_check or journal_mode.`,
		Example: `  healthsync sql "SELECT type, count(*) FROM samples GROUP BY type"
  healthsync sql --format csv "SELECT * FROM samples WHERE type = 'weight'"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if env.JSON {
				as = "json"
			}
			return runSQL(cmd.Context(), env, args[0], as)
		},
	}
	cmd.Flags().StringVar(&as, "format", "text", "text, csv or json")
	return cmd
}

// table writes the rows of a result.
type table interface {
	head([]string) error
	row([]any) error
	end() error
}

func runSQL(ctx context.Context, env *Env, query, as string) error {
	var out table
	switch as {
	case "text":
		out = &textTable{w: tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)}
	case "csv":
		out = &csvTable{w: csv.NewWriter(env.Stdout)}
	case "json":
		out = &jsonTable{w: env.Stdout}
	default:
		return usageError(fmt.Sprintf("There is no format %q here; there are text, csv and json.", as),
			"healthsync sql --format csv QUERY")
	}
	db, err := env.readDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.SQL(ctx, query, out.head, out.row)
	var refused *store.QueryError
	if errors.As(err, &refused) {
		e := usageError(words.Sentence(refused.Reason), "")
		e.Sentence = "The query was not understood"
		if refused.Writes {
			e.Sentence = "This command only reads"
		}
		e.Remedy = problem.Remedy{Text: "see the tables and views",
			Command: `healthsync sql "SELECT name, sql FROM sqlite_schema"`}
		return e
	}
	if err != nil {
		return err
	}
	return out.end()
}

// cell writes a value as text, NULL as nothing.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return format.Number(v)
	case []byte:
		return hex.EncodeToString(v)
	}
	return fmt.Sprint(v)
}

type textTable struct{ w *tabwriter.Writer }

func (t *textTable) head(names []string) error {
	_, err := fmt.Fprintln(t.w, strings.ToUpper(strings.Join(names, "\t")))
	return err
}

func (t *textTable) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = printable(cell(v))
	}
	_, err := fmt.Fprintln(t.w, strings.Join(cells, "\t"))
	return err
}

func (t *textTable) end() error { return t.w.Flush() }

type csvTable struct{ w *csv.Writer }

func (t *csvTable) head(names []string) error { return t.w.Write(names) }

func (t *csvTable) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = cell(v)
	}
	return t.w.Write(cells)
}

func (t *csvTable) end() error {
	t.w.Flush()
	return t.w.Error()
}

// jsonTable writes {"schema":1,"columns":[...],"rows":[[...],...]} as it comes.
type jsonTable struct {
	w    io.Writer
	rows int
}

func (t *jsonTable) head(names []string) error {
	raw, err := json.Marshal(names)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.w, "{\"schema\":%d,\"columns\":%s,\"rows\":[", Schema, raw)
	return err
}

func (t *jsonTable) row(values []any) error {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
		switch v := v.(type) {
		case []byte:
			out[i] = hex.EncodeToString(v)
		case float64:
			if math.IsInf(v, 0) { // 1e999; JSON has no number for it
				out[i] = map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0]
			}
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return err
	}
	sep := ",\n"
	if t.rows == 0 {
		sep = "\n"
	}
	t.rows++
	_, err = fmt.Fprintf(t.w, "%s%s", sep, raw)
	return err
}

func (t *jsonTable) end() error {
	_, err := io.WriteString(t.w, "\n]}\n")
	return err
}
