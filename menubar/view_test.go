package menubar

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 1, 8, 9, 30, 0, 0, time.FixedZone("CET", 3600))

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "menu", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./menubar -update writes it anew):\n%s\nwant:\n%s", path, got, want)
	}
}

// healthy is a paired Mac on the day after.
func healthy() state.State {
	end := time.Date(2027, 1, 7, 8, 0, 0, 0, time.UTC)
	return state.State{
		At: now, Link: state.LinkConnected, Paired: true, Device: "Ana's iPhone", Host: "192.168.1.20", Port: 49321, Protocol: 2,
		PairedAt: end.AddDate(-1, 0, 0), SharedTypes: 31, LastSync: now.Add(-5 * time.Minute), LastAdded: 1204, Samples: 1_204_311,
		Credentials: []state.Credential{
			{Name: "client", Status: "Valid", NotBefore: end.AddDate(-1, 0, 0), NotAfter: end, DaysLeft: 364},
			{Name: "server", Status: "Valid", NotBefore: end.AddDate(-1, 0, 0), NotAfter: end, DaysLeft: 364},
			{Name: "ca", Status: "Valid", NotBefore: end.AddDate(-1, 0, 0), NotAfter: end.AddDate(4, 0, 0), DaysLeft: 1825},
		},
		Menu: state.MenuState{Interval: time.Hour, Camera: true, Login: true, LoginKnown: true, Report: true},
	}
}

func with(change func(*state.State)) state.State {
	s := healthy()
	change(&s)
	return s
}

// occurs is healthy with a condition, and the link that it means.
func occurs(code problem.Code, detail string) state.State {
	return with(func(s *state.State) {
		e := problem.New(code, detail, nil)
		s.Conditions = []problem.JSON{e.JSON()}
		s.Link = state.LinkOf(e)
		if e.Severity() < problem.Severe {
			s.Link = state.LinkConnected
		}
	})
}

func states() map[string]state.State {
	unpaired := state.State{At: now, Link: state.LinkNotPaired, SharedTypes: -1, Menu: state.MenuState{Interval: time.Hour, LoginKnown: true}}
	unpaired.Conditions = []problem.JSON{problem.New(problem.NotPaired, "", nil).JSON()}
	failed := func(what string, code problem.Code, detail string) *state.Failure {
		return &state.Failure{What: what, Error: problem.New(code, detail, nil).JSON()}
	}
	return map[string]state.State{
		"zero":            {},
		"connected":       healthy(),
		"never-synced":    with(func(s *state.State) { s.LastSync, s.LastAdded, s.Samples = time.Time{}, 0, 0 }),
		"nothing-new":     with(func(s *state.State) { s.LastSync, s.LastAdded = now.Add(-3*time.Hour), 0 }),
		"not-paired":      unpaired,
		"locked":          occurs(problem.PhoneLocked, ""),
		"not-sharing":     occurs(problem.ConnRefused, ""),
		"not-found":       occurs(problem.PhoneNotFound, ""),
		"disconnected":    occurs(problem.ConnReset, ""),
		"attention":       occurs(problem.CertRevoked, ""),
		"syncing-unknown": with(func(s *state.State) { s.Sync = &state.Progress{} }),
		"syncing": with(func(s *state.State) {
			s.Sync = &state.Progress{Progress: engine.Progress{Requests: 41, Samples: 410_000, New: 398_211, Known: true, Remaining: 590_000, Seconds: 75}}
		}),
		"stopping": with(func(s *state.State) {
			s.Sync = &state.Progress{Stopping: true, Progress: engine.Progress{Samples: 410_000, New: 12}}
		}),
		"syncing-elsewhere": with(func(s *state.State) {
			s.Sync = &state.Progress{Holder: "healthsync sync (process 4242)"}
		}),
		"expiring": with(func(s *state.State) {
			s.Credentials[0].NotAfter, s.Credentials[0].DaysLeft = now.Add(29*24*time.Hour+time.Hour), 29
			s.Conditions = []problem.JSON{problem.New(problem.CertExpiring, "This computer's certificate ends on 6 February 2026, in 29 days.", nil).JSON()}
		}),
		"expired-while-away": with(func(s *state.State) {
			*s = occurs(problem.PhoneNotFound, "")
			s.Conditions = nil
			s.Credentials[0].NotAfter, s.Credentials[0].DaysLeft, s.Credentials[0].Status = now.Add(-16*24*time.Hour), -16, "Expired"
		}),
		"protocol-1": with(func(s *state.State) {
			s.Protocol = 1
			s.Credentials = []state.Credential{
				{Name: "token", Status: "Valid", NotAfter: now.Add(29 * 24 * time.Hour), DaysLeft: 29},
				{Name: "server", Status: "Valid", NotAfter: now.Add(364 * 24 * time.Hour), DaysLeft: 364, Advisory: true},
			}
		}),
		"today": with(func(s *state.State) {
			s.Menu.TodayOn = true
			s.Menu.Today = []state.Figure{{Name: "Steps", Value: "8,412"}, {Name: "Distance", Value: "6.1 km"}, {Name: "Active Energy", Value: "412 kcal"}, {Name: "Resting Heart Rate", Value: "58 bpm"}, {Name: "Sleep", Value: "7 h 21 min"}}
		}),
		"today-empty":      with(func(s *state.State) { s.Menu.TodayOn = true }),
		"interval-other":   with(func(s *state.State) { s.Menu.Interval = 6 * time.Hour }),
		"interval-manual":  with(func(s *state.State) { s.Menu.Interval = 0 }),
		"pairing-busy":     with(func(s *state.State) { *s = unpaired; s.Menu.Busy = "Pairing..." }),
		"pairing-failed":   with(func(s *state.State) { *s = unpaired; s.Menu.Failure = failed("Pairing", problem.QRNotFound, "") }),
		"failed-no-remedy": with(func(s *state.State) { s.Menu.Failure = failed("Export", problem.FileExists, "certificates.pem") }),
		"failed-and-broken": with(func(s *state.State) {
			*s = occurs(problem.DiskFull, "")
			s.Menu.Failure = failed("Pairing", problem.ClipboardEmpty, "")
		}),
		"question": with(func(s *state.State) {
			s.Menu.Question = &state.Question{Text: "Unpair from Ana's iPhone? Health data stays.", Yes: "Yes, Unpair", No: "No, Keep It", Then: problem.Action{Name: problem.ActUnpairYes}}
		}),
		"hostile-name": with(func(s *state.State) {
			s.Device = "\"; do shell script \u202e\n<b>_x_&\x07\xff " + strings.Repeat("A", 5000)
		}),
		"clock-set-back": with(func(s *state.State) { s.LastSync = now.Add(48 * time.Hour) }),
	}
}

// One drawing for each phase and each state of the menu, the zero state
// included: none may crash, and a changed word is seen in review.
func TestGoldens(t *testing.T) {
	for name, s := range states() {
		t.Run(name, func(t *testing.T) { golden(t, name, View(s, now).String()) })
	}
	if !*update {
		files, _ := filepath.Glob(filepath.Join("testdata", "menu", "*.golden"))
		if want := len(states()) + 1; len(files) != want {
			t.Errorf("%d golden files for %d states: one is left over", len(files), want)
		}
	}
}

// Every row of the table of conditions is drawn: as a condition and as a
// failed click. Only what differs from the healthy menu is shown.
func TestConditions(t *testing.T) {
	var b strings.Builder
	for _, c := range problem.Table() {
		fmt.Fprintf(&b, "%s\n", c.Code)
		b.WriteString(differs(View(occurs(c.Code, ""), now)))
		b.WriteString("  as a failed click:\n")
		b.WriteString(differs(View(with(func(s *state.State) {
			s.Menu.Failure = &state.Failure{What: "Pairing", Error: problem.New(c.Code, "", nil).JSON()}
		}), now)))
	}
	golden(t, "conditions", b.String())
}

// differs is what a menu shows beyond the healthy one.
func differs(m Menu) string {
	ordinary := strings.Split(View(healthy(), now).String(), "\n")
	var b strings.Builder
	for line := range strings.SplitSeq(m.String(), "\n") {
		if !slices.Contains(ordinary, line) {
			b.WriteString("    " + line + "\n")
		}
	}
	return b.String()
}

// The renderer never adds, moves or removes a row, so the skeleton is the same
// for every state.
func TestSkeletonNeverChanges(t *testing.T) {
	want := skeleton(View(state.State{}, time.Time{}).Rows)
	all := states()
	for _, c := range problem.Table() {
		all[string(c.Code)] = occurs(c.Code, "detail")
	}
	for name, s := range all {
		if got := skeleton(View(s, now).Rows); got != want {
			t.Errorf("%s has another skeleton:\n%s\nwant:\n%s", name, got, want)
		}
	}
	seen := map[string]bool{}
	for id := range strings.FieldsSeq(want) {
		if seen[id] {
			t.Errorf("two rows are called %s", id)
		}
		seen[id] = true
	}
}

func skeleton(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s|%v|%v\n%s", r.ID, r.Separator, r.Checkable, skeleton(r.Rows))
	}
	return b.String()
}

// A row that can be clicked asks for something, and its text fits; View gives
// the same for the same and leaves its State alone; every icon is used.
func TestViews(t *testing.T) {
	used := map[Icon]bool{}
	for name, s := range states() {
		before := fmt.Sprintf("%+v", s)
		m := View(s, now)
		if !reflect.DeepEqual(m, View(s, now)) || fmt.Sprintf("%+v", s) != before {
			t.Errorf("%s: View is not pure", name)
		}
		used[m.Icon] = true
		checkRows(t, name, m.Rows)
	}
	if len(used) != len(Icons()) {
		t.Errorf("icons used: %v", slices.Collect(maps.Keys(used)))
	}
}

func checkRows(t *testing.T, name string, rows []Row) {
	for _, r := range rows {
		switch {
		case r.Separator || r.Hidden:
		case r.Label == "" || len([]rune(r.Label)) > lineLength+60:
			t.Errorf("%s: row %s has the label %q", name, r.ID, r.Label)
		case !r.Disabled && len(r.Rows) == 0 && r.Action.Name == "":
			t.Errorf("%s: row %s can be clicked and does nothing", name, r.ID)
		case strings.ContainsFunc(r.Label, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0x202e }):
			t.Errorf("%s: row %s has control characters: %q", name, r.ID, r.Label)
		}
		checkRows(t, name, r.Rows)
	}
}

func TestAgo(t *testing.T) {
	for got, want := range map[string]string{
		ago(59 * time.Second): "just now", ago(-time.Hour): "just now", ago(61 * time.Second): "1 minute ago",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
