package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"math"
	"strings"

	"healthsync/app/report/html"
)

// Generator marks the page as ours, near its beginning.
const Generator = "HealthSync report"

// Write writes the page.
func Write(out io.Writer, r *Report) error {
	w := html.New(out)
	w.Open("html", html.Attr("lang", "en"))
	r.head(w)
	w.Open("body")
	w.Element("a", "Skip to the figures", html.Class("skip"), html.Attr("href", "#figures"))
	r.top(w)
	w.Open("main", html.Attr("id", "figures"))
	if r.Samples == 0 {
		w.Element("p", "Nothing is stored yet. Sync once, then make the report again.", html.Class("note"))
	} else {
		r.cards(w)
		r.charts(w)
		r.training(w)
		r.storedTable(w)
		r.sourcesTable(w)
	}
	w.Close("main")
	r.foot(w)
	w.Close("body")
	w.Close("html")
	return w.End()
}

func (r *Report) head(w *html.Writer) {
	w.Open("head")
	w.Void("meta", html.Attr("charset", "utf-8"))
	w.Void("meta", html.Attr("name", "generator"), html.Attr("content", Generator))
	// Nothing is loaded from anywhere, whatever a text in the page may try.
	sum := sha256.Sum256([]byte(css))
	w.Void("meta", html.Attr("http-equiv", "Content-Security-Policy"), html.Attr("content", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; form-action 'none'; base-uri 'none'"))
	w.Void("meta", html.Attr("name", "viewport"), html.Attr("content", "width=device-width, initial-scale=1"))
	w.Void("meta", html.Attr("name", "color-scheme"), html.Attr("content", "light dark"))
	w.Void("meta", html.Attr("name", "robots"), html.Attr("content", "noindex"))
	w.Void("meta", html.Attr("name", "referrer"), html.Attr("content", "no-referrer"))
	w.Element("title", "Health data, "+r.Made.Format("2 January 2006"))
	w.Style(css)
	w.Close("head")
}

func (r *Report) top(w *html.Writer) {
	w.Open("header")
	w.Element("h1", "Health data")
	w.Open("p", html.Class("soft"))
	if r.Device != "" {
		w.Text("From ")
		w.Name(r.Device)
		w.Text(" · ")
	}
	w.Text("made on " + r.Made.Format("2 January 2006 at 15:04"))
	if !r.LastSync.IsZero() {
		w.Text(" · last sync " + r.LastSync.Format("2 January 2006 at 15:04"))
	}
	w.Close("p")
	if r.Samples > 0 {
		w.Element("p", count(r.Samples, "sample")+" of "+count(int64(r.types()), "type")+" by "+count(int64(len(r.Sources)), "source")+", "+r.period(), html.Class("soft"))
	}
	w.Close("header")
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
	var first, last = r.Made, r.Made
	for i, s := range r.Stored {
		if s.Count > 0 && s.First.Before(first) {
			first = s.First
		}
		if s.Count > 0 && (i == 0 || s.Last.After(last)) {
			last = s.Last
		}
	}
	return day(first) + " to " + day(last)
}

// card is one figure at a glance.
type card struct {
	class, id, name, value, unit, about string
}

func (r *Report) cards(w *html.Writer) {
	var cards []card
	for _, g := range charted {
		for _, s := range r.Series {
			if c, ok := s.card(); ok && s.Group == g && s.Glance {
				cards = append(cards, c)
			}
		}
		if c, ok := r.Nights.card(); ok && g == Sleep {
			cards = append(cards, c)
		}
	}
	if len(cards) == 0 {
		return
	}
	w.Open("ul", html.Class("cards"))
	for _, c := range cards {
		w.Open("li", html.Attr("class", c.class))
		w.Open("a", html.Attr("href", "#"+c.id))
		w.Element("span", c.name, html.Class("name"))
		w.Open("span", html.Class("value"))
		w.Text(c.value)
		if c.unit != "" {
			w.Text("\u202f")
			w.Element("small", c.unit)
		}
		w.Close("span")
		w.Element("span", c.about, html.Class("about"))
		w.Close("a")
		w.Close("li")
	}
	w.Close("ul")
}

// week is how many days a card looks back.
const week = 7

// card shows of a total the mean of the last seven days that are over, of the
// rest the newest.
func (s Series) card() (card, bool) {
	c := card{class: class(s.Group), id: s.ID, name: s.Name, unit: s.Unit}
	if s.Kind == Total {
		v, ok := mean(s.Days[len(s.Days)-1-week:], true)
		before, had := mean(s.Days[:len(s.Days)-1-week], true)
		c.value, c.about = figure(v, s.Decimals), "a day in the last 7 days"
		if had && before > 0 {
			c.about += change(v, before)
		}
		return c, ok
	}
	p, ok := newest(s.Days)
	if !ok {
		if p, ok = newest(s.Months); !ok {
			return c, false
		}
		c.value, c.about = figure(p.Value, s.Decimals), "in "+p.From.Format("January 2006")
		return c, true
	}
	c.value, c.about = figure(p.Value, s.Decimals), "on "+weekday(p.From)
	if s.Kind == Range {
		c.value = figure(p.Min, s.Decimals) + "–" + figure(p.Max, s.Decimals)
	}
	return c, true
}

// change says by how much a week differs from the weeks before it.
func change(v, before float64) string {
	percent := math.Round(100 * (v/before - 1))
	switch {
	case math.Abs(percent) < 1 || math.Abs(percent) > 999:
		return ""
	case percent > 0:
		return ", " + figure(percent, 0) + "\u00a0% more than before"
	}
	return ", " + figure(-percent, 0) + "\u00a0% less than before"
}

func (n Nights) card() (card, bool) {
	last := Night{}
	sum, count := 0.0, 0.0
	for i, x := range n.Days {
		if !x.Has {
			continue
		}
		last = x
		if i >= len(n.Days)-week {
			sum += x.Asleep()
			count++
		}
	}
	c := card{class: class(Sleep), id: "sleep", name: "Sleep", value: hours(last.Asleep()), about: "in the night to " + weekday(last.From)}
	if count > 1 {
		c.about += ", " + hours(sum/count) + " on average in the last week"
	}
	return c, last.Has
}

// charted are the chapters that have series or nights, in their order.
var charted = []Group{Activity, Heart, Sleep, Body}

// class is the colour of a chapter.
func class(g Group) string { return strings.ToLower(string(g)) }

func (r *Report) charts(w *html.Writer) {
	for _, g := range charted {
		if g == Sleep {
			r.sleep(w)
			continue
		}
		open := false
		for _, s := range r.Series {
			if s.Group != g {
				continue
			}
			if !open {
				open = true
				w.Open("section")
				w.Element("h2", string(g), html.Attr("class", class(g)))
				w.Open("div", html.Class("panels"))
			}
			s.panel(w)
		}
		if open {
			w.Close("div")
			w.Close("section")
		}
	}
}

// The heights of the charts of days and of months.
const (
	dayHeight   = 150.0
	monthHeight = 110.0
)

func (s Series) panel(w *html.Writer) {
	w.Open("article", html.Attr("class", "panel "+class(s.Group)), html.Attr("id", s.ID))
	w.Open("div", html.Class("top"))
	w.Element("h3", s.Name)
	w.Element("p", s.facts(), html.Class("facts"))
	w.Close("div")
	captions := map[Kind][2]string{
		Total: {"The last 30 days; the dashed line is their mean", "The daily mean of each month"},
		Mean:  {"The last 30 days", "The mean of each month"},
		Range: {"The last 30 days, from the lowest to the highest; the notch is the mean", "Each month, from the lowest to the highest"},
	}[s.Kind]
	figures(w, captions[0], func() { s.draw(w, s.Days, dayHeight, false, s.Name+" in the last 30 days. "+s.facts()) })
	figures(w, captions[1], func() {
		s.draw(w, s.Months, monthHeight, true, s.Name+" in the last 12 months, by month. The figures are in the table below.")
	})
	s.table(w)
	if unread(s.Days) || unread(s.Months) {
		w.Element("p", "Shaded: not read from the iPhone completely.", html.Class("note"))
	}
	w.Close("article")
}

func figures(w *html.Writer, caption string, draw func()) {
	w.Open("figure")
	w.Element("figcaption", caption)
	draw()
	w.Close("figure")
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

// table has the figures of both charts, for whoever does not see them.
func (s Series) table(w *html.Writer) {
	w.Open("details")
	w.Element("summary", "Figures of "+strings.ToLower(s.Name[:1])+s.Name[1:])
	head := []string{"Day", "Figure"}
	if s.Kind == Range {
		head = []string{"Day", "Range and mean"}
	}
	for _, part := range []struct {
		points  []Point
		monthly bool
		caption string
		layout  string
	}{{s.Days, false, "The last 30 days", "Mon 2 January 2006"}, {s.Months, true, "The last 12 months", "January 2006"}} {
		if part.monthly {
			head[0] = "Month"
		}
		openTable(w, part.caption, head, 1)
		for i := range part.points {
			p := part.points[len(part.points)-1-i]
			w.Open("tr")
			w.Element("th", p.From.Format(part.layout), html.Attr("scope", "row"))
			say := "–"
			if p.Has {
				say = s.say(p, part.monthly)
			}
			w.Element("td", say, html.Class("n"))
			w.Close("tr")
		}
		closeTable(w)
	}
	w.Close("details")
}

// openTable begins a table. The columns from numbers on are numbers.
func openTable(w *html.Writer, caption string, head []string, numbers int) {
	w.Open("table")
	if caption != "" {
		w.Element("caption", caption)
	}
	w.Open("thead")
	w.Open("tr")
	for i, h := range head {
		if i >= numbers {
			w.Element("th", h, html.Attr("scope", "col"), html.Class("n"))
		} else {
			w.Element("th", h, html.Attr("scope", "col"))
		}
	}
	w.Close("tr")
	w.Close("thead")
	w.Open("tbody")
}

func closeTable(w *html.Writer) {
	w.Close("tbody")
	w.Close("table")
}

// Is reports that what is read is a page of ours.
func Is(r io.Reader) bool {
	head := make([]byte, 512)
	n, _ := io.ReadFull(r, head) // a short file is no page
	return bytes.HasPrefix(head[:n], []byte("<!DOCTYPE html>")) && bytes.Contains(head[:n], []byte(`name="generator" content="`+Generator+`"`))
}
