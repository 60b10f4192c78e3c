package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/problem"
)

// refuseSwallowed lets a command and those below it refuse a flag that took the
// next one for its value, before they look at their arguments: those are only
// what the swallowed flag left.
func refuseSwallowed(cmd *cobra.Command, env *Env) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := swallowed(cmd, env.Args); err != nil {
				return err
			}
			return check(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		refuseSwallowed(c, env)
	}
}

// swallowed refuses a flag whose value is another flag of the command: its own
// was forgotten. Joined by "=" it is meant.
func swallowed(cmd *cobra.Command, words []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			name, long := strings.CutPrefix(v, "--")
			name, _, _ = strings.Cut(name, "=")
			if err != nil || !long || cmd.Flags().Lookup(name) == nil || slices.Contains(words, "--"+f.Name+"="+v) {
				continue
			}
			e := usageError(problem.Usage, fmt.Sprintf("--%s needs a value, got %q.", f.Name, v), "")
			e.Remedy = problem.Remedy{Text: "see the flags", Command: cmd.CommandPath() + " --help"}
			err = e
		}
	})
	return err
}

// emptyList refuses a list that was given and names nothing: where a script's
// variable is empty, it would mean everything.
func emptyList(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		list, ok := f.Value.(pflag.SliceValue)
		if ok && err == nil && strings.TrimSpace(strings.Join(list.GetSlice(), "")) == "" {
			e := usageError(problem.Usage, fmt.Sprintf("--%s names nothing; leave it out for everything.", f.Name), "")
			e.Remedy = problem.Remedy{Text: "see the flags", Command: cmd.CommandPath() + " --help"}
			err = e
		}
	})
	return err
}
