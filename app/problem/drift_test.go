package problem_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/trust"
)

// Each verdict has its condition, its sentence and a remedy; docs/troubleshooting.md
// has the same sentences.
func TestDriftWords(t *testing.T) {
	doc, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	was, at := pairing.Place{Host: "192.168.1.5", Port: 50000}, pairing.Place{Host: "192.168.1.9", Port: 50001}
	silent, refused := &trust.Failure{Kind: trust.TimedOut, Addr: was.String()}, &trust.Failure{Kind: trust.Refused, Addr: was.String()}
	other := &trust.Failure{Kind: trust.FingerprintMismatch, Whose: trust.Server}
	for _, c := range []struct {
		err      pairing.DriftError
		code     problem.Code
		sentence string
		detail   string
	}{
		{pairing.DriftError{Verdict: pairing.Rekeyed, Name: "Ana's iPhone", Err: other}, problem.CertFingerprintMismatch, "The certificate is not the one that was paired", "192.168.1.9:50001 answers in its name."},
		{pairing.DriftError{Verdict: pairing.AnotherPhone, Name: "Bob's iPhone", Err: other}, problem.PhoneNotFound, "Another device has the iPhone's last address", `another iPhone, "Bob's iPhone"`},
		{pairing.DriftError{Verdict: pairing.AnotherPhone, Err: &trust.Failure{Kind: trust.NotTLS}}, problem.PhoneNotFound, "Another device has the iPhone's last address", "is another device now"},
		{pairing.DriftError{Verdict: pairing.Taken, Name: "Ana's iPhone", Err: other}, problem.HostUnverified, "Another device answers in the iPhone's name", "has another identity"},
		{pairing.DriftError{Verdict: pairing.Asleep, Err: silent}, problem.PhoneNotFound, "The iPhone was not found on the local network", "not announced by Bonjour"},
		{pairing.DriftError{Verdict: pairing.Asleep, Err: refused}, problem.ConnRefused, "Connection refused", "not announced by Bonjour"},
		{pairing.DriftError{Verdict: pairing.Asleep, Err: silent, Announced: true}, problem.TimedOut, "Connection timed out", "announced by Bonjour all the same"},
		{pairing.DriftError{Verdict: pairing.Asleep, Err: silent, Bonjour: errors.New("port taken")}, problem.PhoneNotFound, "The iPhone was not found on the local network", "Bonjour cannot be used here: port taken"},
		{pairing.DriftError{Verdict: pairing.OtherNetwork, Err: silent, Networks: "10.0.0.0/24"}, problem.PhoneNotFound, "This computer is not in the iPhone's network", "this computer is in 10.0.0.0/24"},
		{pairing.DriftError{Verdict: pairing.OtherNetwork, Err: silent}, problem.PhoneNotFound, "This computer is not in the iPhone's network", "this computer is in no network"},
		{pairing.DriftError{Verdict: pairing.Blocked, Err: silent, Denied: true}, problem.HostUnreachable, "HealthSync may not be allowed to use the local network", "macOS lets nothing through"},
		{pairing.DriftError{Verdict: pairing.Blocked, Err: silent, Tunnels: []string{"utun4"}}, problem.HostUnreachable, "A VPN may keep the iPhone from being reached", "utun4"},
		{pairing.DriftError{Verdict: pairing.Blocked, Err: silent}, problem.HostUnreachable, "The iPhone is announced and cannot be reached", "announces itself at 192.168.1.9:50001"},
	} {
		c.err.Was, c.err.At = was, at
		e := problem.From(&c.err, time.Now())
		if e.Code != c.code || e.Sentence != c.sentence || !strings.Contains(e.Detail, c.detail) || e.Remedy.Text == "" || e.Remedy.Action == "" {
			t.Errorf("%s: %s, %q, %q, fix: %s [%s]", c.err.Verdict, e.Code, e.Sentence, e.Detail, e.Remedy, e.Remedy.Action)
		}
		if !strings.Contains(string(doc), c.sentence) {
			t.Errorf("docs/troubleshooting.md does not have %q", c.sentence)
		}
	}
}
