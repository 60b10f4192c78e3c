package vault

import (
	"fmt"
	"io"
	"log/slog"
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

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb; without it %x and %d would print
// the bytes.
func (Secret) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// clone copies the bytes: a call that timed out may still read them when the
// caller has gone on. It has no spare capacity, because go-keychain's NewSecret
// appends its padding to the slice that it is given.
func (s Secret) clone() Secret { return append(make(Secret, 0, len(s)), s...) }
