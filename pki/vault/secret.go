package vault

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
)

const redacted = "[redacted]"

// Secret is a secret's bytes. Converting it to []byte or string is deliberate
// and easy; printing, logging or encoding it gives "[redacted]", whatever the
// verb or the encoder, so that it cannot slip into a log or a report. One hole
// is fmt's: it calls no methods on unexported struct fields, so a struct that
// keeps a Secret must not be printed whole.
type Secret []byte

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// Format writes "[redacted]" for every verb; without it %x and %d would print
// the bytes.
func (Secret) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", in JSON and XML too.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// clone copies the bytes: a call that timed out may still read them when the
// caller has gone on.
func (s Secret) clone() Secret { return slices.Clone(s) }

// checkSecret refuses a name that is none, and an empty secret: the keychain
// answers a query for one with success and no data, like absence.
func checkSecret(f Failure, s Secret) error {
	if err := f.checkName(); err != nil {
		return err
	}
	if len(s) == 0 {
		f.Detail = "the secret is empty"
		return &FailedError{f}
	}
	return nil
}
