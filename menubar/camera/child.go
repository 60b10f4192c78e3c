package camera

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// parentVar is set in the child's environment. Its value says that somebody
// holds the other end of standard input; a person who types the command has no
// such parent, and a terminal at end of file must not close the window.
const parentVar = "HEALTHSYNC_SCAN_PARENT"

// IsChild reports whether this process was started by [Scan].
func IsChild(getenv func(string) string) bool { return getenv(parentVar) != "" }

// report is the one line that a child prints.
type report struct {
	Payload string  `json:"payload,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	Detail  string  `json:"detail,omitempty"`
}

// lastWish is how long a child has to leave by itself once its parent is gone.
const lastWish = 3 * time.Second

// Serve is the child's half of a scan: it shows the window by show (which is
// [Show], but in tests), prints the outcome on stdout, and returns an [*Error]
// unless a code was found.
//
// stdin is held open by the parent; when it ends, the parent is gone or wants
// no more, and the window goes. A window that hangs even then takes the
// process with it: a camera light that nobody can put out is worse.
func Serve(
	ctx context.Context, stdin io.Reader, stdout io.Writer, show func(context.Context, Window) (string, error),
	w Window,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel(&Error{Outcome: Orphaned})
		select {
		case <-done:
		case <-time.After(lastWish):
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}()
	payload, serr := show(ctx, w)
	r := report{Payload: payload}
	var err *Error
	if serr != nil {
		err = outcomeOf(ctx, serr)
		r = report{Outcome: err.Outcome, Detail: err.Detail}
	}
	line, merr := json.Marshal(r)
	if merr != nil {
		return &Error{Outcome: Failed, Detail: merr.Error()}
	}
	if _, werr := stdout.Write(append(line, '\n')); werr != nil && err == nil {
		return &Error{Outcome: Orphaned}
	}
	if err != nil {
		return err
	}
	return nil
}

// outcomeOf makes an *Error of whatever ended the window.
func outcomeOf(ctx context.Context, err error) *Error {
	var known *Error
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &known) && errors.Is(err, context.Canceled):
		return known // the parent is gone
	case errors.Is(err, context.Canceled):
		return &Error{Outcome: Closed}
	case errors.As(err, &known):
		return known
	}
	return &Error{Outcome: Failed, Detail: err.Error()}
}
