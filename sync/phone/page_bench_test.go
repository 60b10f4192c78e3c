package phone

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"healthsync/sync/health"
)

// fullPage is an answer of n samples as the app writes it: keys in an order of
// its own, "/" escaped, newest first, over ten types and five sources.
func fullPage(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	types := health.Types()[:9]
	types = append(types, health.HeartRate, health.SleepAnalysis)
	sources := []string{"Ana’s Apple Watch", "Ana's iPhone", "Withings", "Oura", "Strava"}
	at := time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	b.WriteString(`{"status":"ok","hasMore":true,"samples":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		at = at.Add(-time.Duration(rng.IntN(90)) * time.Second)
		t := types[rng.IntN(len(types))]
		info, _ := health.Lookup(t)
		var id health.UUID
		for j := range id {
			id[j] = byte(rng.Uint32())
		}
		meta := ""
		value := fmt.Sprintf("%.17g", rng.Float64()*100)
		switch {
		case t == health.SleepAnalysis:
			stage := health.SleepStage(rng.IntN(6))
			meta = fmt.Sprintf(`,"metadata":{"sleepStage":"%s"}`, stage)
			value = fmt.Sprint(int(stage))
		case rng.IntN(2) == 0:
			value = fmt.Sprint(rng.IntN(200))
		}
		const sample = `{"sourceName":"%s","value":%s,"id":"%s","endDate":"%s"%s,"unit":"%s","startDate":"%s","type":"%s"}`
		fmt.Fprintf(&b, sample,
			sources[rng.IntN(len(sources))], value, id, at.Add(time.Minute).Format(time.RFC3339), meta,
			strings.ReplaceAll(info.Unit, "/", `\/`), at.Format(time.RFC3339), t)
	}
	fmt.Fprintf(&b, `],"returnedCount":%d}`, n)
	return b.Bytes()
}

func BenchmarkPage(b *testing.B) {
	body := fullPage(health.MaxLimit)
	b.Run("page", func(b *testing.B) {
		var page health.Page
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodePage(bytes.NewReader(body), health.MaxLimit, &page); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/health.MaxLimit, "ns/sample")
	})
	// For comparison: a general decoder.
	b.Run("json-v2", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			a, err := refDecode(bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			for i := range a.Samples {
				if _, ok := a.Samples[i].sample(); !ok {
					b.Fatal(i)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/health.MaxLimit, "ns/sample")
	})
}
