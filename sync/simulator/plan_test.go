package simulator

import (
	"testing"
	"time"

	"healthsync/sync/health"
)

func TestGenerateQuick(t *testing.T) {
	to := time.Date(2026, 7, 1, 15, 0, 0, 0, time.UTC)
	t0 := time.Now()
	h, err := Generate(Plan{Seed: 1, From: to.AddDate(-5, 0, 0), To: to})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, ty := range h.Types() {
		n := h.Len(ty)
		total += n
		s := h.Samples(ty)
		t.Log(ty, n, s[0], s[len(s)/2])
	}
	t.Log(total, time.Since(t0))
	_ = health.Steps
}
