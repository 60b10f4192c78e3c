package report_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	parser "golang.org/x/net/html"

	"healthsync/app/report"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// now is a morning; days are those of this machine, as the database's are.
var now = time.Date(2026, 3, 11, 9, 30, 0, 0, time.Local)

// at is a time of day, so many days ago.
func at(daysAgo, hour, minute int) int64 {
	return time.Date(now.Year(), now.Month(), now.Day()-daysAgo, hour, minute, 0, 0, time.Local).Unix()
}

type data struct {
	samples []health.Sample
	n       byte
}

func (d *data) add(t health.Type, source string, start int64, seconds int64, value float64, metadata string) {
	info, _ := health.Lookup(t)
	d.n++
	d.samples = append(d.samples, health.Sample{ID: health.UUID{15: d.n, 14: byte(len(d.samples) >> 8)}, Type: t,
		Start: start, End: start + seconds, Value: value, Unit: info.Unit, Source: source, Metadata: metadata})
}

func (d *data) store(t *testing.T, covered ...store.Covered) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "health.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Apply(t.Context(), &store.Change{Samples: d.samples, Covered: covered}); err != nil {
		t.Fatal(err)
	}
	return db
}

func collect(t *testing.T, db *store.Store) *report.Report {
	t.Helper()
	r, err := report.Collect(t.Context(), db, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func page(t *testing.T, r *report.Report) (string, *parser.Node) {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	doc, err := parser.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), doc
}

func attr(n *parser.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func series(t *testing.T, r *report.Report, typ health.Type) report.Series {
	t.Helper()
	i := slices.IndexFunc(r.Series, func(s report.Series) bool { return s.Type == typ })
	if i < 0 {
		t.Fatalf("no series of %s", typ)
	}
	return r.Series[i]
}

func TestFigures(t *testing.T) {
	var d data
	const watch, phone = "Ana’s Apple Watch", "Ana’s iPhone"
	for ago, steps := range []float64{1000, 8000, 0, 6000} { // today, yesterday, nothing, three days ago
		if steps > 0 {
			d.add(health.Steps, watch, at(ago, 8, 0), 600, steps, "")
		}
	}
	d.add(health.Steps, phone, at(1, 8, 0), 600, 7500, "") // in the pocket, the same steps
	d.add(health.DistanceWalkingRunning, watch, at(1, 8, 0), 600, 6400, "")
	d.add(health.HeartRate, watch, at(1, 8, 0), 0, 50, "")
	d.add(health.HeartRate, watch, at(1, 23, 59), 0, 150, "")
	d.add(health.HeartRateVariability, watch, at(40, 8, 0), 0, 0.048, "")
	// The night: the Watch knows the stages, the iPhone guesses less.
	d.add(health.SleepAnalysis, watch, at(1, 23, 0), 3*3600, float64(health.StageCore), "")
	d.add(health.SleepAnalysis, watch, at(0, 2, 0), 3600, float64(health.StageDeep), "")
	d.add(health.SleepAnalysis, watch, at(0, 3, 0), 600, float64(health.StageAwake), "")
	d.add(health.SleepAnalysis, watch, at(0, 3, 10), 7200, float64(health.StageREM), "")
	d.add(health.SleepAnalysis, phone, at(1, 23, 30), 5*3600, float64(health.StageAsleep), "")
	d.add(health.Workouts, watch, at(2, 18, 0), 3600, 3540,
		`{"activityType":"traditionalStrengthTraining","totalEnergyKilocalories":"311.5"}`)
	db := d.store(t,
		// two days were not read
		store.Covered{Type: health.Steps, Span: store.Span{From: -2208988800, To: at(3, 0, 0)}, At: 1},
		store.Covered{Type: health.Steps, Span: store.Span{From: at(1, 0, 0), To: at(0, 9, 0)}, At: 1},
		store.Covered{Type: health.HeartRate, Span: store.Span{From: at(20, 0, 0), To: at(0, 9, 0)}, At: 1})
	r := collect(t, db)

	steps := series(t, r, health.Steps)
	last := len(steps.Days) - 1
	for i, want := range []report.Point{
		{Has: true, Value: 1000, Partial: true}, {Has: true, Value: 8000},
		{Unread: true}, {Has: true, Value: 6000, Unread: true}, {},
	} {
		want.From = time.Unix(at(i, 0, 0), 0)
		if got := steps.Days[last-i]; !got.From.Equal(want.From) || got.Has != want.Has || got.Value != want.Value ||
			got.Min != want.Min || got.Max != want.Max || got.Partial != want.Partial || got.Unread != want.Unread {
			t.Errorf("steps %d days ago: %+v, want %+v", i, got, want)
		}
	}
	if m := steps.Months[report.Months-1]; !m.Has || m.Value != 7000 || !m.Partial || !m.Unread { // today is not over
		t.Errorf("steps of the month: %+v", m)
	}
	if len(steps.Days) != report.Days || len(steps.Months) != report.Months ||
		!steps.Months[0].From.Equal(time.Date(2025, 4, 1, 0, 0, 0, 0, time.Local)) {
		t.Errorf("%d days, %d months from %s", len(steps.Days), len(steps.Months), steps.Months[0].From)
	}
	if p := series(t, r, health.DistanceWalkingRunning).Days[last-1]; p.Value != 6.4 || p.Unread {
		t.Errorf("distance: %+v", p)
	}
	if p := series(t, r, health.HeartRate).Days[last-1]; p.Value != 100 || p.Min != 50 || p.Max != 150 {
		t.Errorf("heart rate: %+v", p)
	}
	if p := series(t, r, health.HeartRate).Days[0]; !p.Unread || p.Has {
		t.Errorf("heart rate before it was read: %+v", p)
	}
	hrv := series(t, r, health.HeartRateVariability)
	if p := hrv.Months[report.Months-3]; math.Abs(p.Value-48) > 1e-9 || hrv.Days[last].Has {
		t.Errorf("heart rate variability: %+v, %+v", p, hrv.Days[last])
	}
	n := r.Nights.Days[last]
	if n.Source != watch || n.Core != 180 || n.Deep != 60 || n.REM != 120 || n.Awake != 10 || n.Plain != 0 ||
		n.Asleep() != 360 {
		t.Errorf("the night: %+v", n)
	}
	w := r.Workouts.Latest
	if len(w) != 1 || w[0].Minutes != 59 || w[0].Kilocalories != 311.5 || w[0].Meter != 0 ||
		r.Workouts.Months[report.Months-1].Value != 59 {
		t.Errorf("workouts: %+v", r.Workouts)
	}
	if len(r.Sources) != 2 || r.Sources[0].Name != watch || r.Sources[1].Samples != 2 || r.Sources[1].Types != 2 {
		t.Errorf("sources: %+v", r.Sources)
	}
	text, _ := page(t, r)
	for _, want := range []string{"Traditional strength training", "6 h 00 min", "8,000", "50–150",
		"2 days still to be read", "all since 19 Feb 2026", "not read from an iPhone", "Shaded: not read from the iPhone completely."} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Whatever a device is called, the page is the same but for the words.
func TestStrangersTexts(t *testing.T) {
	shape := func(name string) (string, string) {
		var d data
		d.add(health.Steps, name, at(1, 8, 0), 600, 5000, "")
		d.add(health.Type("x"+name), name, at(1, 8, 0), 600, 5000, "")
		d.add(health.Workouts, name, at(2, 18, 0), 3600, 3540, `{"activityType":`+strconv.Quote(name)+`}`)
		r := collect(t, d.store(t))
		r.Device = name
		text, doc := page(t, r)
		var b strings.Builder
		for n := range doc.Descendants() {
			if n.Type == parser.ElementNode {
				b.WriteString(n.Data)
				for _, a := range n.Attr {
					b.WriteString(" " + a.Key)
				}
				b.WriteString("\n")
			}
		}
		return b.String(), text
	}
	want, _ := shape("Watch")
	for _, name := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</td></table></bdi>`,
		"' or 1=1 --", "\u202eevil", "&amp;", strings.Repeat("W", 3000), "a\x00b\x1b[31m\x7f\xff", "\ufdd0\uffff"} {
		got, text := shape(name)
		if got != want {
			t.Errorf("%.40q changes the page's elements", name)
		}
		if strings.Contains(text, "<script") || strings.ContainsAny(text, "\u202e\x00\x1b\x7f\ufdd0\uffff") {
			t.Errorf("%.40q is in the page as it is", name)
		}
	}
}

// What holds for every page, tried with that of an iPhone with all its types.
func TestPage(t *testing.T) {
	history, err := simulator.Generate(simulator.Plan{Seed: 1, From: now.AddDate(0, 0, -45), To: now,
		Location: time.Local})
	if err != nil {
		t.Fatal(err)
	}
	var d data
	for _, typ := range history.Types() {
		d.samples = append(d.samples, history.Samples(typ)...)
	}
	text, doc := page(t, collect(t, d.store(t)))

	ids, links := map[string]bool{}, []string{}
	charts, tables, headings := 0, 0, []string{}
	for n := range doc.Descendants() {
		if n.Type != parser.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
		switch n.Data {
		case "a":
			links = append(links, attr(n, "href"))
		case "script", "link", "img", "iframe", "object", "embed", "base", "form", "foreignobject", "use", "image":
			t.Errorf("there is a <%s>", n.Data)
		case "svg":
			if attr(n, "aria-hidden") == "" {
				charts++
				if attr(n, "role") != "img" || attr(n, "aria-label") == "" {
					t.Error("a chart has no text for who does not see it")
				}
			}
		case "table":
			tables++
		case "h2":
			headings = append(headings, n.FirstChild.Data)
		case "th":
			if attr(n, "scope") == "" {
				t.Error("a heading of a table without its scope")
			}
		case "html":
			if attr(n, "lang") != "en" {
				t.Error("no language")
			}
		}
	}
	for _, l := range links {
		if !ids[strings.TrimPrefix(l, "#")] {
			t.Errorf("a link leads to %s, which is not there", l)
		}
	}
	if got := strings.Join(headings, ", "); got != "Activity, Heart, Sleep, Body, Workouts, What is stored, Sources" {
		t.Errorf("chapters: %s", got)
	}
	if charts < 20 || tables < charts {
		t.Errorf("%d charts and %d tables: each chart has its figures in one", charts, tables)
	}
	if m := regexp.MustCompile(`(?i)(https?:)?//[a-z]|url\(|@import`).FindString(text); m != "" {
		t.Errorf("the page names another place: %q", m)
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error("a figure is no number")
	}
	// The policy lets in our style and nothing else.
	_, css, _ := strings.Cut(text, "<style>")
	css, _, _ = strings.Cut(css, "</style>")
	sum := sha256.Sum256([]byte(css))
	if !strings.Contains(text, "default-src &#39;none&#39;; style-src &#39;sha256-"+base64.StdEncoding.EncodeToString(sum[:])) {
		t.Error("the policy does not fit the style")
	}
	if !report.Is(strings.NewReader(text)) || report.Is(strings.NewReader("<!DOCTYPE html>\n<html>")) ||
		report.Is(strings.NewReader("")) {
		t.Error("the page is not told from another file")
	}
	contrasts(t, css)
}

// contrasts checks the colours as WCAG 2.2 wants them: 4.5 for text (1.4.3),
// on light and on dark.
func contrasts(t *testing.T, css string) {
	palettes := regexp.MustCompile(`:root\{[^}]*--page[^}]*\}`).FindAllString(css, -1)
	if len(palettes) != 3 {
		t.Fatalf("%d palettes", len(palettes))
	}
	for i, p := range palettes {
		c := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z]+):#([0-9a-f]+)`).FindAllStringSubmatch(p, -1) {
			c[m[1]] = luminance(m[2])
		}
		for _, name := range []string{"text", "soft", "activity", "heart", "sleep", "body", "training"} {
			for _, on := range []string{"card", "page"} {
				if ratio := (max(c[name], c[on]) + 0.05) / (min(c[name], c[on]) + 0.05); ratio < 4.5 {
					t.Errorf("palette %d: %s on %s has a contrast of %.1f", i, name, on, ratio)
				}
			}
		}
	}
}

func luminance(hex string) float64 {
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	v, _ := strconv.ParseUint(hex, 16, 32)
	channel := func(n uint64) float64 {
		s := float64(n&0xff) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(v>>16) + 0.7152*channel(v>>8) + 0.0722*channel(v)
}

func TestEmpty(t *testing.T) {
	var d data
	r := collect(t, d.store(t))
	text, _ := page(t, r)
	if !strings.Contains(text, "Nothing is stored yet") || len(r.Series) != 0 {
		t.Errorf("an empty database gives %s", text)
	}
}

// The period is that of the samples, whatever stands first in the table.
func TestPeriod(t *testing.T) {
	day := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.Local) }
	r := &report.Report{Made: day(2026), Samples: 2,
		Stored: []report.Stored{{Name: "Deleted"}, {Name: "Steps", Count: 2, First: day(2020), Last: day(2021)}}}
	if text, _ := page(t, r); !strings.Contains(text, "1 Jan 2020 to 1 Jan 2021") {
		t.Error("the period is not from the oldest sample to the newest")
	}
}

// A report that is not wanted any more ends.
func TestCancelled(t *testing.T) {
	var d data
	d.add(health.Steps, "x", at(1, 8, 0), 600, 5000, "")
	db := d.store(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := report.Collect(ctx, db, now); err == nil {
		t.Error("no error")
	}
}

// The walk over the days comes past one that has no midnight.
func TestDaysWithoutMidnight(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	var d data
	for day := range 20 {
		d.add(health.Steps, "Ana's iPhone", time.Date(2026, 9, 1+day, 12, 0, 0, 0, zone).Unix(), 60, 100, "")
	}
	r, err := report.Collect(t.Context(), d.store(t), time.Date(2026, 9, 20, 9, 0, 0, 0, zone))
	if err != nil {
		t.Fatal(err)
	}
	s := series(t, r, health.Steps)
	dates := map[string]bool{}
	for _, p := range s.Days {
		dates[p.From.Format(time.DateOnly)] = true
	}
	if len(dates) != len(s.Days) || !dates["2026-09-06"] {
		t.Errorf("%d days have %d dates; the 6th is among them: %v", len(s.Days), len(dates), dates["2026-09-06"])
	}
	for _, p := range s.Months {
		if p.From.Day() != 1 || p.From.Hour() > 1 {
			t.Errorf("a month begins %s", p.From)
		}
	}
}
