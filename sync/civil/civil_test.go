package civil_test

import (
	"fmt"
	"testing"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/testenv"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	return loc
}

// Days that do not begin at midnight, and their neighbours.
func TestStart(t *testing.T) {
	for _, c := range []struct{ zone, day, want string }{
		// The clock goes forward at midnight: the day begins at one.
		{"America/Santiago", "2026-09-05", "2026-09-05T00:00:00-04:00"},
		{"America/Santiago", "2026-09-06", "2026-09-06T01:00:00-03:00"},
		{"America/Santiago", "2026-09-07", "2026-09-07T00:00:00-03:00"},
		{"America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00"},
		{"America/Sao_Paulo", "2017-10-15", "2017-10-15T01:00:00-02:00"},
		{"Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"},
		{"Asia/Beirut", "2026-03-29", "2026-03-29T01:00:00+03:00"},
		// It goes back at midnight: eleven o'clock of the day before comes twice.
		{"America/Santiago", "2026-04-05", "2026-04-05T00:00:00-04:00"},
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T00:00:00-03:00"},
		{"Africa/Cairo", "2026-10-30", "2026-10-30T00:00:00+02:00"},
		{"Asia/Beirut", "2026-10-25", "2026-10-25T00:00:00+02:00"},
		// It goes back to midnight, which comes twice: the first one.
		{"America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00"},
		// A minute past midnight it went back across it: the first one.
		{"America/St_Johns", "2010-11-07", "2010-11-07T00:00:00-02:30"},
		// Half an hour, at two.
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-05T00:00:00+11:00"},
		{"Australia/Lord_Howe", "2026-10-05", "2026-10-05T00:00:00+11:00"},
		// Samoa changed sides of the date line and left a day out.
		{"Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00"},
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},
		{"Pacific/Apia", "2011-12-31", "2011-12-31T00:00:00+14:00"},
		{"Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00"},
		{"America/Santiago", "2040-12-31", "2040-12-31T00:00:00-03:00"},
		{"UTC", "2024-02-29", "2024-02-29T00:00:00Z"},
	} {
		d, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		got := civil.Start(d.Year(), d.Month(), d.Day(), zone(t, c.zone))
		if got.Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s begins %s, want %s", c.day, c.zone, got.Format(time.RFC3339), c.want)
		}
	}
}

// In every zone a day begins where the one before ends, within the day or, where
// it was left out, later; and no moment before has its date.
func TestEveryDayFollows(t *testing.T) {
	for _, name := range []string{"America/Santiago", "America/Havana", "America/Sao_Paulo", "America/Asuncion",
		"Africa/Cairo", "Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Pacific/Apia", "Australia/Lord_Howe",
		"America/St_Johns", "Atlantic/Azores", "Europe/London"} {
		loc := zone(t, name)
		start := civil.Start(1990, 1, 1, loc)
		for day := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2060; day = day.AddDate(0, 0, 1) {
			next := civil.Start(day.Year(), day.Month(), day.Day()+1, loc)
			if got := next.Sub(start); got < 22*time.Hour && got != 0 || got > 26*time.Hour {
				t.Fatalf("%s: %s has %s", name, day.Format(time.DateOnly), got)
			}
			if start.Format(time.DateOnly) < day.Format(time.DateOnly) {
				t.Fatalf("%s: %s begins %s", name, day.Format(time.DateOnly), start)
			}
			if before := start.Add(-time.Second); before.Format(time.DateOnly) >= day.Format(time.DateOnly) {
				t.Fatalf("%s: %s is before %s began", name, before, day.Format(time.DateOnly))
			}
			start = next
		}
	}
}

// A stretch is of one date and of one offset, and ends where either ends.
func TestStretch(t *testing.T) {
	for _, name := range []string{"America/Santiago", "America/Havana", "America/St_Johns", "Australia/Lord_Howe",
		"Pacific/Apia", "UTC"} {
		loc := zone(t, name)
		date := func(unix int64) string { return time.Unix(unix, 0).In(loc).Format("2006-01-02 -0700") }
		end := time.Date(2012, 1, 10, 0, 0, 0, 0, time.UTC).Unix()
		for at := civil.Start(2010, 10, 1, loc).Unix(); at < end; {
			from, until := civil.Stretch(time.Unix(at, 0).In(loc))
			if from != at || until <= at {
				t.Fatalf("%s: [%d, %d) at %d, where the one before ended", name, from, until, at)
			}
			if date(until-1) != date(at) || date(until) == date(at) {
				t.Fatalf("%s: from %s to %s, then %s", name, date(at), date(until-1), date(until))
			}
			at = until
		}
	}
}

func ExampleStart() {
	loc, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return
	}
	fmt.Println(time.Date(2026, 9, 6, 0, 0, 0, 0, loc).Format(time.RFC3339))
	fmt.Println(civil.Start(2026, 9, 6, loc).Format(time.RFC3339))
	// Output:
	// 2026-09-05T23:00:00-04:00
	// 2026-09-06T01:00:00-03:00
}
