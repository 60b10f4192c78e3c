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
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runLogs(cmd.Context(), env, tail, follow)
		},
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
	lines, err := files.LastLines(p.LogFile(), tail)
	if err != nil {
		return err
	}
	if env.JSON && !follow {
		parsed := make([]files.LogLine, len(lines))
		for i, line := range lines {
			parsed[i] = files.ParseLine(line)
		}
		return env.printJSON(struct {
			File  string          `json:"file"`
			Lines []files.LogLine `json:"lines"`
		}{p.LogFile(), parsed})
	}
	show := func(line string) error { return env.print(line + "\n") }
	if env.JSON {
		show = env.logEvent
	}
	for _, line := range lines {
		if err := show(line); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	return files.FollowLog(ctx, files.EachLine(show), p.LogFile())
}

// logEvent prints one line as an object of its own.
func (e *Env) logEvent(line string) error {
	raw, err := json.Marshal(struct {
		Schema int    `json:"schema"`
		Event  string `json:"event"`
		files.LogLine
	}{Schema, "line", files.ParseLine(line)})
	if err != nil {
		return err
	}
	return e.print(string(raw) + "\n")
}
