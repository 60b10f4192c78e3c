// Package today gives the figures of the last day from the local database. It
// never asks the iPhone for them.
package today

import (
	"context"
	"fmt"
	"math"
	"time"

	"healthsync/app/status"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

// Figures gives what is stored of the day of now, in now's zone: what there is
// of steps, distance, active energy, resting heart rate, and the last night's
// sleep. A database that is not there or cannot be read has none.
func Figures(ctx context.Context, path string, now time.Time) []status.Figure {
	db, err := store.Open(ctx, path, store.Options{ReadOnly: true})
	if err != nil {
		return nil
	}
	defer db.Close()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	d := day{db: db, ctx: ctx}
	var out []status.Figure
	add := func(name, value string) {
		if value != "" {
			out = append(out, status.Figure{Name: name, Value: value})
		}
	}
	today := store.Span{From: midnight.Unix(), To: now.Unix() + 1}
	add("Steps", whole(d.total(health.Steps, today), ""))
	if m := d.total(health.DistanceWalkingRunning, today); m > 0 {
		add("Distance", fmt.Sprintf("%.1f km", m/1000))
	}
	add("Active Energy", whole(d.total(health.ActiveEnergyBurned, today), " kcal"))
	// Watches work it out late in the day: yesterday's stands until then.
	add("Resting Heart Rate", whole(d.newest(health.RestingHeartRate, store.Span{From: midnight.AddDate(0, 0, -1).Unix(), To: today.To}), " bpm"))
	// A night belongs to the day of waking: from noon to noon.
	add("Sleep", duration(d.asleep(store.Span{From: midnight.Add(-12 * time.Hour).Unix(), To: midnight.Add(12 * time.Hour).Unix()})))
	return out
}

type day struct {
	db  *store.Store
	ctx context.Context
}

// total adds up the values of each source and gives the largest sum: an iPhone
// in the pocket and a Watch on the wrist count the same steps.
func (d day) total(t health.Type, span store.Span) float64 {
	return d.largest(t, span, func(s *health.Sample) float64 { return s.Value })
}

// asleep adds up the time asleep, in seconds.
func (d day) asleep(span store.Span) time.Duration {
	seconds := d.largest(health.SleepAnalysis, span, func(s *health.Sample) float64 {
		switch health.SleepStage(s.Value) {
		case health.StageAsleep, health.StageCore, health.StageDeep, health.StageREM:
			return float64(s.End - s.Start)
		}
		return 0
	})
	return time.Duration(seconds) * time.Second
}

func (d day) largest(t health.Type, span store.Span, of func(*health.Sample) float64) float64 {
	sums := map[string]float64{}
	err := d.db.Query(d.ctx, store.Filter{Types: []health.Type{t}, Span: span}, func(s *health.Sample) error {
		sums[s.Source] += of(s)
		return nil
	})
	most := 0.0
	for _, v := range sums {
		most = math.Max(most, v)
	}
	if err != nil {
		return 0
	}
	return most
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
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + unit
}

func duration(d time.Duration) string {
	if d < time.Minute {
		return ""
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
