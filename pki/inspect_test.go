package pki

import (
	"crypto/x509"
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
	f, stranger := newFamily(t, guideDay), newFamily(t, guideDay)
	ours := InspectOptions{Issuer: f.ca}
	later := guideDay.AddDate(2, 0, 0)
	for _, c := range []struct {
		name string
		cert *x509.Certificate
		now  time.Time
		o    InspectOptions
		want Status
	}{
		{"client", f.client, guideDay, ours, StatusValid},
		{"the CA by itself", f.ca, guideDay, ours, StatusValid},
		{"a namesake's", stranger.client, guideDay, ours, StatusUntrusted},
		{"a namesake's, expired", stranger.client, later, ours, StatusUntrusted},
		{"revoked", f.client, guideDay, InspectOptions{Issuer: f.ca, Revoked: true}, StatusRevoked},
		{"expired", f.client, later, ours, StatusExpired},
		{"missing", nil, guideDay, ours, StatusMissing},
	} {
		if got := Inspect(c.cert, c.now, c.o); got.Status != c.want || got.SelfSigned != (c.cert == f.ca) {
			t.Errorf("%s: %+v, want %s", c.name, got, c.want)
		}
	}
	i := Inspect(f.client, guideDay.Add(time.Hour), ours)
	if i.DaysLeft != 364 || !i.DatesEnforced || !i.Fingerprint.Equal(FingerprintOf(f.client)) {
		t.Errorf("got %+v", i)
	}
}

func TestInfoJSON(t *testing.T) {
	f := newFamily(t, guideDay)
	text, err := json.Marshal(Inspect(f.server, guideDay.AddDate(0, 0, -1), InspectOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"subject":"healthsync-server"`, `"status":"not_yet_valid"`, `"notAfter":"2027-01-07T10:30:15Z"`,
		`"sans":["Anas-iPhone.local","192.168.1.42","fe80::1"]`, `"fingerprint":"` + FingerprintOf(f.server).Hex(),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	text, err = json.Marshal(Inspect(nil, guideDay, InspectOptions{}))
	if err != nil || strings.Contains(string(text), "notBefore") || !strings.Contains(string(text), `"status":"missing"`) {
		t.Errorf("got %s, %v", text, err)
	}
}

// On an iPhone set to the Buddhist calendar the shipping app writes the year
// 2569 for 2026, of which UTCTime keeps "69": 1969 to everyone else.
func TestImpossibleYears(t *testing.T) {
	in1969 := between(guideDay.AddDate(-57, 0, 0), guideDay.AddDate(-56, 0, 0))
	cert := newFamily(t, guideDay).issueClient(t, guideDay, in1969)
	i := Inspect(cert, guideDay, InspectOptions{Pinned: true})
	if i.Status != StatusValid || !i.DatesDoubtful || i.DatesEnforced {
		t.Errorf("a pinned certificate with impossible years: %+v", i)
	}
	if i := Inspect(cert, guideDay, InspectOptions{}); i.Status != StatusExpired || i.DatesDoubtful {
		t.Errorf("unpinned: %+v", i)
	}
}

func TestDaysLeft(t *testing.T) {
	for before, want := range map[time.Duration]int{
		365 * day: 365, 365*day - time.Second: 364, day: 1, day - 1: 0, 1: 0, 0: 0,
		-time.Hour: 0, -day + 1: 0, -day: -1, -16*day - time.Hour: -16,
	} {
		if got := DaysLeft(guideDay, guideDay.Add(-before)); got != want {
			t.Errorf("%s before the end: %d, want %d", before, got, want)
		}
	}
}

func TestRenewDue(t *testing.T) {
	f := newFamily(t, guideDay)
	end := f.client.NotAfter
	for left, want := range map[time.Duration]bool{
		31 * day: false, 30*day + time.Second: false, 30 * day: true, 29 * day: true, 0: true, -time.Second: false,
	} {
		if got := RenewDue(f.client, end.Add(-left)); got != want {
			t.Errorf("%s before the end: %v", left, got)
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
