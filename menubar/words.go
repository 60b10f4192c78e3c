package menubar

import (
	"fmt"
	"strings"
	"time"

	"healthsync/app/state"
	"healthsync/app/words"
)

// How much of a text is drawn, in characters. A device's name is anyone's
// text; a row that is wider than the screen shows nothing.
const (
	nameLength = 40
	lineLength = 110
)

// ago writes how long something is past. A moment that lies ahead is one of
// a clock that was set back: it was just now, as far as anyone can tell.
func ago(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return words.Span(d) + " ago"
}

// day writes a date as the menu does: 7 Jan 2027.
func day(t, now time.Time) string { return t.In(now.Location()).Format("2 Jan 2006") }

// owner says whose a credential is, at the head of a sentence.
func owner(name string) string {
	switch name {
	case "client":
		return "This computer's certificate"
	case "server":
		return "The iPhone's certificate"
	case "ca":
		return "The CA certificate"
	case "token":
		return "The pairing"
	}
	return "A certificate"
}

// credential says how it stands with one: valid, 364 days left.
func credential(c state.Credential, now time.Time) string {
	state := strings.ToLower(c.Status)
	switch {
	case c.NotAfter.IsZero():
		return state
	case c.Ended(now):
		return "expired on " + day(c.NotAfter, now)
	case c.Advisory:
		return "pinned, dated until " + day(c.NotAfter, now)
	}
	left := c.NotAfter.Sub(now)
	if left < 48*time.Hour {
		return fmt.Sprintf("%s, %s left", state, words.Span(left))
	}
	return fmt.Sprintf("%s, %s left", state, words.Plural(int64(left/(24*time.Hour)), "day"))
}
