package simulator

import (
	"io"
	"testing"
	"time"

	"healthsync/sync/health"
)

// BenchmarkPage asks for pages of 10,000 and throws them away: handshake, TLS
// and rendering are in it. A real iPhone gives 10,000 samples a second.
func BenchmarkPage(b *testing.B) {
	to := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	types := []health.Type{
		health.Steps, health.DistanceWalkingRunning, health.ActiveEnergyBurned, health.BasalEnergyBurned, health.HeartRate,
		health.SleepAnalysis, health.Weight, health.RespiratoryRate, health.HeartRateVariability, health.Workouts,
	}
	h, err := Generate(Plan{Seed: 7, From: to.AddDate(-1, 0, 0), To: to, Samples: 300_000, Types: types})
	if err != nil {
		b.Fatal(err)
	}
	c := start(b, Options{Protocol: 1, History: h, NoRateLimit: true}).paired()
	for name, types := range map[string][]health.Type{"one type": {health.HeartRate}, "ten types": types} {
		b.Run(name, func(b *testing.B) {
			request := c.request("POST", pathData, ask(0, to.Unix(), maxLimit, 0, types...))
			before := c.phone.Meters().SamplesServed
			for b.Loop() {
				conn, err := c.dial()
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.WriteString(conn, request)
				if _, err := io.Copy(io.Discard, conn); err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
			b.ReportMetric(float64(c.phone.Meters().SamplesServed-before)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
