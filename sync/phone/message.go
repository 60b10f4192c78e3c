package phone

import (
	"crypto/x509"
	"errors"
	"io"
	"slices"

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

// maxTypes and maxTypeName bound the list of types; the app has 31.
const (
	maxTypes    = 1000
	maxTypeName = 128
)

// typesOf checks the list of types of an answer. A type that is listed twice is
// there once.
func typesOf(names []string) ([]health.Type, error) {
	if names == nil {
		return nil, wrong("enabledTypes", "missing")
	}
	types := []health.Type{}
	for _, name := range names {
		if name == "" || len(name) > maxTypeName || len(types) == maxTypes {
			return nil, wrong("enabledTypes", "too many types, or a name that cannot be one")
		}
		if !slices.Contains(types, health.Type(name)) {
			types = append(types, health.Type(name))
		}
	}
	return types, nil
}

func certificateOf(field, text string) (*x509.Certificate, error) {
	if text == "" {
		return nil, wrong(field, "missing")
	}
	cert, err := pki.DecodeCertificate([]byte(text))
	if err != nil {
		return nil, wrong(field, err.Error())
	}
	return cert, nil
}

// explain gives the error of call for a body of size bytes, of which got were
// read, that arrived and is not as agreed. What is in the body may be health
// data and is not shown.
func explain(err error, call Call, got, size int64) error {
	var (
		answer   *AnswerError
		syntax   *jsontext.SyntacticError
		semantic *json.SemanticError
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNothing):
		return &EmptyAnswerError{Call: call}
	case errors.As(err, &answer):
		answer.Call = call
		return answer
	case errors.As(err, &semantic):
		answer = wrong(semantic.JSONPointer.LastToken(), "not of the agreed kind")
		answer.Call = call
		return answer
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
