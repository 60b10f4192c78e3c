package simulator

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/testenv"
)

// served asks the phone for all of a type, page by page by offset, and gives
// number and sum.
func (c *client) served(ty health.Type) (n int, sum float64) {
	c.t.Helper()
	ids := map[string]bool{}
	for more := true; more; {
		p := c.page(ask(0, 4e9, 4000, n, ty))
		for _, s := range p.Samples {
			if ids[s.ID] || s.Type != string(ty) {
				c.t.Fatalf("%s served twice or as %s", s.ID, s.Type)
			}
			ids[s.ID] = true
			sum += s.Value
		}
		n += len(p.Samples)
		more = p.HasMore
	}
	return n, sum
}

func TestExportIsServed(t *testing.T) {
	names := []string{"../appleexport/testdata/export.xml"}
	dir := os.Getenv("HEALTHSYNC_TESTDATA")
	if dir == "" {
		dir = "../../../shared/testdata"
	}
	real := filepath.Join(dir, "hkimport-export.xml")
	if _, err := os.Stat(real); err == nil {
		names = append(names, real)
	} else if testenv.Required() {
		testenv.Missing(t, "the real exports are not in "+dir+": set HEALTHSYNC_TESTDATA")
	}
	for _, name := range names {
		h, sum, err := FromExport(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := start(t, Options{Protocol: 1, History: h, NoRateLimit: true}).paired()
		for _, ty := range h.Types() {
			want := 0.0
			for _, s := range h.Samples(ty) {
				want += s.Value
			}
			n, total := c.served(ty)
			if n != h.Len(ty) || int64(n) != sum.Taken[ty] || math.Abs(total-want) > 1e-9*math.Max(1, want) {
				t.Errorf("%s: %s: %d samples and %v served, %d and %v in the export", name, ty, n, total, h.Len(ty), want)
			}
		}
	}
	if _, _, err := FromExport(context.Background(), "../appleexport/testdata"); err != nil {
		t.Errorf("a folder: %v", err)
	}
	if _, _, err := FromExport(context.Background(), "testdata/missing.zip"); err == nil {
		t.Error("nothing is served")
	}
}

func ExampleGenerate() {
	h, err := Generate(Plan{Seed: 1, From: newYear, To: newYear.AddDate(1, 0, 0), Samples: 1000, Types: []health.Type{health.HeartRate, health.Weight}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.Len(health.HeartRate)+h.Len(health.Weight), "samples")
	// Output: 1000 samples
}
