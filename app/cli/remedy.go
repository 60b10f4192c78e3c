package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"healthsync/app/explain"
	"healthsync/app/status"
)

// explain gives the condition behind an error of the command that runs.
func (e *Env) explain(err error) *status.Error {
	if lost := (*outputError)(nil); errors.As(err, &lost) {
		return outputLost(lost)
	}
	return fitted(explain.Error(err, e.Now()), e.running)
}

func outputLost(lost *outputError) *status.Error {
	why := lost.err
	var path *fs.PathError
	if errors.As(lost.err, &path) {
		why = path.Err
	}
	e := status.New(status.FileError, fmt.Sprintf("Standard output: %v.", why), lost)
	e.Sentence = "The answer could not be written"
	e.Remedy = status.Remedy{Text: "see to it that there is room where the output goes, and run the command again"}
	return e
}

// fitted makes a remedy that is to run a command again one for the command that
// was run. The table speaks of the commonest.
func fitted(e *status.Error, cmd *cobra.Command) *status.Error {
	row, ok := status.Lookup(e.Code)
	if !ok || cmd == nil || e.Remedy != row.Remedy || cmd.Name() == "sync" && e.Code != status.PhoneLocked && e.Code != status.TimedOut {
		return e
	}
	again := cmd.CommandPath()
	if cmd.Use != cmd.Name() {
		again = "" // it takes arguments
	}
	out := *e
	switch e.Code {
	case status.PhoneLocked:
		if cmd.Flag("wait") != nil {
			out.Remedy.Command = cmd.CommandPath() + " --wait 2"
		} else {
			out.Remedy.Text, out.Remedy.Command = "unlock it, keep the app open, and run the command again", again
		}
	case status.TimedOut:
		if cmd.Flag("timeout") != nil && again != "" {
			out.Remedy.Command = again + " --timeout 30000"
		}
	case status.RateLimited, status.StoreBusy:
		out.Remedy.Command = again
	case status.ResponseCut:
		out.Remedy.Text, out.Remedy.Command = "keep the app in front on the iPhone and run the command again", again
	case status.DiskFull:
		out.Remedy.Text, out.Remedy.Command = "free some space and run the command again", again
	case status.Interrupted:
		out.Sentence, out.Remedy = "Interrupted", status.Remedy{}
	}
	return &out
}
