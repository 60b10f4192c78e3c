package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"healthsync/app/config"
	"healthsync/app/diagnose"
	"healthsync/app/pairing"
	"healthsync/app/problem"
)

type diagnoseOptions struct {
	link                      linkFlags
	output                    string
	force, names, check, deep bool
}

func newDiagnoseCommand(env *Env) *cobra.Command {
	var o diagnoseOptions
	cmd := &cobra.Command{
		Use:   "diagnose",
		Short: "Find out what is wrong, and what to do about it",
		Long: `Walks the troubleshooting guide by itself: this program and computer, settings,
keychain, network, Bonjour, connection, TLS version, every certificate, both clocks,
whether the iPhone is unlocked and what it shares, disk and database. Each line has
its verdict and its remedy, and the last one names the root cause.

The report can be posted in public: there is no address in it but local ones, no
device's name (unless --names), no name of a user, no secret and no health value.

It ends with 0 because it answered; with --check, with the verdict's status.`,
		Example: `  healthsync diagnose
  healthsync diagnose --output report.txt
  healthsync diagnose --check --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDiagnose(cmd.Context(), env, &o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "write the report to this file, and only the verdict here")
	f.BoolVar(&o.force, "force", false, "replace an existing file")
	f.BoolVar(&o.names, "names", false, "let the names of devices into the report")
	f.BoolVar(&o.check, "check", false, "end with the verdict's exit status")
	f.BoolVar(&o.deep, "deep", false, "check the whole database, however long it takes")
	o.link.addFlags(f)
	return cmd
}

func runDiagnose(ctx context.Context, env *Env, o *diagnoseOptions) error {
	if o.output != "" && o.output != "-" && !o.force {
		if _, err := os.Lstat(o.output); err == nil { // before the walk, not after it
			return problem.New(problem.FileExists, o.output+" is there already.", fs.ErrExist)
		}
	}
	s, settingsErr, err := env.computerAnyway()
	if err != nil {
		return err
	}
	lo, err := o.link.options(env)
	if err != nil {
		return err
	}
	d := diagnose.Options{Program: env.build().String(), Link: lo, Finder: env.finder(), Names: o.names,
		Home: env.Getenv("HOME"), SettingsErr: settingsErr}
	if o.deep {
		d.CheckTime = -1
	}
	if env.ErrTTY && !env.JSON {
		env.note("looking at everything, which takes a few seconds ...")
	}
	r := diagnose.Run(ctx, s, d)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.Log.Info("diagnosed", "verdict", r.Verdict, "code", r.Code)
	if err := env.printDiagnosis(r, o); err != nil {
		return err
	}
	if e := r.Err(); o.check && e != nil {
		return e
	}
	return nil
}

// computerAnyway opens the computer with the default settings where the user's
// cannot be read: that is then one of the things to tell.
func (e *Env) computerAnyway() (s *pairing.Computer, settings, err error) {
	if s, err = e.computer(); err == nil {
		return s, nil, nil
	}
	var invalid *config.InvalidError
	if !errors.As(err, &invalid) {
		return nil, nil, err
	}
	p, perr := e.paths()
	if perr != nil {
		return nil, nil, perr
	}
	return e.computerWith(p, config.Config{}), err, nil
}

// printDiagnosis writes the report where it was asked for. With a file the
// verdict still goes to standard output.
func (e *Env) printDiagnosis(r *diagnose.Report, o *diagnoseOptions) error {
	if o.output == "" || o.output == "-" {
		if e.JSON {
			return e.printJSON(r)
		}
		_, err := r.WriteTo(e.Stdout)
		return err
	}
	var buf bytes.Buffer
	if e.JSON || strings.HasSuffix(strings.ToLower(o.output), ".json") {
		aside := *e
		aside.Stdout = &buf
		if err := aside.printJSON(r); err != nil {
			return err
		}
	} else if _, err := r.WriteTo(&buf); err != nil {
		return err
	}
	if err := e.writeNew(o.output, buf.Bytes(), o.force); err != nil {
		return err
	}
	if e.JSON {
		return e.printJSON(struct {
			File    string           `json:"file"`
			Verdict diagnose.Verdict `json:"verdict"`
			Code    problem.Code     `json:"code,omitempty"`
		}{o.output, r.Verdict, r.Code})
	}
	public := "it can be posted in public"
	if o.names {
		public = "it holds the names of devices"
	}
	e.printf("%sWrote the report to %s; %s.\n", r.Summary(), o.output, public)
	return nil
}
