package report

import "math"

// card is one figure at a glance.
type card struct {
	group                        Group
	id, name, value, unit, about string
}

func (r *Report) cards() node {
	out := el("ul", class("cards"))
	for _, g := range charted {
		for _, s := range r.Series {
			if c, ok := s.card(); ok && s.Group == g && s.Glance {
				add(out, c.node())
			}
		}
		if c, ok := r.Nights.card(); ok && g == Sleep {
			add(out, c.node())
		}
	}
	if out.FirstChild == nil {
		return nil
	}
	return out
}

func (c card) node() node {
	value := el("span", class("value"), c.value)
	if c.unit != "" {
		value = el("span", class("value"), c.value, "\u202f", el("small", c.unit))
	}
	return el("li", class(c.group.class()), el("a", at("href", "#"+c.id),
		el("span", class("name"), c.name), value, el("span", class("about"), c.about)))
}

// week is how many days a card looks back.
const week = 7

// card shows of a total the mean of the last seven days that are over, of the
// rest the newest.
func (s Series) card() (card, bool) {
	c := card{group: s.Group, id: s.ID, name: s.Name, unit: s.Unit}
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
	c := card{group: Sleep, id: "sleep", name: "Sleep", value: hours(last.Asleep()), about: "in the night to " +
		weekday(last.From)}
	if count > 1 {
		c.about += ", " + hours(sum/count) + " on average in the last week"
	}
	return c, last.Has
}
