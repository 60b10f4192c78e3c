package notify

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/testenv"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	start = time.Date(2026, 1, 7, 8, 0, 0, 0, time.UTC)
	days  = []int{30, 7, 1}
)

func paired(change func(*state.State)) state.State {
	s := state.State{
		At: start, Link: state.LinkConnected, Paired: true, PairedAt: start, Device: "Ana's iPhone", Protocol: 2,
		Credentials: []state.Credential{
			{Name: "client", NotBefore: start, NotAfter: start.AddDate(1, 0, 0)},
			{Name: "server", NotBefore: start, NotAfter: start.AddDate(1, 0, 1)},
			{Name: "ca", NotBefore: start, NotAfter: start.AddDate(5, 0, 0)},
		},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func broken(code problem.Code) state.State {
	return paired(func(s *state.State) {
		e := problem.New(code, "", nil)
		s.Link = state.LinkOf(e)
		s.Conditions = []problem.JSON{e.JSON()}
	})
}

// teller tells a story: one picture after the other.
type teller struct {
	t    *testing.T
	said Said
	last state.State
}

// tell shows the next picture and returns the keys of what was said, in the
// order in which it was.
func (w *teller) tell(s state.State, now time.Time) []string {
	w.t.Helper()
	s.At = now
	notices, said := Decide(w.last, s, w.said, days, now)
	w.last, w.said = s, said
	var keys []string
	for _, n := range notices {
		if n.Title == "" || n.Body == "" || strings.Contains(n.Title+n.Body, "  ") {
			w.t.Errorf("a notice reads badly: %+v", n)
		}
		keys = append(keys, n.Key)
	}
	return keys
}

func (w *teller) want(s state.State, now time.Time, prefixes ...string) {
	w.t.Helper()
	got := w.tell(s, now)
	if !slices.EqualFunc(got, prefixes, strings.HasPrefix) {
		w.t.Errorf("at %s said %q, want %q", now.Format(time.DateTime), got, prefixes)
	}
}

// begin is the first picture after a start: of what was there before, nothing
// is said.
func begin(t *testing.T, s state.State) *teller {
	w := &teller{t: t}
	w.want(s, start)
	return w
}

// What each condition says, as it is read: with the detail that it has in life.
func TestWords(t *testing.T) {
	details := map[problem.Code]string{
		problem.CertHasExpired: "The iPhone's certificate expired on 7 January 2027 (16 days ago).", problem.TokenExpired: "The pairing ended on 6 February 2026 (2 hours ago).",
		problem.CertNotYetValid: "The iPhone's certificate is valid from 8 January 2026.", problem.ClockSkew: "The iPhone's clock says 08:00, this computer's 09:31: 91 minutes apart.",
		problem.CertFingerprintMismatch: "Paired was 26f9828820c54b4a, this is b63395285863cac5.", problem.CAMismatch: "The iPhone's is 26f9828820c54b4a, this computer's b63395285863cac5.",
		problem.TokenRejected: "It was paired anew, its app was reinstalled, or the pairing was removed there.", problem.HostUnverified: "10.0.0.9:49321 announces the name \"Ana's iPhone\" and has another identity.",
		problem.KeychainUnavailable: "Secret Service: no session bus.", problem.DiskFull: "There is no room left for /home/ana/.local/share/healthsync/health.db.",
		problem.TypeSilent: "The iPhone returns nothing any more of Heart Rate, Resting Heart Rate.",
	}
	var b strings.Builder
	for _, device := range []string{"Ana's iPhone", ""} {
		for _, a := range acts {
			s := broken(a.code)
			s.Device = device
			title, body := a.words(problem.New(a.code, details[a.code], nil).JSON(), s)
			if device != "" || strings.Contains(a.title, "NAME") {
				fmt.Fprintf(&b, "%s\n  %s\n  %s\n", a.code, title, body)
			}
		}
	}
	const path = "testdata/words.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s differs (go test ./app/agent/notify -update writes it anew):\n%s", path, b.String())
	}
}

func TestEachConditionOnce(t *testing.T) {
	listed := map[problem.Code]bool{}
	for _, a := range acts {
		listed[a.code] = true
	}
	for _, c := range problem.Table() {
		t.Run(string(c.Code), func(t *testing.T) {
			w := begin(t, paired(nil))
			s := broken(c.Code)
			at := start.Add(time.Hour)
			first := w.tell(s, at)
			later := w.tell(s, at.Add(lasting))
			if said := len(first) + len(later); said > 1 || (said == 1) != listed[c.Code] {
				t.Fatalf("said %q, then %q", first, later)
			}
			w.want(s, at.Add(time.Hour))
			if !listed[c.Code] {
				return
			}
			// Out of reach, restarted, back: it is the same case.
			w.want(broken(problem.PhoneNotFound), at.Add(2*time.Hour))
			w.last = state.State{}
			w.want(s, at.Add(3*time.Hour))
			w.want(s, at.Add(4*time.Hour))
			// Mended for certain, and broken again: another case.
			w.want(paired(nil), at.Add(5*time.Hour))
			first, later = w.tell(s, at.Add(6*time.Hour)), w.tell(s, at.Add(7*time.Hour))
			if len(first)+len(later) != 1 {
				t.Errorf("the second case: said %q, then %q", first, later)
			}
		})
	}
}

// A keychain that is unlocked a moment after the login was never locked.
func TestWhatIsOverInAMomentIsNotTold(t *testing.T) {
	w := begin(t, paired(nil))
	locked := broken(problem.KeychainLocked)
	w.want(locked, start.Add(time.Minute))
	w.want(paired(nil), start.Add(2*time.Minute))
	w.want(locked, start.Add(10*time.Minute))
	w.want(paired(nil), start.Add(11*time.Minute))
	w.want(locked, start.Add(20*time.Minute))
	w.want(locked, start.Add(22*time.Minute), "condition:KEYCHAIN_LOCKED")
}

func TestEnds(t *testing.T) {
	end := start.AddDate(1, 0, 0)
	day := 24 * time.Hour
	t.Run("each threshold once", func(t *testing.T) {
		w := begin(t, paired(nil))
		// The server's certificate ends a day after the client's.
		w.want(paired(nil), end.Add(-30*day-time.Minute))
		w.want(paired(nil), end.Add(-30*day), "ends:client")
		w.want(paired(nil), end.Add(-30*day+time.Hour))
		w.want(paired(nil), end.Add(-29*day), "ends:server")
		w.want(paired(nil), end.Add(-8*day))
		w.want(paired(nil), end.Add(-7*day), "ends:client")
		w.want(paired(nil), end.Add(-6*day), "ends:server")
		w.want(paired(nil), end.Add(-1*day), "ends:client")
		w.want(paired(nil), end, "ends:client", "ends:server")
		w.want(paired(nil), end.Add(time.Hour))
		w.want(paired(nil), end.Add(day), "ends:server")
	})
	t.Run("slept through", func(t *testing.T) {
		w := begin(t, paired(nil))
		w.want(paired(nil), end.Add(-5*day), "ends:client")
		w.want(paired(nil), end.Add(10*day), "ends:client")
		w.want(paired(nil), end.Add(11*day))
	})
	t.Run("the app still hopes to renew", func(t *testing.T) {
		w := begin(t, paired(nil))
		hopeful := paired(func(s *state.State) { s.Menu.Renewing = true })
		w.want(hopeful, end.Add(-30*day))
		w.want(hopeful, end.Add(-10*day), "ends:server")
		w.want(hopeful, end.Add(-7*day), "ends:client")
	})
	t.Run("renewed", func(t *testing.T) {
		w := begin(t, paired(nil))
		w.want(paired(nil), end.Add(-30*day), "ends:client")
		w.want(paired(func(s *state.State) {
			s.Credentials[0].NotBefore, s.Credentials[0].NotAfter = end.Add(-30*day), end.AddDate(1, 0, -30)
		}), end.Add(-29*day), "ends:server")
	})
	t.Run("a token of 30 days", func(t *testing.T) {
		token := paired(func(s *state.State) {
			s.Protocol = 1
			s.Credentials = []state.Credential{
				{Name: "token", NotBefore: start, NotAfter: start.Add(30 * day)},
				{Name: "server", NotBefore: start, NotAfter: start.Add(5 * day), Advisory: true},
			}
		})
		w := begin(t, token)
		w.want(token, start.Add(22*day))
		w.want(token, start.Add(23*day), "ends:token")
		w.want(token, start.Add(29*day), "ends:token")
		w.want(token, start.Add(30*day), "ends:token")
	})
	t.Run("by its date, then by the iPhone's refusal", func(t *testing.T) {
		w := begin(t, paired(nil))
		w.want(paired(nil), end.Add(-time.Hour), "ends:client")
		away := broken(problem.PhoneNotFound)
		w.want(away, end.Add(time.Minute), "ends:client", "ends:server")
		w.want(broken(problem.CertHasExpired), end.Add(time.Hour))
	})
	t.Run("by the refusal, then by its date", func(t *testing.T) {
		w := begin(t, paired(nil))
		w.want(broken(problem.CertHasExpired), end.Add(time.Hour), "condition:CERT_HAS_EXPIRED", "ends:server")
		w.want(broken(problem.PhoneNotFound), end.Add(2*time.Hour))
	})
}

func TestPaired(t *testing.T) {
	none := state.State{At: start, Link: state.LinkNotPaired}
	w := begin(t, none)
	w.want(paired(nil), start.Add(time.Minute), "paired:")
	w.want(paired(nil), start.Add(time.Hour))
	w.want(broken(problem.CertRevoked), start.Add(2*time.Hour), "condition:CERT_REVOKED")
	w.want(none, start.Add(3*time.Hour))
	again := func(s *state.State) { s.PairedAt = start.Add(4 * time.Hour) }
	w.want(paired(again), start.Add(4*time.Hour), "paired:")
	// Revoked again by the new pairing is another case.
	s := broken(problem.CertRevoked)
	again(&s)
	w.want(s, start.Add(5*time.Hour), "condition:CERT_REVOKED")
	// A restart tells nothing of a pairing that it finds.
	w.last = state.State{}
	w.want(s, start.Add(6*time.Hour))
}

func TestMoved(t *testing.T) {
	at := start
	move := func(from, to string) state.State {
		at = at.Add(time.Minute)
		return paired(func(s *state.State) { s.Menu.Moved = &state.Move{From: from, To: to, At: at} })
	}
	w := begin(t, paired(nil))
	w.want(move("10.0.0.5:49321", "10.0.0.5:50777"), start.Add(time.Hour)) // sharing started anew
	w.want(move("10.0.0.5:49321", "10.0.0.7:50777"), start.Add(2*time.Hour), "moved:10.0.0.7")
	w.want(w.last, start.Add(3*time.Hour))
	w.want(move("10.0.0.7:1", "10.0.0.5:1"), start.Add(30*time.Hour)) // back where it was
	w.want(move("10.0.0.5:1", "10.0.0.7:1"), start.Add(60*time.Hour))
	w.want(move("10.0.0.7:1", "10.0.0.9:1"), start.Add(90*time.Hour), "moved:10.0.0.9")
	w.want(move("10.0.0.9:1", "10.0.0.11:1"), start.Add(91*time.Hour)) // twice a day is once too often
	w.want(move("10.0.0.11:1", "10.0.0.9:1"), start.Add(200*time.Hour))
}

func TestBroken(t *testing.T) {
	away := func(since time.Time) state.State {
		s := broken(problem.PhoneNotFound)
		s.FailingSince, s.LastSync = since, start
		return s
	}
	w := begin(t, paired(nil))
	w.want(away(start), start.Add(Broken-time.Second))
	w.want(away(start), start.Add(Broken), "broken:")
	w.want(away(start), start.Add(3*Broken))
	w.want(paired(nil), start.Add(4*Broken))
	again := start.Add(5 * Broken)
	w.want(away(again), again.Add(Broken), "broken:")

	// Who knows the reason needs no reminder of the effect.
	w = begin(t, paired(nil))
	revoked := broken(problem.CertRevoked)
	revoked.FailingSince = start
	w.want(revoked, start.Add(time.Hour), "condition:CERT_REVOKED")
	w.want(revoked, start.Add(2*Broken))
}

// A pairing is no news for as long as it lasts.
func TestPairedForYears(t *testing.T) {
	w := begin(t, state.State{At: start, Link: state.LinkNotPaired})
	s := paired(func(s *state.State) { s.Credentials = nil })
	w.want(s, start.Add(time.Hour), "paired:")
	w.want(s, start.Add(keep+2*time.Hour))
	w.want(s, start.Add(3*keep))
}

// Decide leaves the memory that it was given alone, and forgets in the end.
func TestMemory(t *testing.T) {
	said := Said{"condition:CERT_REVOKED": start.Add(-keep - time.Second), "x": start}
	_, after := Decide(state.State{}, broken(problem.PhoneNotFound), said, days, start)
	if len(said) != 2 || len(after) == 0 || !after["condition:CERT_REVOKED"].IsZero() {
		t.Errorf("%v became %v", said, after)
	}
}

func TestWhen(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "today", 15 * time.Hour: "today", 17 * time.Hour: "tomorrow", 24 * time.Hour: "tomorrow", 29*24*time.Hour + time.Hour: "on 5 February 2026",
	} {
		if got := when(start.Add(d), start); got != want {
			t.Errorf("in %s: %q, want %q", d, got, want)
		}
	}
}

// Tomorrow is tomorrow also on the eve of a day that has no such time of day.
func TestTomorrowWithoutMidnight(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	now := time.Date(2026, 9, 5, 0, 30, 0, 0, zone)
	if got := when(now.Add(25*time.Hour), now); got != "tomorrow" {
		t.Errorf("%q", got)
	}
}
