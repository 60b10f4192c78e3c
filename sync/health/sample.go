// Package health holds what the iPhone measures: samples, their types and
// their units. It is plain data and knows nothing of the network, of the
// database or of a screen.
package health

import (
	"fmt"
	"time"
)

// UUID is the identity HealthKit gives a sample. It is unique within a [Type]
// only: the iPhone app serves one sleep sample under several types
// (sleepAnalysis, sleepCore, …) with one UUID.
type UUID [16]byte

// ParseUUID reads the 36-character form in either case, with hyphens where
// RFC 9562 section 4 puts them.
func ParseUUID[T string | []byte](s T) (UUID, error) {
	var u UUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, fmt.Errorf("health: a UUID has the form 8-4-4-4-12, not %d bytes of something else", len(s))
	}
	n := 0
	for i := 0; i < 36; {
		if s[i] == '-' {
			i++
			continue
		}
		hi, lo := unhex(s[i]), unhex(s[i+1])
		if hi > 15 || lo > 15 {
			return UUID{}, fmt.Errorf("health: a UUID has hexadecimal digits only")
		}
		u[n] = hi<<4 | lo
		n++
		i += 2
	}
	return u, nil
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// String gives the upper-case form, as Apple's Foundation writes it.
func (u UUID) String() string {
	var b [36]byte
	return string(u.Append(b[:0]))
}

// Append appends the upper-case form to b.
func (u UUID) Append(b []byte) []byte {
	const digits = "0123456789ABCDEF"
	for i, c := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// Sample is one measurement as the iPhone served it. Its identity is
// (ID, Type).
type Sample struct {
	ID   UUID
	Type Type
	// Start and End are Unix seconds, UTC. The wire has whole seconds only:
	// the app cuts fractions off before it sends.
	Start, End int64
	// Value is in Unit. For sleep it is the stage, for a workout its duration.
	Value  float64
	Unit   string
	Source string
	// Metadata is a JSON object of string to string with sorted keys, or ""
	// where the sample has none.
	Metadata string
}

// StartTime is Start as a time in UTC.
func (s *Sample) StartTime() time.Time { return time.Unix(s.Start, 0).UTC() }

// Query asks the phone for samples of Types that start in [Start, End), in
// Unix seconds. The phone answers newest first over all types together.
// Whether a sample that starts exactly at End belongs is HealthKit's business:
// a caller overlaps by a second and drops what it has by identity.
type Query struct {
	Types      []Type
	Start, End int64
	// Limit is the most samples of an answer: 1 to MaxLimit.
	Limit int
	// Offset skips that many of the newest. It costs the phone dearly (it
	// reads Limit+Offset+1 samples of every type): only for more than
	// MaxLimit samples within one second.
	Offset int
}

// MaxLimit is the most samples the phone puts into one answer; it lowers a
// higher limit without a word.
const MaxLimit = 10_000

// Page is one answer. A caller that passes the same Page again lets its
// memory be used again; what it wants to keep it must copy before.
type Page struct {
	Samples []Sample
	// HasMore says that more samples match than were returned. It lies for
	// the sleep stages other than SleepAnalysis (filtered after the limit).
	HasMore bool
	// Bytes is the size of the answer's body on the wire.
	Bytes int64
}
