package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/problem"
)

// newGroup is a command that holds others and does nothing itself: it shows
// what there is.
func newGroup(env *Env, use, short, example string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.help(cmd) },
	}
	cmd.AddCommand(commands...)
	env.addCommonFlags(cmd.Flags())
	return cmd
}

// newHelpCommand takes the place of cobra's, which ends with 0 for a command
// that there is not.
func newHelpCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does and takes",
		Example: "  healthsync help\n  healthsync help fetch\n  healthsync help config set\n  healthsync help exit-codes",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			about, err := topic(cmd.Root(), args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, c := range about.Commands() {
				if c.IsAvailableCommand() || c.Name() == exitCodes {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, err := topic(cmd.Root(), args)
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			if jsonWanted(cmd) {
				return env.helpJSON(about)
			}
			return about.Help()
		},
	}
	env.addCommonFlags(cmd.Flags())
	return cmd
}

// topic finds the command that help is asked about.
func topic(root *cobra.Command, args []string) (*cobra.Command, error) {
	cmd := root
	for i, name := range args {
		next := child(cmd, name)
		if next == nil {
			return nil, unknownCommand(cmd, args[i:])
		}
		cmd = next
	}
	return cmd, nil
}

func child(cmd *cobra.Command, name string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == name || c.HasAlias(name) {
			return c
		}
	}
	return nil
}

// help is what --help prints: for people, or with --json the same as data.
func (e *Env) help(cmd *cobra.Command) error {
	if jsonWanted(cmd) {
		return e.helpJSON(cmd)
	}
	return cmd.Help()
}

type helpFlag struct {
	Name      string `json:"name"`
	Shorthand string `json:"shorthand,omitempty"`
	Type      string `json:"type"`
	Default   string `json:"default,omitempty"`
	Usage     string `json:"usage"`
}

type helpCommand struct {
	Name  string `json:"name"`
	Short string `json:"short"`
}

func (e *Env) helpJSON(cmd *cobra.Command) error {
	out := struct {
		Command  string        `json:"command"`
		Usage    string        `json:"usage"`
		Short    string        `json:"short"`
		Text     string        `json:"text,omitempty"`
		Examples []string      `json:"examples"`
		Commands []helpCommand `json:"commands,omitempty"`
		Flags    []helpFlag    `json:"flags"`
	}{Command: cmd.CommandPath(), Usage: cmd.UseLine(), Short: cmd.Short, Text: cmd.Long, Examples: []string{}, Flags: []helpFlag{}}
	for line := range strings.Lines(cmd.Example) {
		out.Examples = append(out.Examples, strings.TrimSpace(line))
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out.Commands = append(out.Commands, helpCommand{c.Name(), c.Short})
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			out.Flags = append(out.Flags, helpFlag{f.Name, f.Shorthand, f.Value.Type(), f.DefValue, f.Usage})
		}
	})
	return e.printJSON(out)
}

const exitCodes = "exit-codes"

// newExitCodesCommand is a topic of the help: `help exit-codes` shows the table
// as the command itself does.
func newExitCodesCommand(env *Env) *cobra.Command {
	table := func(cmd *cobra.Command) error {
		if jsonWanted(cmd) {
			type row struct {
				Exit    problem.Exit `json:"exit"`
				Meaning string       `json:"meaning"`
			}
			var rows []row
			for _, e := range problem.Exits() {
				rows = append(rows, row{e.Exit, e.Meaning})
			}
			return env.printJSON(struct {
				ExitCodes []row `json:"exitCodes"`
			}{rows})
		}
		for _, e := range problem.Exits() {
			env.printf("%4d  %s\n", e.Exit, e.Meaning)
		}
		return nil
	}
	cmd := &cobra.Command{
		Use: exitCodes, Short: "What an exit status means", Hidden: true, Args: noArgs,
		Example: "  healthsync help exit-codes\n  healthsync exit-codes --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return table(cmd) },
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _ = table(cmd) })
	env.addCommonFlags(cmd.Flags())
	return cmd
}
