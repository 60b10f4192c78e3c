package phone

import (
	"errors"
	"io"
)

// formatError is what a decoder has against a body that arrived.
type formatError struct {
	err    error
	offset int64
}

func (e *formatError) Error() string { return e.err.Error() }

func (e *formatError) Unwrap() error { return e.err }

// failed marks an error of decoding with the place it happened at.
func (s *scanner) failed(err error) error { return &formatError{err, s.offset()} }

// of gives the error of call for a body of which got bytes were read and which
// has size bytes.
func (e *formatError) of(call Call, got, size int64) error {
	sample := -1
	var at *sampleError
	if errors.As(e.err, &at) {
		sample = at.Index
	}
	var field *fieldError
	switch {
	case errors.As(e.err, &field):
		return &AnswerError{Call: call, Field: field.Field, Reason: field.Reason, Sample: sample}
	case errors.Is(e.err, errNothing):
		return &EmptyAnswerError{Call: call}
	case errors.Is(e.err, errTooMany), errors.Is(e.err, errLong), errors.Is(e.err, errDepth), errors.Is(e.err, errUTF8):
		return &AnswerError{Call: call, Reason: e.err.Error(), Sample: sample}
	case errors.Is(e.err, errEnd) && size > 0:
		// All bytes that were announced are here, but not all that were meant.
		return &TruncatedError{Call: call, Got: got, Want: size, Err: io.ErrUnexpectedEOF}
	case errors.Is(e.err, errEnd), errors.Is(e.err, errSyntax):
		return &NotJSONError{Call: call, Offset: e.offset, Err: e.err}
	}
	return e.err // *LockedError and its like
}
