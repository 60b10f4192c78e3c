package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"time"

	"golang.org/x/net/html"

	"healthsync/app/words"
)

// Generator marks the page as ours, near its beginning.
const Generator = "HealthSync report"

// Write writes the page.
func Write(out io.Writer, r *Report) error {
	main := el("main", at("id", "figures"))
	if r.Samples == 0 {
		add(main, el("p", class("note"), "Nothing is stored yet. Sync once, then make the report again."))
	} else {
		add(main, r.cards())
		add(main, r.charts()...)
		add(main, r.training(), r.storedTable(), r.sourcesTable())
	}
	page := el("html", at("lang", "en"), r.head(), el("body",
		el("a", class("skip"), at("href", "#figures"), "Skip to the figures"),
		r.top(), main, r.foot()))
	if _, err := io.WriteString(out, "<!DOCTYPE html>\n"); err != nil {
		return err
	}
	return html.Render(out, page)
}

func (r *Report) head() node {
	meta := func(name, content string) node { return el("meta", at("name", name), at("content", content)) }
	// Nothing is loaded from anywhere, whatever a text in the page may try.
	sum := sha256.Sum256([]byte(css))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'none'; base-uri 'none'"
	return el("head",
		el("meta", at("charset", "utf-8")),
		meta("generator", Generator),
		el("meta", at("http-equiv", "Content-Security-Policy"), at("content", policy)),
		meta("viewport", "width=device-width, initial-scale=1"),
		meta("color-scheme", "light dark"),
		meta("robots", "noindex"),
		meta("referrer", "no-referrer"),
		el("title", "Health data, "+r.Made.Format("2 January 2006")),
		el("style", css))
}

func (r *Report) top() node {
	const moment = "2 January 2006 at 15:04"
	about := el("p", class("soft"))
	if r.Device != "" {
		add(about, el("span", "From ", name(r.Device), " · "))
	}
	text := "made on " + r.Made.Format(moment)
	if !r.LastSync.IsZero() {
		text += " · last sync " + r.LastSync.Format(moment)
	}
	add(about, el("span", text))
	out := el("header", el("h1", "Health data"), about)
	if r.Samples > 0 {
		add(out, el("p", class("soft"), words.Plural(r.Samples, "sample")+" of "+words.Plural(r.types(),
			"type")+" by "+words.Plural(len(r.Sources), "source")+", "+r.period()))
	}
	return out
}

// types counts those that have samples.
func (r *Report) types() int {
	n := 0
	for _, s := range r.Stored {
		if s.Count > 0 {
			n++
		}
	}
	return n
}

// period is from the oldest sample to the newest.
func (r *Report) period() string {
	var first, last time.Time
	for _, s := range r.Stored {
		if s.Count == 0 {
			continue
		}
		if first.IsZero() || s.First.Before(first) {
			first = s.First
		}
		if s.Last.After(last) {
			last = s.Last
		}
	}
	return day(first) + " to " + day(last)
}

// charted are the chapters that have series or nights, in their order.
var charted = []Group{Activity, Heart, Sleep, Body}

// class is the colour of a chapter.
func (g Group) class() string { return strings.ToLower(string(g)) }

// section is a chapter of panels.
func (g Group) section(panels ...node) node {
	return el("section", el("h2", class(g.class()), string(g)), el("div", class("panels"), panels))
}

// panel is one figure of a chapter; facts is a line of figures, id may be "".
func (g Group) panel(id, title, facts string, content ...node) node {
	out := el("article", class("panel "+g.class()))
	if id != "" {
		out.Attr = append(out.Attr, at("id", id))
	}
	top := el("div", class("top"), el("h3", title))
	if facts != "" {
		add(top, el("p", class("facts"), facts))
	}
	add(out, top)
	add(out, content...)
	return out
}

func figureOf(caption string, drawing node) node {
	return el("figure", el("figcaption", caption), drawing)
}

func (r *Report) charts() []node {
	var out []node
	for _, g := range charted {
		var panels []node
		if g == Sleep {
			panels = r.sleep()
		}
		for _, s := range r.Series {
			if s.Group == g {
				panels = append(panels, s.panel())
			}
		}
		if len(panels) > 0 {
			out = append(out, g.section(panels...))
		}
	}
	return out
}

// The heights of the charts of days and of months.
const (
	dayHeight   = 150.0
	monthHeight = 110.0
)

func (s Series) panel() node {
	captions := map[Kind][2]string{
		Total: {"The last 30 days; the dashed line is their mean", "The daily mean of each month"},
		Mean:  {"The last 30 days", "The mean of each month"},
		Range: {"The last 30 days, from the lowest to the highest; the notch is the mean",
			"Each month, from the lowest to the highest"},
	}[s.Kind]
	days := s.draw(s.Days, dayHeight, false, s.Name+" in the last 30 days. "+s.facts())
	months := s.draw(s.Months, monthHeight, true,
		s.Name+" in the last 12 months, by month. The figures are in the table below.")
	out := s.Group.panel(s.ID, s.Name, s.facts(), figureOf(captions[0], days), figureOf(captions[1], months), s.table())
	if unread(s.Days) || unread(s.Months) {
		add(out, el("p", class("note"), "Shaded: not read from the iPhone completely."))
	}
	return out
}

func unread(points []Point) bool {
	for _, p := range points {
		if p.Unread {
			return true
		}
	}
	return false
}

// facts are the most useful figures in a line.
func (s Series) facts() string {
	var facts []string
	today := s.Days[len(s.Days)-1]
	if s.Kind == Total && today.Has {
		facts = append(facts, "today "+s.figure(today.Value)+" so far")
	}
	if m, ok := mean(s.Days, s.Kind == Total); ok {
		facts = append(facts, "30-day mean "+s.figure(m))
	}
	if m, ok := mean(s.Months, false); ok {
		facts = append(facts, "12-month mean "+s.figure(m))
	}
	return strings.Join(facts, " · ")
}

func (r *Report) sleep() []node {
	n := r.Nights
	if len(n.Days) == 0 {
		return nil
	}
	mean := func(what string, nights []Night) string { return meanNights(nights, what) }
	days, months := mean("30-day mean ", n.Days), mean("12-month mean ", n.Months)
	return []node{
		Sleep.panel("sleep", "Nights", days,
			figureOf("The last 30 nights", drawNights(n.Days, dayHeight+40, false,
				"Sleep in the last 30 nights, by stage. "+days)),
			legend(n.Days), nightTable(n.Days, "The last 30 nights", "Mon 2 January 2006")),
		Sleep.panel("", "Months", months,
			figureOf("The mean night of each month",
				drawNights(n.Months, dayHeight+40, true,
					"The mean night of each of the last 12 months, by stage. "+months)),
			legend(n.Months), nightTable(n.Months, "The last 12 months", "January 2006")),
	}
}

func meanNights(nights []Night, what string) string {
	sum, n := 0.0, 0.0
	for _, x := range nights {
		if x.Has {
			sum += x.Asleep()
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return what + hours(sum/n) + " asleep"
}

// legend names the stages in the chart, in the order of the bars from the bottom up.
func legend(nights []Night) node {
	out := el("ul", class("legend"))
	for _, s := range stages {
		sum := 0.0
		for _, n := range nights {
			sum += s.of(n)
		}
		if sum > 0 {
			box := el("rect", class(s.class), num("width", 10), num("height", 10), num("rx", 2))
			add(out, el("li", el("svg", at("viewBox", "0 0 10 10"), at("aria-hidden", "true"), box), s.name))
		}
	}
	return out
}

func (r *Report) foot() node {
	zone, _ := r.Made.Zone()
	return el("footer",
		el("p", "Totals are of the day where they were measured, and what two devices measured at the same time counts once. Everything else goes by the days of this computer's zone ("+zone+"); a night belongs to the day of waking. Means are of the days that have a figure. These are your own records, not a diagnosis."),
		el("p", "Made by "+strings.TrimSpace("HealthSync "+r.Version)+" from the database on this computer. The page loads nothing from anywhere; it holds health data, so mind where you put it."))
}

// Is reports that what is read is a page of ours.
func Is(r io.Reader) bool {
	head := make([]byte, 512)
	n, _ := io.ReadFull(r, head) // a short file is not a page
	return bytes.HasPrefix(head[:n], []byte("<!DOCTYPE html>")) &&
		bytes.Contains(head[:n], []byte(`name="generator" content="`+Generator+`"`))
}
