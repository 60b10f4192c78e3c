package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"healthsync/app/problem"
)

// explain gives the condition behind an error of the command that runs.
func (e *Env) explain(err error) *problem.Error {
	if lost := (*outputError)(nil); errors.As(err, &lost) {
		return outputLost(lost)
	}
	return fitted(problem.From(err, e.Now()), e.running)
}

func outputLost(lost *outputError) *problem.Error {
	why := lost.err
	var path *fs.PathError
	if errors.As(lost.err, &path) {
		why = path.Err
	}
	e := problem.New(problem.FileError, fmt.Sprintf("Standard output: %v.", why), lost)
	e.Sentence = "The answer could not be written"
	e.Remedy = problem.Remedy{Text: "see to it that there is room where the output goes, and run the command again"}
	return e
}

// fitted makes a remedy that is to run a command again one for the command that
// was run. The table speaks of the commonest.
func fitted(e *problem.Error, cmd *cobra.Command) *problem.Error {
	row, ok := problem.Lookup(e.Code)
	if !ok || cmd == nil || e.Remedy != row.Remedy || cmd.Name() == "sync" && e.Code != problem.PhoneLocked && e.Code != problem.TimedOut {
		return e
	}
	again := cmd.CommandPath()
	if cmd.Use != cmd.Name() {
		again = "" // it takes arguments
	}
	out := *e
	switch e.Code {
	case problem.PhoneLocked:
		if cmd.Flag("wait") != nil {
			out.Remedy.Command = cmd.CommandPath() + " --wait 2"
		} else {
			out.Remedy.Text, out.Remedy.Command = "unlock it, keep the app open, and run the command again", again
		}
	case problem.TimedOut:
		if cmd.Flag("timeout") != nil && again != "" {
			out.Remedy.Command = again + " --timeout 30000"
		}
	case problem.RateLimited, problem.StoreBusy:
		out.Remedy.Command = again
	case problem.ResponseCut:
		out.Remedy.Text, out.Remedy.Command = "keep the app in front on the iPhone and run the command again", again
	case problem.DiskFull:
		out.Remedy.Text, out.Remedy.Command = "free some space and run the command again", again
	case problem.Interrupted:
		out.Sentence, out.Remedy = "Interrupted", problem.Remedy{}
	}
	return &out
}
