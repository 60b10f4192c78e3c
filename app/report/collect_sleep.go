package report

import (
	"fmt"
	"math"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/health"
)

// nights takes for each night the source that saw most sleep: an iPhone that
// guesses from its use, a Watch and a mat under the mattress tell of the same
// night.
func (c *collector) nights(r *Report) error {
	nights := map[string]Night{}
	err := c.query(fmt.Sprintf(`SELECT night, source, start_local, end_local, asleep, core, deep, rem, awake FROM nights WHERE night >= %s AND asleep > 0`,
		quote(c.since.Format(time.DateOnly))), func(v []any) {
		n := Night{
			Has: true, Source: text(v[1]), Begin: c.moment(text(v[2])), End: c.moment(text(v[3])),
			Core: number(v[5]), Deep: number(v[6]), REM: number(v[7]), Awake: number(v[8]),
		}
		n.Plain = math.Round(max(0, number(v[4])-n.Core-n.Deep-n.REM)) // what is less is the adding up of fractions
		if n.Asleep() > nights[text(v[0])].Asleep() {
			nights[text(v[0])] = n
		}
	})
	if err != nil || len(nights) == 0 {
		return err
	}
	for i := 1 - Days; i <= 0; i++ {
		day := midnight(c.now, i)
		n := nights[day.Format(time.DateOnly)]
		n.From = day
		n.Unread = i < 0 && !c.covered(health.SleepAnalysis, day.Add(-12*time.Hour), day.Add(12*time.Hour))
		r.Nights.Days = append(r.Nights.Days, n)
	}
	for i := 1 - Months; i <= 0; i++ {
		from := civil.StartOfMonth(c.month, i)
		r.Nights.Months = append(r.Nights.Months, c.meanNight(from, nights))
	}
	return nil
}

func (c *collector) meanNight(from time.Time, nights map[string]Night) Night {
	m, n := Night{From: from}, 0.0
	for d := from; d.Month() == from.Month() && !d.After(c.today); d = midnight(d, 1) {
		x := nights[d.Format(time.DateOnly)]
		if !x.Has {
			continue
		}
		n++
		m.Deep, m.Core, m.REM, m.Plain, m.Awake = m.Deep+x.Deep, m.Core+x.Core, m.REM+x.REM, m.Plain+x.Plain,
			m.Awake+x.Awake
	}
	if n > 0 {
		m.Has = true
		m.Deep, m.Core, m.REM, m.Plain, m.Awake = m.Deep/n, m.Core/n, m.REM/n, m.Plain/n, m.Awake/n
	}
	return m
}

// moment reads a local time as the database writes it.
func (c *collector) moment(s string) time.Time {
	t, err := time.ParseInLocation(time.DateTime, s, c.now.Location())
	if err != nil {
		return time.Time{}
	}
	return t
}

func (c *collector) workouts(r *Report) error {
	months := make([]Point, Months)
	for i := range months {
		months[i] = Point{From: civil.StartOfMonth(c.month, i+1-Months), Partial: i == Months-1}
	}
	err := c.query(`SELECT start_local, activity, minutes, kilocalories, meters, source FROM workouts ORDER BY start_local DESC`, func(v []any) {
		w := Workout{Start: c.moment(text(v[0])), Activity: text(v[1]), Minutes: number(v[2]),
			Kilocalories: number(v[3]),
			Meter:        number(v[4]), Source: text(v[5])}
		if len(r.Workouts.Latest) < latestWorkouts {
			r.Workouts.Latest = append(r.Workouts.Latest, w)
		}
		for i := range months {
			if !w.Start.Before(months[i].From) && w.Start.Before(civil.StartOfMonth(months[i].From, 1)) {
				months[i].Has = true
				months[i].Value += w.Minutes
				months[i].Min++
			}
		}
	})
	if len(r.Workouts.Latest) > 0 {
		r.Workouts.Months = months
	}
	return err
}
