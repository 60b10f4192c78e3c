package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"healthsync/app/agent/desktop"
	"healthsync/app/problem"
	"healthsync/app/report"
	"healthsync/app/words"
)

type reportOptions struct {
	output      string
	open, force bool
}

func newReportCommand(env *Env) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Make a page of what is stored: figures and charts to look at",
		Long: `Makes one HTML file from the local database: the last days and months of steps,
distance, energy, heart rate, sleep, weight and workouts as charts with their
figures, and what is stored, how completely, and who measured it. The iPhone is not
asked, and the page loads nothing from anywhere: it can be read without a network,
printed, and kept.

It is health data, so the file can be read by you alone (mode 0600). Without
--output it is report.html in the folder of the database. An earlier report is
replaced; any other file is not, without --force. A dash writes to standard output.`,
		Example: `  healthsync report --open
  healthsync report --output ~/Desktop/health.html
  TZ=America/New_York healthsync report --output -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReport(cmd.Context(), env, &o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "write to this file (default: report.html beside the database)")
	f.BoolVar(&o.open, "open", false, "show it in the browser")
	f.BoolVar(&o.force, "force", false, "replace an existing file even if it is no report")
	return cmd
}

func runReport(ctx context.Context, env *Env, o *reportOptions) error {
	paths, err := env.paths()
	if err != nil {
		return err
	}
	path := o.output
	if path == "" {
		path = filepath.Join(paths.Data, "report.html")
	}
	if path == "-" && (o.open || env.JSON) {
		return usageError("Standard output takes the page alone: --open and --json need a file.",
			"healthsync report --open")
	}
	page, r, err := env.makeReport(ctx)
	if err != nil {
		return err
	}
	if path == "-" {
		_, err := env.Stdout.Write(page)
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	if !o.force {
		if err := replaceable(path); err != nil {
			return err
		}
	}
	if err := env.writeOutput(path, page); err != nil {
		return err
	}
	if env.JSON {
		err = env.printJSON(fields{
			"file":    path,
			"bytes":   len(page),
			"made":    r.Made,
			"samples": r.Samples,
			"types":   len(r.Stored),
			"sources": len(r.Sources),
		})
	} else {
		env.printf("Wrote a report of %s to %s\n", words.Plural(r.Samples, "sample"), path)
	}
	if err != nil || !o.open {
		return err
	}
	return env.show(ctx, path)
}

// makeReport makes the page in memory: some hundred kilobytes, so that a file
// is there whole or not at all.
func (e *Env) makeReport(ctx context.Context) ([]byte, *report.Report, error) {
	db, err := e.readDatabase(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	r, err := report.Collect(ctx, db, e.Now())
	if err != nil {
		return nil, nil, err
	}
	r.Version = e.build().Version
	var page bytes.Buffer
	err = report.Write(&page, r)
	return page.Bytes(), r, err
}

// replaceable reports that nothing is lost by writing to path: nothing is
// there, or an earlier report.
func replaceable(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && !st.Mode().IsRegular() {
		return notAFile(path)
	}
	if !report.Is(f) {
		return problem.New(problem.FileExists, path+" is not a report of HealthSync.", fs.ErrExist)
	}
	return nil
}

// show opens a file with the program for it.
func (e *Env) show(ctx context.Context, path string) error {
	d := desktop.Desktop{Getenv: e.Getenv}
	err := d.Open(ctx, path)
	if errors.Is(err, desktop.ErrNone) {
		shown := problem.New(problem.NotOnThisBuild, path+" was written, but nothing here can show it.", err)
		shown.Remedy = problem.Remedy{Text: "open it in a browser"}
		return shown
	}
	return err
}
