// Package words writes numbers, dates and texts as a person reads them.
//
// Dates follow one rule. A day that a certificate, a token or a pairing begins
// or ends on is the day in UTC, as openssl shows it, so that every command and
// every computer names the same one. What happened here (a sync, a pairing, a
// line of the log) is told in local time.
package words

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Day writes a day of a certificate, token or pairing (in UTC): 7 January 2027.
func Day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// ISODay is Day as the user guide writes it in lists: 2027-01-07.
func ISODay(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Moment writes when something happened here: 2027-01-07 15:04:05.
func Moment(t time.Time) string { return t.Local().Format(time.DateTime) }

// Clock writes a moment of today: 15:04:05.
func Clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// LocalDay writes the day on which something happened here: 7 January 2027.
func LocalDay(t time.Time) string { return t.Local().Format("2 January 2006") }

// Span writes a length of time in one unit, of which there are two or more
// unless it is a minute or a second: 16 days, 47 hours, 119 minutes.
func Span(d time.Duration) string {
	d = d.Abs()
	switch {
	case d >= 2*365*24*time.Hour:
		return Plural(int64(d.Hours()/24/365.25), "year")
	case d >= 48*time.Hour:
		return Plural(int64(d.Hours()/24), "day")
	case d >= 2*time.Hour:
		return Plural(int64(d.Hours()), "hour")
	case d >= time.Minute:
		return Plural(int64(d.Minutes()), "minute")
	}
	return Plural(int64(d.Seconds()), "second")
}

// Number writes a number with so many decimals and commas: 8,412.5.
func Number(v float64, decimals int) string {
	whole, rest, fraction := strings.Cut(strconv.FormatFloat(v, 'f', decimals, 64), ".")
	whole = commas(whole)
	if fraction {
		whole += "." + rest
	}
	if strings.Trim(whole, "-0.,") == "" {
		return strings.TrimPrefix(whole, "-")
	}
	return whole
}

// Count writes a whole number with commas: 1,204.
func Count[N int | int64](n N) string { return commas(strconv.FormatInt(int64(n), 10)) }

func commas(digits string) string {
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Plural writes a number with its noun: 1 sample, 1,204 samples.
func Plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Capital makes the first letter a capital.
func Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Sentence gives a text a capital and a full stop.
func Sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".?!") {
		return Capital(s)
	}
	return Capital(s) + "."
}

// Safe makes a text that somebody else chose fit for a line of a terminal or a
// menu: no control characters, none that turn the direction of what follows
// (Trojan Source, CVE-2021-42574), at most limit characters.
func Safe(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200d', unicode.IsPrint(r) && r != utf8.RuneError: // U+200D joins emoji
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

// ShellWord quotes a text so that a shell takes it as one word.
func ShellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
