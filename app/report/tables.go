package report

import (
	"cmp"
	"slices"
	"strings"

	"healthsync/app/words"
)

// table is a table whose columns from numbers on are numbers. caption may be "".
func table(caption string, head []string, numbers int, rows []node) node {
	out := el("table")
	if caption != "" {
		add(out, el("caption", caption))
	}
	top := el("tr")
	for i, h := range head {
		th := el("th", at("scope", "col"), h)
		if i >= numbers {
			th.Attr = append(th.Attr, class("n"))
		}
		add(top, th)
	}
	add(out, el("thead", top), el("tbody", rows))
	return out
}

// row is a row of a table: its heading and its numbers. The heading is a text
// of ours or a name.
func row(heading any, cells ...string) node {
	out := el("tr", el("th", at("scope", "row"), heading))
	for _, c := range cells {
		add(out, el("td", class("n"), c))
	}
	return out
}

// table has the figures of both charts, for whoever does not see them.
func (s Series) table() node {
	rows := func(points []Point, monthly bool, layout string) []node {
		var out []node
		for _, p := range slices.Backward(points) {
			say := "–"
			if p.Has {
				say = s.say(p, monthly)
			}
			out = append(out, row(p.From.Format(layout), say))
		}
		return out
	}
	what := "Figure"
	if s.Kind == Range {
		what = "Range and mean"
	}
	return el("details", el("summary", "Figures of "+strings.ToLower(s.Name[:1])+s.Name[1:]),
		table("The last 30 days", []string{"Day", what}, 1, rows(s.Days, false, "Mon 2 January 2006")),
		table("The last 12 months", []string{"Month", what}, 1, rows(s.Months, true, "January 2006")))
}

func nightTable(nights []Night, caption, layout string) node {
	var rows []node
	for _, n := range slices.Backward(nights) {
		var cells []string
		for _, v := range []float64{n.Asleep(), n.Deep, n.Core, n.REM, n.Awake} {
			say := "–"
			if n.Has {
				say = hours(v)
			}
			cells = append(cells, say)
		}
		rows = append(rows, row(n.From.Format(layout), cells...))
	}
	return el("details", el("summary", "Figures of "+strings.ToLower(caption[:1])+caption[1:]),
		table(caption, []string{"To the morning of", "Asleep", "Deep", "Core", "REM", "Awake"}, 1, rows))
}

func (r *Report) training() node {
	if len(r.Workouts.Latest) == 0 {
		return nil
	}
	s := Series{Metric: Metric{Name: "Workouts", Group: Training, Kind: Total, Unit: "h", Decimals: 1}}
	for _, p := range r.Workouts.Months {
		p.Value /= 60
		s.Months = append(s.Months, p)
	}
	lo, hi := span(s.Months, Total)
	c := newChart("Hours of workouts in the last 12 months, by month.", len(s.Months), dayHeight+40, lo, hi,
		niceStep((hi-lo)/3), s.axis(lo, hi))
	var months, latest []node
	for i, p := range s.Months {
		if p.Has {
			c.bar(i, 0, p.Value, "bar", p.From.Format("January 2006")+": "+s.figure(p.Value)+" in "+words.Plural(int64(p.Min),
				"workout"))
		}
	}
	c.dates(1, func(i int) string { return tickDate(s.Months[i].From, true) })
	for _, p := range slices.Backward(s.Months) {
		months = append(months, row(p.From.Format("January 2006"), hours(60*p.Value), figure(p.Min, 0)))
	}
	for _, x := range r.Workouts.Latest {
		distance, energy := "–", "–"
		if x.Meter > 0 {
			distance = with(figure(x.Meter/1000, 1), "km")
		}
		if x.Kilocalories > 0 {
			energy = with(figure(x.Kilocalories, 0), "kcal")
		}
		tr := row(name(sentence(cmp.Or(x.Activity, "workout"))), hours(x.Minutes), distance, energy)
		tr.InsertBefore(el("td", class("d"), day(x.Start)), tr.FirstChild)
		latest = append(latest, tr)
	}
	return Training.section(
		Training.panel("workouts", "Time", "", figureOf("Hours of each month", c.svg),
			el("details", el("summary", "Figures of the last 12 months"),
				table("", []string{"Month", "Time", "Workouts"}, 1, months))),
		Training.panel("", "Latest", "", table("", []string{"Day", "Workout", "Time", "Distance", "Energy"}, 2,
			latest)))
}

func (r *Report) storedTable() node {
	var rows []node
	deleted := int64(0)
	for _, s := range r.Stored {
		deleted += s.Deleted
		rows = append(rows, row(name(s.Name), words.Count(s.Count), day(s.First), day(s.Last), cmp.Or(s.Latest, "–"),
			s.whole()))
	}
	out := el("section", el("h2", at("id", "stored"), "What is stored"),
		el("div", class("wide"), table("", []string{"Type", "Samples", "From", "To", "Latest", "Read from the iPhone"},
			1,
			rows)))
	if deleted > 0 {
		add(out, el("p", class("note"), words.Plural(deleted,
			"sample")+" more that the iPhone no longer holds were kept, and count in no figure here."))
	}
	return out
}

func (r *Report) sourcesTable() node {
	var rows []node
	for _, s := range r.Sources {
		rows = append(rows, row(name(cmp.Or(s.Name, "without a name")), words.Count(s.Samples), words.Count(s.Types),
			day(s.First), day(s.Last)))
	}
	return el("section", el("h2", at("id", "sources"), "Sources"),
		el("div", class("wide"), table("", []string{"Device or app", "Samples", "Types", "From", "To"}, 1, rows)))
}
