package state

import (
	"context"
	"fmt"
	"math"
	"time"

	"healthsync/app/words"
	"healthsync/sync/civil"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

// Today gives what is stored of the day of now, in now's zone: what there is
// of steps, distance, active energy, resting heart rate, and the last night's
// sleep. A database that is not there or cannot be read has none.
func Today(ctx context.Context, path string, now time.Time) []Figure {
	db, err := store.Open(ctx, path, store.Options{ReadOnly: true, Zone: now.Location})
	if err != nil {
		return nil
	}
	defer db.Close()
	d := day{db: db, ctx: ctx, date: civil.DayOf(now)}
	var out []Figure
	add := func(name, value string) {
		if value != "" {
			out = append(out, Figure{Name: name, Value: value})
		}
	}
	add("Steps", whole(d.total(health.Steps), ""))
	if m := d.total(health.DistanceWalkingRunning); m > 0 {
		add("Distance", fmt.Sprintf("%.1f km", m/1000))
	}
	add("Active Energy", whole(d.total(health.ActiveEnergyBurned), " kcal"))
	// Watches work it out late in the day: yesterday's stands until then.
	add("Resting Heart Rate", whole(d.newest(health.RestingHeartRate,
		store.Span{From: civil.StartOf(now, -1).Unix(), To: now.Unix() + 1}), " bpm"))
	add("Sleep", duration(time.Duration(d.total(health.SleepAnalysis))*time.Second))
	return out
}

type day struct {
	db   *store.Store
	ctx  context.Context
	date civil.Day
}

// total is the day's total as package daily reckons it: what an iPhone in the
// pocket and a Watch on the wrist both counted is in it once. Of sleep it is
// the seconds asleep in the night that ended.
func (d day) total(t health.Type) float64 {
	found, err := d.db.Day(d.ctx, t, d.date)
	if err != nil || len(found) == 0 {
		return 0
	}
	return found[0].Total
}

func (d day) newest(t health.Type, span store.Span) float64 {
	v := 0.0
	err := d.db.Query(d.ctx, store.Filter{Types: []health.Type{t}, Span: span, Limit: 1}, func(s *health.Sample) error {
		v = s.Value
		return nil
	})
	if err != nil {
		return 0
	}
	return v
}

// whole writes a figure without decimals, with commas: 8,412.
func whole(v float64, unit string) string {
	if v <= 0 || v > 1e12 || math.IsNaN(v) {
		return ""
	}
	return words.Number(v, 0) + unit
}

func duration(d time.Duration) string {
	if d < time.Minute {
		return ""
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
