package report

import (
	"cmp"
	"strings"

	"healthsync/app/report/html"
)

func (r *Report) sleep(w *html.Writer) {
	n := r.Nights
	if len(n.Days) == 0 {
		return
	}
	w.Open("section")
	w.Element("h2", string(Sleep), html.Attr("class", class(Sleep)))
	w.Open("div", html.Class("panels"))
	nightPanel(w, n.Days, nightWords{
		title: "Nights", mean: "30-day mean ", figures: "The last 30 nights", drawing: "Sleep in the last 30 nights, by stage. ",
		table: "The last 30 nights", layout: "Mon 2 January 2006",
	}, false, html.Attr("id", "sleep"))
	nightPanel(w, n.Months, nightWords{
		title: "Months", mean: "12-month mean ", figures: "The mean night of each month", drawing: "The mean night of each of the last 12 months, by stage. ",
		table: "The last 12 months", layout: "January 2006",
	}, true)
	w.Close("div")
	w.Close("section")
}

// nightWords are what a panel of nights says; layout is that of its dates.
type nightWords struct{ title, mean, figures, drawing, table, layout string }

func nightPanel(w *html.Writer, nights []Night, words nightWords, months bool, more ...html.Attribute) {
	w.Open("article", append([]html.Attribute{html.Attr("class", "panel "+class(Sleep))}, more...)...)
	w.Open("div", html.Class("top"))
	w.Element("h3", words.title)
	w.Element("p", meanNights(nights, words.mean), html.Class("facts"))
	w.Close("div")
	figures(w, words.figures, func() {
		drawNights(w, nights, dayHeight+40, months, words.drawing+meanNights(nights, words.mean))
	})
	legend(w, nights)
	nightTable(w, nights, words.table, words.layout)
	w.Close("article")
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

// legend names the stages that there are, in the order of the bars from the
// bottom up.
func legend(w *html.Writer, nights []Night) {
	w.Open("ul", html.Class("legend"))
	for _, s := range stages {
		sum := 0.0
		for _, n := range nights {
			sum += s.of(n)
		}
		if sum == 0 {
			continue
		}
		w.Open("li")
		w.Open("svg", html.Attr("viewBox", "0 0 10 10"), html.Attr("aria-hidden", "true"))
		w.Element("rect", "", html.Attr("class", s.class), html.Num("width", 10), html.Num("height", 10), html.Num("rx", 2))
		w.Close("svg")
		w.Text(s.name)
		w.Close("li")
	}
	w.Close("ul")
}

func nightTable(w *html.Writer, nights []Night, caption, layout string) {
	w.Open("details")
	w.Element("summary", "Figures of "+strings.ToLower(caption[:1])+caption[1:])
	openTable(w, caption, []string{"To the morning of", "Asleep", "Deep", "Core", "REM", "Awake"}, 1)
	for i := range nights {
		n := nights[len(nights)-1-i]
		w.Open("tr")
		w.Element("th", n.From.Format(layout), html.Attr("scope", "row"))
		for _, v := range []float64{n.Asleep(), n.Deep, n.Core, n.REM, n.Awake} {
			say := "–"
			if n.Has {
				say = hours(v)
			}
			w.Element("td", say, html.Class("n"))
		}
		w.Close("tr")
	}
	closeTable(w)
	w.Close("details")
}

func (r *Report) training(w *html.Writer) {
	if len(r.Workouts.Latest) == 0 {
		return
	}
	w.Open("section")
	w.Element("h2", string(Training), html.Attr("class", class(Training)))
	w.Open("div", html.Class("panels"))
	w.Open("article", html.Attr("class", "panel "+class(Training)), html.Attr("id", "workouts"))
	w.Open("div", html.Class("top"))
	w.Element("h3", "Time")
	w.Close("div")
	s := Series{Metric: Metric{Name: "Workouts", Group: Training, Kind: Total, Unit: "h", Decimals: 1}}
	for _, p := range r.Workouts.Months {
		p.Value /= 60
		s.Months = append(s.Months, p)
	}
	figures(w, "Hours of each month", func() {
		lo, hi := span(s.Months, Total)
		c := openChart(w, "Hours of workouts in the last 12 months, by month.", len(s.Months), dayHeight+40, lo, hi, niceStep((hi-lo)/3), s.axis(lo, hi))
		for i, p := range s.Months {
			if p.Has {
				c.bar(i, 0, p.Value, "bar", p.From.Format("January 2006")+": "+s.figure(p.Value)+" in "+count(int64(p.Min), "workout"))
			}
		}
		c.dates(1, func(i int) string { return tickDate(s.Months[i].From, true) })
		c.close()
	})
	w.Open("details")
	w.Element("summary", "Figures of the last 12 months")
	openTable(w, "", []string{"Month", "Time", "Workouts"}, 1)
	for i := range s.Months {
		p := s.Months[len(s.Months)-1-i]
		w.Open("tr")
		w.Element("th", p.From.Format("January 2006"), html.Attr("scope", "row"))
		w.Element("td", hours(60*p.Value), html.Class("n"))
		w.Element("td", figure(p.Min, 0), html.Class("n"))
		w.Close("tr")
	}
	closeTable(w)
	w.Close("details")
	w.Close("article")

	w.Open("article", html.Attr("class", "panel "+class(Training)))
	w.Open("div", html.Class("top"))
	w.Element("h3", "Latest")
	w.Close("div")
	openTable(w, "", []string{"Day", "Workout", "Time", "Distance", "Energy"}, 2)
	for _, x := range r.Workouts.Latest {
		w.Open("tr")
		w.Element("td", x.Start.Format("2 Jan 2006"), html.Class("d"))
		w.Open("th", html.Attr("scope", "row"))
		w.Name(sentence(cmp.Or(x.Activity, "workout")))
		w.Close("th")
		w.Element("td", hours(x.Minutes), html.Class("n"))
		distance, energy := "–", "–"
		if x.Meter > 0 {
			distance = with(figure(x.Meter/1000, 1), "km")
		}
		if x.Kilocalories > 0 {
			energy = with(figure(x.Kilocalories, 0), "kcal")
		}
		w.Element("td", distance, html.Class("n"))
		w.Element("td", energy, html.Class("n"))
		w.Close("tr")
	}
	closeTable(w)
	w.Close("article")
	w.Close("div")
	w.Close("section")
}

func (r *Report) storedTable(w *html.Writer) {
	w.Open("section")
	w.Element("h2", "What is stored", html.Attr("id", "stored"))
	w.Open("div", html.Class("wide"))
	openTable(w, "", []string{"Type", "Samples", "From", "To", "Latest", "Read from the iPhone"}, 1)
	deleted := int64(0)
	for _, s := range r.Stored {
		deleted += s.Deleted
		w.Open("tr")
		w.Open("th", html.Attr("scope", "row"))
		w.Name(s.Name)
		w.Close("th")
		w.Element("td", figure(float64(s.Count), 0), html.Class("n"))
		w.Element("td", day(s.First), html.Class("n"))
		w.Element("td", day(s.Last), html.Class("n"))
		w.Element("td", cmp.Or(s.Latest, "–"), html.Class("n"))
		w.Element("td", s.whole(), html.Class("n"))
		w.Close("tr")
	}
	closeTable(w)
	w.Close("div")
	if deleted > 0 {
		w.Element("p", count(deleted, "sample")+" more that the iPhone no longer holds were kept, and count in no figure here.", html.Class("note"))
	}
	w.Close("section")
}

func (r *Report) sourcesTable(w *html.Writer) {
	w.Open("section")
	w.Element("h2", "Sources", html.Attr("id", "sources"))
	w.Open("div", html.Class("wide"))
	openTable(w, "", []string{"Device or app", "Samples", "Types", "From", "To"}, 1)
	for _, s := range r.Sources {
		w.Open("tr")
		w.Open("th", html.Attr("scope", "row"))
		w.Name(cmp.Or(s.Name, "without a name"))
		w.Close("th")
		w.Element("td", figure(float64(s.Samples), 0), html.Class("n"))
		w.Element("td", figure(float64(s.Types), 0), html.Class("n"))
		w.Element("td", day(s.First), html.Class("n"))
		w.Element("td", day(s.Last), html.Class("n"))
		w.Close("tr")
	}
	closeTable(w)
	w.Close("div")
	w.Close("section")
}

func (r *Report) foot(w *html.Writer) {
	w.Open("footer")
	zone, _ := r.Made.Zone()
	w.Element("p", "Totals are of the day where they were measured, and what two devices measured at the same time counts once. Everything else goes by the days of this computer's zone ("+zone+"); a night belongs to the day of waking. Means are of the days that have a figure. These are your own records, not a diagnosis.")
	w.Element("p", "Made by "+strings.TrimSpace("HealthSync "+r.Version)+" from the database on this computer. The page loads nothing from anywhere; it holds health data, so mind where you put it.")
	w.Close("footer")
}
