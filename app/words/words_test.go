package words_test

import (
	"testing"
	"time"

	"healthsync/app/words"
)

func TestWords(t *testing.T) {
	for _, c := range [][2]string{
		{words.Count(0), "0"}, {words.Count(999), "999"}, {words.Count(1000), "1,000"}, {words.Count(-1234567), "-1,234,567"},
		{words.Plural(1, "sample"), "1 sample"}, {words.Plural(2000, "sample"), "2,000 samples"},
		{words.Number(8412.46, 1), "8,412.5"}, {words.Number(-0.01, 1), "0.0"}, {words.Number(1e6, 0), "1,000,000"},
		{words.Span(59 * time.Second), "59 seconds"}, {words.Span(time.Minute), "1 minute"},
		{words.Span(119 * time.Minute), "119 minutes"}, {words.Span(-2 * time.Hour), "2 hours"},
		{words.Span(47 * time.Hour), "47 hours"}, {words.Span(48 * time.Hour), "2 days"}, {words.Span(800 * 24 * time.Hour),
			"2 years"},
		{words.Capital("éa"), "Éa"}, {words.Capital(""), ""}, {words.Sentence("is it?"), "Is it?"}, {words.Sentence("no"),
			"No."},
		{words.ShellWord("it's"), `'it'\''s'`},
		{words.Safe("  a\n\tb\x00\u202ec ", 9), "a bc"}, {words.Safe("abcdef", 4), "abc…"}, {words.Safe("👩\u200d⚕️", 9),
			"👩\u200d⚕️"},
		{words.Safe("\x1b[31mred\xff", 99), "[31mred"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}

// One certificate ends on one day, wherever its reader is; what happened here
// did so on the day that the wall showed.
func TestDays(t *testing.T) {
	east := time.FixedZone("", 14*3600)
	defer func(l *time.Location) { time.Local = l }(time.Local)
	time.Local = east
	at := time.Date(2027, 11, 28, 1, 0, 0, 0, east)
	if words.Day(at) != "27 November 2027" || words.ISODay(at) != "2027-11-27" ||
		words.LocalDay(at) != "28 November 2027" {
		t.Errorf("%s, %s, %s", words.Day(at), words.ISODay(at), words.LocalDay(at))
	}
}
