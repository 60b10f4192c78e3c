package pki

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestStatusAtTheLimits(t *testing.T) {
	f := newFamily(t, guideDay)
	end := f.client.NotAfter
	for _, c := range []struct {
		now  time.Time
		want Status
	}{
		{guideDay.Add(-ClockLeeway - time.Second), StatusNotYetValid},
		{guideDay.Add(-ClockLeeway), StatusValid},
		{guideDay, StatusValid},
		{end, StatusValid},
		{end.Add(time.Nanosecond), StatusExpired},
	} {
		if got := StatusAt(f.client, c.now); got != c.want {
			t.Errorf("at %s: %s, want %s", c.now, got, c.want)
		}
	}
	if StatusAt(nil, guideDay) != StatusMissing {
		t.Error("nil is missing")
	}
}

func TestInspect(t *testing.T) {
	f := newFamily(t, guideDay)
	stranger := newFamily(t, guideDay)
	for _, c := range []struct {
		name string
		info Info
		want Status
	}{
		{"client", Inspect(f.client, guideDay, InspectOptions{Issuer: f.ca}), StatusValid},
		{"the CA by itself", Inspect(f.ca, guideDay, InspectOptions{Issuer: f.ca}), StatusValid},
		{"a namesake's", Inspect(stranger.client, guideDay, InspectOptions{Issuer: f.ca}), StatusUntrusted},
		{"a namesake's, expired", Inspect(stranger.client, guideDay.AddDate(2, 0, 0), InspectOptions{Issuer: f.ca}), StatusUntrusted},
		{"revoked", Inspect(f.client, guideDay, InspectOptions{Issuer: f.ca, Revoked: true}), StatusRevoked},
		{"expired", Inspect(f.client, guideDay.AddDate(1, 0, 1), InspectOptions{Issuer: f.ca}), StatusExpired},
		{"missing", Inspect(nil, guideDay, InspectOptions{Issuer: f.ca}), StatusMissing},
	} {
		if c.info.Status != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.info.Status, c.want)
		}
	}
	i := Inspect(f.client, guideDay.Add(time.Hour), InspectOptions{Issuer: f.ca})
	if i.DaysLeft != 364 || i.SelfSigned || !i.DatesEnforced || !i.Fingerprint.Equal(FingerprintOf(f.client)) || !Inspect(f.ca, guideDay, InspectOptions{}).SelfSigned {
		t.Errorf("got %+v", i)
	}
}

func TestInfoJSON(t *testing.T) {
	f := newFamily(t, guideDay)
	text, err := json.Marshal(Inspect(f.server, guideDay.AddDate(0, 0, -1), InspectOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"subject":"healthsync-server"`, `"status":"not_yet_valid"`, `"notAfter":"2027-01-07T10:30:15Z"`, `"sans":["Anas-iPhone.local","192.168.1.42","fe80::1"]`, `"fingerprint":"` + FingerprintOf(f.server).Hex()} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	missing, err := json.Marshal(Inspect(nil, guideDay, InspectOptions{}))
	if err != nil || strings.Contains(string(missing), "notBefore") || !strings.Contains(string(missing), `"status":"missing"`) {
		t.Errorf("got %s, %v", missing, err)
	}
}

// On an iPhone set to the Buddhist calendar the shipping app writes the year
// 2569 for 2026, of which UTCTime keeps "69": 1969 to everyone else.
func TestImpossibleYears(t *testing.T) {
	cert := newFamily(t, guideDay).issueClient(t, guideDay, between(guideDay.AddDate(-57, 0, 0), guideDay.AddDate(-56, 0, 0)))
	i := Inspect(cert, guideDay, InspectOptions{Pinned: true})
	if i.Status != StatusValid || !i.DatesDoubtful || i.DatesEnforced {
		t.Errorf("a pinned certificate with impossible years: %+v", i)
	}
	if i := Inspect(cert, guideDay, InspectOptions{}); i.Status != StatusExpired || i.DatesDoubtful {
		t.Errorf("unpinned: %+v", i)
	}
}

func TestDaysLeft(t *testing.T) {
	end := guideDay
	for _, c := range []struct {
		before time.Duration
		want   int
	}{
		{365 * day, 365}, {365*day - time.Second, 364}, {day, 1}, {day - 1, 0}, {1, 0}, {0, 0},
		{-time.Hour, 0}, {-day + 1, 0}, {-day, -1}, {-16*day - time.Hour, -16},
	} {
		if got := DaysLeft(end, end.Add(-c.before)); got != c.want {
			t.Errorf("%s before the end: %d, want %d", c.before, got, c.want)
		}
	}
}

func TestRenewDue(t *testing.T) {
	f := newFamily(t, guideDay)
	end := f.client.NotAfter
	for _, c := range []struct {
		left time.Duration
		want bool
	}{{31 * day, false}, {30*day + time.Second, false}, {30 * day, true}, {29 * day, true}, {0, true}, {-time.Second, false}} {
		if got := RenewDue(f.client, end.Add(-c.left)); got != c.want {
			t.Errorf("%s before the end: %v", c.left, got)
		}
	}
	short := f.issueClient(t, guideDay, between(guideDay, guideDay.Add(9*day)))
	if RenewDue(short, guideDay.Add(5*day)) || !RenewDue(short, guideDay.Add(6*day)) {
		t.Error("a certificate of nine days is renewed in its last third")
	}
	if RenewDue(nil, guideDay) || RenewDue(f.client, guideDay.Add(-day)) {
		t.Error("what is missing or not yet valid cannot be renewed")
	}
}
