package state

import (
	"encoding/json"
	"healthsync/app/problem"
	"healthsync/sync/engine"
	"testing"
	"time"
)

// The days at which to speak up straddle each limit.
func TestDue(t *testing.T) {
	const day = 24 * time.Hour
	end := time.Date(2027, 1, 7, 8, 0, 0, 0, time.UTC)
	days := []int{30, 7, 1}
	year := Credential{NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
	token := Credential{NotBefore: end.Add(-30 * day), NotAfter: end}
	for _, c := range []struct {
		what string
		cred Credential
		left time.Duration
		want int
		due  bool
	}{
		{"a year", year, 31 * day, 0, false}, {"a year", year, 30*day + time.Second, 0, false}, {"a year", year, 30 * day, 30, true}, {"a year", year, 29 * day, 30, true},
		{"a year", year, 7*day + time.Second, 30, true}, {"a year", year, 7 * day, 7, true}, {"a year", year, day, 1, true}, {"a year", year, time.Second, 1, true},
		{"a year", year, 0, 0, false}, {"a year", year, -day, 0, false},
		{"a token", token, 30 * day, 0, false}, {"a token", token, 8 * day, 0, false}, {"a token", token, 7 * day, 7, true}, {"a token", token, day, 1, true},
		{"no beginning", Credential{NotAfter: end}, 30 * day, 30, true},
		{"no end", Credential{}, 0, 0, false},
		{"advisory", Credential{NotBefore: year.NotBefore, NotAfter: end, Advisory: true}, day, 0, false},
	} {
		if got, due := c.cred.Due(end.Add(-c.left), days); got != c.want || due != c.due {
			t.Errorf("%s, %s left: %d %v, want %d %v", c.what, c.left, got, due, c.want, c.due)
		}
	}
	if year.Ended(end.Add(-time.Second)) || !year.Ended(end) || (Credential{}).Ended(end) || (Credential{NotAfter: end, Advisory: true}).Ended(end) {
		t.Error("ended")
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		p    *Progress
		want int
		ok   bool
	}{
		{nil, 0, false}, {&Progress{Progress: engine.Progress{Samples: 5}}, 0, false}, {&Progress{Progress: engine.Progress{Known: true}}, 0, false},
		{&Progress{Progress: engine.Progress{Known: true, Samples: 41, Remaining: 59}}, 41, true}, {&Progress{Progress: engine.Progress{Known: true, Samples: 100}}, 99, true},
	} {
		if got, ok := c.p.Percent(); got != c.want || ok != c.ok {
			t.Errorf("%+v: %d %v", c.p, got, ok)
		}
	}
}

// A State crosses JSON and means the same; what only the menu shows stays at
// home.
func TestStateCrossesJSON(t *testing.T) {
	before := State{Link: LinkAttention, Conditions: []problem.JSON{problem.New(problem.CertRevoked, "detail", nil).JSON(), problem.New(problem.CertExpiring, "", nil).JSON(), problem.New(problem.HostChanged, "", nil).JSON()}, Menu: MenuState{Today: []Figure{{Name: "Steps", Value: "1"}}}}
	raw, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after State
	if err := json.Unmarshal(raw, &after); err != nil {
		t.Fatal(err)
	}
	for i, c := range after.Conditions {
		if c != before.Conditions[i] {
			t.Errorf("%+v became %+v", before.Conditions[i], c)
		}
	}
	if p := after.Problem(); p == nil || p.Code != problem.CertRevoked || p.Detail != "detail" {
		t.Errorf("the problem is %+v", p)
	}
	if after.Menu.Today != nil {
		t.Error("health data is in the JSON")
	}
	after.Link = LinkConnected
	if after.Problem() != nil {
		t.Error("an iPhone that answers is a problem")
	}
	var s problem.Severity
	if err := s.UnmarshalText([]byte("no such")); err == nil {
		t.Error("an unknown severity is one")
	}
}
