package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

func clock(at int64) func() time.Time { return func() time.Time { return time.Unix(at, 0) } }

func TestSyncRaw(t *testing.T) {
	for i, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			phone := newFakePhone()
			seed := uint64(7)
			fmt.Sscan(os.Getenv("SEED"), &seed)
			h.make(rand.New(rand.NewPCG(seed, uint64(i))), phone)
			n := phone.total()
			db := newTallyStore()
			res, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow)})
			if err != nil {
				t.Fatal(err)
			}
			ceil := (n + 9999) / 10000
			bound := 1.03*float64(ceil) + 12
			mark := ""
			if float64(phone.requests) > bound {
				mark += " REQUESTS"
			}
			if float64(phone.reads) > 1.15*float64(n) {
				mark += " READS"
			}
			r1, d1 := phone.requests, phone.reads
			log := phone.log
			phone.log = nil
			if _, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow + 60)}); err != nil {
				t.Fatal(err)
			}
			if phone.requests-r1 > 2 {
				mark += " AGAIN"
			}
			fmt.Printf("%-52s %8d %5d/%5.0f (%.3f) %.3f again %d, %d; complete %v silent %v%s\n", h.name, n, r1, bound, float64(r1)/float64(max(ceil, 1)), float64(d1)/float64(max(n, 1)), phone.requests-r1, phone.reads-d1, res.Complete, res.Silent, mark)
			if testing.Verbose() {
				for _, l := range append(log, phone.log...) {
					t.Logf("%2d types %s..%s (%d s) limit %d offset %d: reads %d gave %d", len(l.q.Types), date(l.q.Start), date(l.q.End), l.q.End-l.q.Start, l.q.Limit, l.q.Offset, l.reads, l.gave)
				}
			}
		})
	}
}
