package pki

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

const (
	plainHex = "00112233445566778899aabbccddeeff0123456789abcdef0f1e2d3c4b5a6978"
	grouped  = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:01:23:45:67:89:AB:CD:EF:0F:1E:2D:3C:4B:5A:69:78"
)

func TestParseFingerprintForgives(t *testing.T) {
	want, err := ParseFingerprint(plainHex)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{
		"upper case":         strings.ToUpper(plainHex),
		"colons":             grouped,
		"spaces":             strings.ReplaceAll(grouped, ":", " "),
		"dashes":             strings.ReplaceAll(grouped, ":", "-"),
		"line break":         plainHex[:32] + "\r\n" + plainHex[32:],
		"no-break space":     plainHex[:32] + "\u00a0" + plainHex[32:],
		"SHA256:":            "SHA256:" + plainHex,
		"SHA-256 colon":      "SHA-256: " + grouped,
		"openssl":            "sha256 Fingerprint=" + grouped,
		"openssl, old":       "SHA256 Fingerprint=" + grouped + "\n",
		"surrounding spaces": "  " + plainHex + "\t",
	} {
		got, err := ParseFingerprint(in)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestParseFingerprintRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty":           "",
		"one short":       plainHex[1:],
		"one long":        plainHex + "0",
		"not hexadecimal": plainHex[:63] + "g",
		"SHA-1":           plainHex[:40],
		"only a name":     "SHA256:",
		"letter O":        "O" + plainHex[1:],
		"very long":       strings.Repeat(":", 100_000) + plainHex,
		"full-width":      "０" + plainHex[1:],
	} {
		_, err := ParseFingerprint(in)
		if err == nil || !strings.HasPrefix(err.Error(), "not a certificate fingerprint: ") {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if len(in) > 20 && strings.Contains(err.Error(), in[:20]) {
			t.Errorf("%s: the error repeats the text: %v", name, err)
		}
	}
}

func TestFingerprintForms(t *testing.T) {
	f, err := ParseFingerprint(plainHex)
	if err != nil {
		t.Fatal(err)
	}
	if f.String() != grouped || f.Hex() != plainHex || f.Short() != "001122334455…" {
		t.Errorf("got %s, %s, %s", f, f.Hex(), f.Short())
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("seen", "fingerprint", f)
	if strings.Contains(log.String(), plainHex[:20]) || !strings.Contains(log.String(), f.Short()) {
		t.Errorf("logged as %s", log.String())
	}
	type doc struct {
		F Fingerprint `json:"f"`
		Z Fingerprint `json:"z"`
	}
	text, err := json.Marshal(doc{F: f})
	if err != nil || string(text) != `{"f":"`+plainHex+`","z":""}` {
		t.Errorf("got %s, %v", text, err)
	}
	var back doc
	if err := json.Unmarshal(text, &back); err != nil || back != (doc{F: f}) {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestFingerprintEqual(t *testing.T) {
	f, _ := ParseFingerprint(plainHex)
	g := f
	if !f.Equal(g) {
		t.Error("not equal to itself")
	}
	g[31] ^= 1
	if f.Equal(g) {
		t.Error("equal to another")
	}
	var zero Fingerprint
	if zero.Equal(zero) || !zero.IsZero() || f.IsZero() {
		t.Error("a fingerprint that was never set must match nothing")
	}
	if !FingerprintOf(nil).IsZero() {
		t.Error("no certificate has a fingerprint")
	}
}
