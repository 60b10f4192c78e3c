package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// JSONError says what is wrong with a JSON file of ours.
type JSONError struct {
	Reason string
	Err    error
}

func (e *JSONError) Error() string { return e.Reason }

// Unwrap gives the decoder's error.
func (e *JSONError) Unwrap() error { return e.Err }

// ExplainJSON rewords errors of encoding/json, which mention Go types.
func ExplainJSON(err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return &JSONError{"it is empty", err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &JSONError{"it breaks off in the middle", err}
	case errors.As(err, &syntax):
		return &JSONError{fmt.Sprintf("it is not JSON from byte %d on", syntax.Offset), err}
	case errors.As(err, &typed) && typed.Field != "":
		return &JSONError{fmt.Sprintf("%s cannot be a %s", typed.Field, typed.Value), err}
	case errors.As(err, &typed):
		return &JSONError{fmt.Sprintf("it is a %s, not an object", typed.Value), err}
	}
	// DisallowUnknownFields has no error of its own type (encoding/json, Go 1.26).
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &JSONError{"there is no setting " + name, err}
	}
	return err
}
