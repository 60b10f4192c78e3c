package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/problem"
	"healthsync/sync/near"
)

// Main runs one command and returns the exit status. It is the only place
// where an error is printed.
func Main(ctx context.Context, env *Env) int {
	unlockMainThread(env.Args)
	out := &answer{w: env.Stdout}
	env.Stdout = out
	root := newRoot(env)
	root.SetArgs(env.Args)
	cmd, err := root.ExecuteContextC(ctx)
	env.tellApp(ctx, cmd)
	env.closeLog()
	if err == nil {
		err = errors.Join(env.stray, out.err)
	}
	if err == nil {
		return int(problem.ExitOK)
	}
	env.running = cmd
	shown := env.explain(err)
	if ctx.Err() != nil && problem.Find(err) == nil {
		shown = fitted(problem.New(problem.Interrupted, "", err), cmd)
	}
	if shown.Code == problem.Usage && shown.Remedy == (problem.Remedy{}) {
		shown.Remedy = problem.Remedy{Text: "see what it takes", Command: cmd.CommandPath() + " --help"}
	}
	debug, _ := cmd.Flags().GetBool("debug")
	env.printError(shown, wantsJSON(cmd, env.Args), debug)
	return int(shown.Exit())
}

func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "healthsync",
		Short: "Keep your iPhone's health data on your own computer",
		Long: `Keeps this computer in step with the health data of an iPhone over the local
network: paired by QR code, TLS 1.3 with certificates on both ends, no cloud.

  1. On the iPhone, open iOS Health Sync, tap Start Sharing, then Show QR Code.
  2. Here:  healthsync scan --file screenshot-of-the-code.png
  3. Then:  healthsync sync

What is wrong, and what to do:  healthsync diagnose
What an exit status means:      healthsync help exit-codes`,
		Example: `  healthsync scan
  healthsync sync
  healthsync fetch --types steps,heartRate --days 7 --format csv --output week.csv
  healthsync status --json`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			env.running = cmd
			if err := cmp.Or(swallowed(cmd, env.Args), emptyList(cmd)); err != nil {
				return err
			}
			return env.checkVault()
		},
		Args: unknownCommand,
	}
	showVersion := root.Flags().Bool("version", false, "show the version of this program, as healthsync version does")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *showVersion {
			return runVersion(env, jsonWanted(cmd))
		}
		return env.help(cmd)
	}
	env.addCommonFlags(root.Flags())
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagError(cmd, env.Args, err) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(commands(env)...)
	help := newHelpCommand(env)
	root.SetHelpCommand(help)
	root.AddCommand(newCompletionCommand(env), help, newExitCodesCommand(env))
	refuseSwallowed(root, env)
	plain := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd.HasSubCommands() { // --help goes before the check of what it is about
			if env.stray = unknownCommand(cmd, cmd.Flags().Args()); env.stray != nil {
				return
			}
		}
		if !jsonWanted(cmd) || env.helpJSON(cmd) != nil {
			plain(cmd, args)
		}
	})
	if completing(env.Args) {
		addCompletions(root)
	}
	return root
}

// commands lists every command, in the order of the help.
func commands(env *Env) []*cobra.Command {
	return []*cobra.Command{
		newScanCommand(env),
		newPairCommand(env),
		newUnpairCommand(env),
		newStatusCommand(env),
		newDiagnoseCommand(env),
		newDiscoverCommand(env),
		newSyncCommand(env),
		newFetchCommand(env),
		newExportCommand(env),
		newReportCommand(env),
		newTypesCommand(env),
		newWhyCommand(env),
		newSQLCommand(env),
		newBackupCommand(env),
		newCertCommand(env),
		newCertInfoAlias(env),
		newTrustCommand(env),
		newKeychainCommand(env),
		newConfigCommand(env),
		newResetCommand(env),
		newPingCommand(env, "ping"),
		newConnectAlias(env),
		newLogsCommand(env),
		newMenubarCommand(env),
		newSimulateCommand(env),
		newVersionCommand(env),
	}
}

// newCertInfoAlias is another name for `cert info`.
func newCertInfoAlias(env *Env) *cobra.Command {
	cmd := newCertInfoCommand(env, "certificates")
	cmd.Example = strings.ReplaceAll(cmd.Example, "cert info", "certificates")
	cmd.Hidden = true
	return cmd
}

// newConnectAlias is another name for `ping`.
func newConnectAlias(env *Env) *cobra.Command {
	cmd := newPingCommand(env, "connect")
	cmd.Example = strings.ReplaceAll(cmd.Example, "ping", "connect")
	cmd.Hidden = true
	return cmd
}

// addCommonFlags gives a command the flags that every command has.
func (e *Env) addCommonFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print the answer (or the error) as JSON")
	f.Bool("debug", false, "print the technical cause of an error too")
	f.StringVar(&e.vaultKind, "vault", "", "where secrets are kept: keychain or file")
}

// wantsJSON reports whether an error is to be JSON. The flags may not have
// been parsed when the error is about them, so the words are looked at too.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if on, err := cmd.Flags().GetBool("json"); err == nil && on {
		return true
	}
	for _, a := range args {
		if a == "--" {
			break
		}
		if a == "--json" || a == "--json=true" {
			return true
		}
	}
	return false
}

// unknownCommand refuses words that are no command, offering the nearest.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	best := near.Best(args[0], names)
	e := usageError(problem.Usage, fmt.Sprintf("There is no command %q.", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "healthsync ")), "")
	if best != "" {
		e.Remedy = problem.Remedy{Text: "did you mean", Command: cmd.CommandPath() + " " + best}
	} else {
		e.Remedy = problem.Remedy{Text: "see what there is", Command: cmd.CommandPath() + " --help"}
	}
	return e
}

// flagError turns a flag that cannot be parsed into a usage error that names
// the nearest right one. Where the command itself is not known, that is the
// error, not its flags.
func flagError(cmd *cobra.Command, args []string, err error) error {
	if cmd.HasSubCommands() {
		depth := strings.Count(cmd.CommandPath(), " ")
		if depth < len(args) && !strings.HasPrefix(args[depth], "-") {
			return unknownCommand(cmd, args[depth:])
		}
	}
	e := usageError(problem.Usage, sentence(err.Error()), "")
	e.Remedy = problem.Remedy{Text: "see the flags", Command: cmd.CommandPath() + " --help"}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		e.Detail = fmt.Sprintf("--%s takes %s, not %q.", invalid.GetFlag().Name, takes(invalid.GetFlag().Value), invalid.GetValue())
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "" {
		e.Detail = fmt.Sprintf("%s has no flag -%s.", cmd.CommandPath(), unknown.GetSpecifiedName())
	} else if unknown != nil {
		name := unknown.GetSpecifiedName()
		e.Detail = fmt.Sprintf("%s has no flag --%s.", cmd.CommandPath(), name)
		if near := nearestFlag(cmd, name); near != "" {
			e.Remedy = problem.Remedy{Text: "did you mean", Command: cmd.CommandPath() + " --" + near}
		}
	}
	return e
}

// takes says in words what a flag takes.
func takes(v pflag.Value) string {
	if b, ok := v.(bounded); ok {
		return b.takes()
	}
	switch v.Type() {
	case "uint64":
		return "a whole number from 0 upwards"
	case "bool":
		return "true or false"
	}
	return "another value"
}

func nearestFlag(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return near.Best(name, names)
}

// sentence makes a library's message read like one of ours.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}

// usageError is an error about how a command was called.
func usageError(code problem.Code, detail, command string) *problem.Error {
	e := problem.New(code, detail, nil)
	if command != "" {
		e.Remedy = problem.Remedy{Text: "type", Command: command}
	}
	return e
}

// noArgs is cobra.NoArgs with an error of ours.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(problem.Usage, fmt.Sprintf("%s takes no argument, got %q.", cmd.CommandPath(), args[0]), cmd.CommandPath()+" --help")
	}
	return nil
}

// arguments says how many there were.
func arguments(n int) string {
	if n == 0 {
		return "none"
	}
	return plural(int64(n), "argument")
}

// exactArgs wants the named arguments, no more and no fewer.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError(problem.Usage, fmt.Sprintf("%s takes %s, got %s.", cmd.CommandPath(), strings.Join(names, " and "), arguments(len(args))), cmd.CommandPath()+" --help")
		}
		return nil
	}
}
