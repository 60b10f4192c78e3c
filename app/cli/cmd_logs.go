package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"healthsync/app/files"
)

func newLogsCommand(env *Env) *cobra.Command {
	var tail int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show the log: nothing secret and no health values in it",
		Long: `Shows the last lines of the log. Nothing secret and no health value is ever written
to it. With --json the lines are data; with --json --follow one object a line.`,
		Example: `  healthsync logs --tail 50
  healthsync logs --follow
  healthsync logs --json | jq '.lines[] | select(.level == "WARN")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLogs(cmd.Context(), env, tail, follow) },
	}
	numberVar(cmd.Flags(), &tail, "tail", 100, 1, 0, "the last so many lines")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written from now on")
	return cmd
}

func runLogs(ctx context.Context, env *Env, tail int, follow bool) error {
	p, err := env.paths()
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.LogFile()); errors.Is(err, fs.ErrNotExist) && !follow && !env.JSON {
		env.note("the log %s is empty so far", p.LogFile())
		return nil
	}
	if follow {
		return files.FollowLog(ctx, p.LogFile(), tail, func(line string) error {
			if env.JSON {
				return env.printEvent(fields{"event": "line", "line": files.LineJSON(line)})
			}
			return env.print(files.LineText(line) + "\n")
		})
	}
	lines, err := files.LastLines(p.LogFile(), tail)
	if err != nil {
		return err
	}
	if env.JSON {
		parsed := make([]json.RawMessage, len(lines))
		for i, line := range lines {
			parsed[i] = files.LineJSON(line)
		}
		return env.printJSON(fields{"file": p.LogFile(), "lines": parsed})
	}
	for _, line := range lines {
		if err := env.print(files.LineText(line) + "\n"); err != nil {
			return err
		}
	}
	return nil
}
