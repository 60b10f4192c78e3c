package menubar

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"healthsync/app/state"
)

// How much of a text is drawn, in characters. A device's name is anyone's
// text; a row that is wider than the screen shows nothing.
const (
	nameLength = 40
	lineLength = 110
)

// plain makes a text fit for a row: one line, no control characters, none that
// turn the direction of what follows (Trojan Source, CVE-2021-42574), at most
// limit characters.
func plain(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200d' || unicode.IsPrint(r): // U+200D joins emoji
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:limit-1])) + "…"
}

// leadIns end a remedy that leads to a command. In the menu a click takes the
// command's place, so they would lead nowhere (tested against the table).
var leadIns = []struct{ end, menu string }{
	{" and run the command again", " and try again"},
	{" and run", ""},
	{", then", ""},
	{"; or let this command wait", ""},
	{"; what it shares now is listed by", ""},
	{"; see how far it is", ""},
	{" with the output of", " with what this shows"},
}

// withoutCommand is a remedy's text where no command follows it.
func withoutCommand(text string) string {
	for _, l := range leadIns {
		if head, ok := strings.CutSuffix(text, l.end); ok {
			return head + l.menu
		}
	}
	return text
}

// sentence gives a text a capital.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// number writes 1204 as 1,204.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// span writes a length of time in its largest fitting unit.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return count(int64(d/(24*time.Hour)), "day")
	case d >= 2*time.Hour:
		return count(int64(d/time.Hour), "hour")
	case d >= time.Minute:
		return count(int64(d/time.Minute), "minute")
	}
	return count(int64(d/time.Second), "second")
}

// ago writes how long something is past. A moment that lies ahead is one of
// a clock that was set back: it was just now, as far as anyone can tell.
func ago(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return span(d) + " ago"
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
		return fmt.Sprintf("%s, %s left", state, span(left))
	}
	return fmt.Sprintf("%s, %s left", state, count(int64(left/(24*time.Hour)), "day"))
}
