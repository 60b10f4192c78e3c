package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"healthsync/app/problem"
)

// shells are those that cobra writes completions for.
var shells = []struct {
	name, load string
	write      func(*cobra.Command, io.Writer) error
}{
	{"bash", "source <(healthsync completion bash)", func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) }},
	{"zsh", "source <(healthsync completion zsh)", func(c *cobra.Command, w io.Writer) error { return c.GenZshCompletion(w) }},
	{"fish", "healthsync completion fish | source", func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) }},
	{"powershell", "healthsync completion powershell | Out-String | Invoke-Expression", func(c *cobra.Command, w io.Writer) error { return c.GenPowerShellCompletionWithDesc(w) }},
}

// newCompletionCommand takes the place of cobra's, whose errors are not ours.
func newCompletionCommand(env *Env) *cobra.Command {
	var names []string
	long := `Prints a script that teaches a shell the commands, flags and values of healthsync.
To load it into the shell that you are in:

`
	for _, s := range shells {
		names = append(names, s.name)
		long += fmt.Sprintf("  %-11s %s\n", s.name, s.load)
	}
	long += `
For every new shell, put that line into ~/.bashrc, ~/.zshrc (after compinit),
~/.config/fish/config.fish or the PowerShell profile.`
	cmd := &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print a script that completes commands in a shell",
		Long:      long,
		Example:   "  source <(healthsync completion bash)\n  healthsync completion zsh > _healthsync",
		ValidArgs: names,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(problem.Usage, fmt.Sprintf("%s takes one shell (%s), got %s.", cmd.CommandPath(), strings.Join(names, ", "), arguments(len(args))), cmd.CommandPath()+" --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range shells {
				if s.name != args[0] {
					continue
				}
				var script bytes.Buffer
				if err := s.write(cmd.Root(), &script); err != nil {
					return err
				}
				if jsonWanted(cmd) {
					return env.printJSON(struct {
						Shell  string `json:"shell"`
						Script string `json:"script"`
					}{s.name, script.String()})
				}
				_, err := env.Stdout.Write(script.Bytes())
				return err
			}
			return usageError(problem.Usage, fmt.Sprintf("There is no completion for %q; there are %s.", args[0], strings.Join(names, ", ")), "")
		},
	}
	env.addCommonFlags(cmd.Flags())
	return cmd
}
