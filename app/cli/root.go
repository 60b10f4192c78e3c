package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/health"
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
	if err != nil && !env.started {
		err = usage(cmd, err)
	}
	env.tellApp(ctx, cmd)
	env.closeLog()
	if err = cmp.Or(err, out.err); err == nil {
		return int(problem.ExitOK)
	}
	shown := env.explain(err)
	if ctx.Err() != nil && problem.Find(err) == nil {
		shown = problem.New(problem.Interrupted, "", err)
	}
	if shown.Code == problem.Usage && shown.Remedy == (problem.Remedy{}) {
		shown.Remedy = seeHelp(cmd)
	}
	if again, longer := strings.CutPrefix(shown.Remedy.Command, "healthsync fetch --timeout "); longer &&
		cmd.Flags().Lookup("timeout") != nil {
		shown.Remedy.Command = cmd.CommandPath() + " --timeout " + again
	}
	env.printError(shown)
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
		PersistentPreRunE: func(*cobra.Command, []string) error {
			env.started = true
			return env.checkVault()
		},
	}
	showVersion := root.Flags().Bool("version", false, "show the version of this program, as healthsync version does")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *showVersion {
			return runVersion(env)
		}
		return cmd.Help()
	}
	f := root.PersistentFlags()
	f.BoolVar(&env.JSON, "json", false, "print the answer (or the error) as JSON")
	f.BoolVar(&env.debug, "debug", false, "print the technical cause of an error too")
	f.StringVar(&env.vaultKind, "vault", "", "where secrets are kept: keychain or file")
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.AddCommand(commands(env)...)
	root.AddCommand(newExitCodesCommand(env))
	refuseUnknownTopics(root)
	nameShells(root)
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
		otherName(newCertInfoCommand(env), "certificates", "cert info"),
		newTrustCommand(env),
		newKeychainCommand(env),
		newConfigCommand(env),
		newResetCommand(env),
		newPingCommand(env),
		otherName(newPingCommand(env), "connect", "ping"),
		newLogsCommand(env),
		newMenubarCommand(env),
		newSimulateCommand(env),
		newVersionCommand(env),
	}
}

// otherName hides a command under another name, which guides to iOS Health Sync use.
func otherName(cmd *cobra.Command, name, usual string) *cobra.Command {
	cmd.Use, cmd.Hidden = name, true
	cmd.Example = strings.ReplaceAll(cmd.Example, usual, name)
	return cmd
}

// newGroup is a command that holds others. Alone it shows what there is.
func newGroup(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: groupArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

func groupArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	return nil
}

// nameShells makes cobra's completion command fail for a shell that it does not
// know: its own prints the help and ends with 0.
func nameShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Example = "  healthsync completion zsh > ~/.zfunc/_healthsync\n" +
				"  healthsync completion bash > ~/.local/share/bash-completion/completions/healthsync"
			for _, shell := range c.Commands() {
				shell.Example = "  healthsync completion " + shell.Name()
			}
			c.Args = groupArgs
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

func unknownCommand(cmd *cobra.Command, name string) *problem.Error {
	e := usageError(fmt.Sprintf("There is no command %q.",
		strings.TrimPrefix(cmd.CommandPath()+" "+name, "healthsync ")), "")
	e.Remedy = problem.Remedy{Text: "see what there is", Command: cmd.CommandPath() + " --help"}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if best := health.Nearest(name, names); best != "" { // cobra's suggestions are in no order
		e.Remedy = problem.Remedy{Text: "did you mean", Command: cmd.CommandPath() + " " + best}
	}
	return e
}

// refuseUnknownTopics makes cobra's help command fail for what is no command:
// its own prints a line and ends with 0.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	all := root.Commands()
	help := all[slices.IndexFunc(all, func(c *cobra.Command) bool { return c.Name() == "help" })]
	help.Example = "  healthsync help fetch\n  healthsync help config set\n  healthsync help exit-codes"
	help.RunE = func(_ *cobra.Command, args []string) error {
		about, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return unknownCommand(about, append(rest, args...)[0])
		}
		about.InitDefaultHelpFlag()
		return about.Help()
	}
}

// newExitCodesCommand is a topic of the help: `help exit-codes` prints the
// table as the command itself does.
func newExitCodesCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "exit-codes", Short: "What an exit status means", Hidden: true, Args: cobra.NoArgs,
		Example: "  healthsync help exit-codes\n  healthsync exit-codes --json",
		RunE:    func(*cobra.Command, []string) error { return printExitCodes(env) },
	}
	cmd.SetHelpFunc(func(*cobra.Command, []string) { _ = printExitCodes(env) }) // the writer keeps its error
	return cmd
}

func printExitCodes(env *Env) error {
	if env.JSON {
		return env.printJSON(fields{"exitCodes": problem.Exits()})
	}
	for _, e := range problem.Exits() {
		env.printf("%4d  %s\n", e.Exit, e.Meaning)
	}
	return nil
}

// plural mends what cobra says of a wrong number of arguments.
var plural = strings.NewReplacer(" 1 arg(s)", " 1 argument", "arg(s)", "arguments")

// usage makes an error of ours of what cobra says of a command line. cmd is
// the command as far as it was understood.
func usage(cmd *cobra.Command, err error) error {
	if problem.Find(err) != nil {
		return err
	}
	var name string
	e := usageError(words.Sentence(plural.Replace(err.Error())), "")
	e.Remedy = seeHelp(cmd)
	if _, serr := fmt.Sscanf(err.Error(), "unknown command %q", &name); serr == nil {
		if cmd.HasSubCommands() {
			return unknownCommand(cmd, name)
		}
		e.Detail = fmt.Sprintf("%s takes no argument, got %q.", cmd.CommandPath(), name)
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if n := unknown.GetSpecifiedName(); len(n) > 1 {
			e.Detail = fmt.Sprintf("%s has no flag --%s.", cmd.CommandPath(), n)
		}
		if near := nearestFlag(cmd, unknown.GetSpecifiedName()); near != "" {
			e.Remedy = problem.Remedy{Text: "did you mean", Command: cmd.CommandPath() + " --" + near}
		}
	}
	return e
}

func seeHelp(cmd *cobra.Command) problem.Remedy {
	return problem.Remedy{Text: "see what it takes", Command: cmd.CommandPath() + " --help"}
}

func nearestFlag(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return health.Nearest(name, names)
}

// usageError is an error about how a command was called. command is what to
// type instead; "" for its help.
func usageError(detail, command string) *problem.Error {
	e := problem.New(problem.Usage, detail, nil)
	if command != "" {
		e.Remedy = problem.Remedy{Command: command}
	}
	return e
}

// explain gives the condition behind an error.
func (e *Env) explain(err error) *problem.Error {
	var lost *outputError
	if !errors.As(err, &lost) {
		return problem.From(err, e.Now())
	}
	why := lost.err
	var path *fs.PathError
	if errors.As(lost.err, &path) {
		why = path.Err
	}
	out := problem.New(problem.FileError, fmt.Sprintf("Standard output: %v.", why), lost)
	out.Sentence = "The answer could not be written"
	out.Remedy = problem.Remedy{Text: "make room where the output goes and run the command again"}
	return out
}
