package phone

import (
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthsync/pki"
	"healthsync/sync/health"
)

// message reads a small answer, one object, into a struct; check says what is
// not there or not as agreed. Unknown members are passed over.
func message(into any, check func() error) func(io.Reader) error {
	return func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if v := jsontext.Value(raw); v.Compact() == nil && string(v) == "{}" {
			return errNothing
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return err
		}
		return check()
	}
}

// wholeSeconds is a date of an answer, as the app's are.
func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// maxTypes and maxTypeName bound the list of types; the app has 31.
const (
	maxTypes    = 1000
	maxTypeName = 128
)

// typesOf checks the list of types of an answer. A type that is listed twice is
// there once.
func typesOf(names []string) ([]health.Type, error) {
	if names == nil {
		return nil, &fieldError{"enabledTypes", "missing"}
	}
	types := []health.Type{}
	for _, name := range names {
		if name == "" || len(name) > maxTypeName || len(types) == maxTypes {
			return nil, &fieldError{"enabledTypes", "too many types, or a name that cannot be one"}
		}
		if !slices.Contains(types, health.Type(name)) {
			types = append(types, health.Type(name))
		}
	}
	return types, nil
}

func certificateOf(field, text string) (*x509.Certificate, error) {
	if text == "" {
		return nil, &fieldError{field, "missing"}
	}
	cert, err := pki.DecodeCertificate([]byte(text))
	if err != nil {
		return nil, &fieldError{field, err.Error()}
	}
	return cert, nil
}

// explain gives the error of call for a body of size bytes, of which got were
// read, that arrived and is not as agreed. What stands in the body may be health
// data and is not shown.
func explain(err error, call Call, got, size int64) error {
	sample := -1
	var (
		at       *sampleError
		field    *fieldError
		syntax   *jsontext.SyntacticError
		semantic *json.SemanticError
	)
	if errors.As(err, &at) {
		sample = at.Index
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNothing):
		return &EmptyAnswerError{Call: call}
	case errors.As(err, &field):
		return &AnswerError{Call: call, Field: field.Field, Reason: field.Reason, Sample: sample}
	case errors.Is(err, errTooMany):
		return &AnswerError{Call: call, Reason: err.Error(), Sample: sample}
	case errors.As(err, &semantic):
		return &AnswerError{Call: call, Field: semantic.JSONPointer.LastToken(), Reason: "not of the agreed kind", Sample: sample}
	case errors.Is(err, io.ErrUnexpectedEOF) && size > 0:
		// All bytes that were announced are here, but not all that were meant.
		return &TruncatedError{Call: call, Got: got, Want: size, Err: io.ErrUnexpectedEOF}
	case errors.As(err, &syntax):
		return &NotJSONError{Call: call, Offset: syntax.ByteOffset, Err: errSyntax}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &NotJSONError{Call: call, Offset: got, Err: errSyntax}
	}
	return err // *LockedError and its like
}

var errSyntax = errors.New("not JSON")
