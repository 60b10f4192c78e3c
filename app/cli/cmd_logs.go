package cli

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"healthsync/app/logfile"
)

func newLogsCommand(env *Env) *cobra.Command {
	var tail int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show the log: nothing secret and no health values in it",
		Example: `  healthsync logs --tail 50
  healthsync logs --follow`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := env.paths()
			if err != nil {
				return err
			}
			if _, err := os.Stat(p.LogFile()); errors.Is(err, fs.ErrNotExist) && !follow {
				env.note("the log %s is empty so far", p.LogFile())
				return nil
			}
			if err := logfile.Tail(env.Stdout, p.LogFile(), tail); err != nil {
				return err
			}
			if follow {
				return logfile.Follow(cmd.Context(), env.Stdout, p.LogFile())
			}
			return nil
		},
	}
	numberVar(cmd.Flags(), &tail, "tail", 100, 1, 0, "the last so many lines")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written from now on")
	env.addCommonFlags(cmd.Flags())
	return cmd
}
