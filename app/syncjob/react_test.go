package syncjob_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"healthsync/app/syncjob"
	"healthsync/pki/trust"
	"healthsync/sync/engine"
	"healthsync/sync/phone"
)

// What is made of the phone's errors: one that may wait is asked again, but not
// the question over which the phone went away.
func TestReact(t *testing.T) {
	reset := &trust.Failure{Kind: trust.Reset, Err: io.EOF}
	refused := &trust.Failure{Kind: trust.Refused, Err: io.EOF}
	waits := engine.React(func(context.Context, error, int) engine.Reaction { return engine.Again })
	tired := engine.React(func(context.Context, error, int) engine.Reaction { return engine.Stop })
	for _, c := range []struct {
		name    string
		err     error
		attempt int
		patient engine.React
		want    engine.Reaction
	}{
		{"{}", &phone.EmptyAnswerError{Call: phone.CallSamples}, 1, waits, engine.Narrow},
		{"a type was switched off", &phone.TypeNotEnabledError{}, 1, nil, engine.AskTypes},
		{"and is off", &phone.TypeNotEnabledError{}, 2, nil, engine.Stop},
		{"it broke off", reset, 1, nil, engine.Gone},
		{"it broke off over a question", reset, 1, waits, engine.Gone},
		{"its answer was cut", &phone.TruncatedError{Err: io.EOF}, 1, waits, engine.Gone},
		{"it is away", refused, 9, waits, engine.Again},
		{"it stays away", refused, 9, tired, engine.Stop},
		{"it was away before the question", refused, 1, nil, engine.Stop},
		{"it is locked", &phone.LockedError{}, 1, nil, engine.Stop},
		{"something else", errors.New("else"), 1, nil, engine.Stop},
	} {
		if got := syncjob.React(time.Now, c.patient)(t.Context(), c.err, c.attempt); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
