package pairingcode

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const (
	leafHex = "3f9a1c07d4e85b62a1f0937c5e2d48b6ca17f3805d9e64b2170c8fa3e5d2b941"
	caHex   = "b81d02e94c7f5a36d0e1c2947fa8536be4d907128acf35e6b0914d7c28fe53a6"
)

// version1 is as the shipping app encodes it: no fixed order of keys.
const version1 = `{"expiresAt":"2026-01-07T12:05:00Z","port":54321,"version":"1","host":"192.168.1.23",` +
	`"certificateFingerprint":"` + leafHex + `","code":"AbCd2345"}`

const version2 = `{"caFingerprint":"` + caHex + `","expiresAt":"2026-01-07T12:05:00Z","port":54321,"version":"2",` +
	`"host":"Anas-iPhone.local",` +
	`"certificateFingerprint":"` + leafHex + `","code":"AbCd2345"}`

func TestParsePayload(t *testing.T) {
	p, err := ParsePayload(version1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Version != 1 || p.Host != "192.168.1.23" || p.Port != 54321 || p.Code != "AbCd2345" || p.Leaf.Hex() != leafHex ||
		!p.CA.IsZero() || !p.ExpiresAt.Equal(time.Date(2026, 1, 7, 12, 5, 0, 0, time.UTC)) {
		t.Errorf("version 1: %#v", p)
	}
	p, err = ParsePayload([]byte(version2))
	if err != nil {
		t.Fatal(err)
	}
	if p.Version != 2 || p.Host != "Anas-iPhone.local" || p.CA.Hex() != caHex {
		t.Errorf("version 2: %#v", p)
	}
}

// What copying does to text: the payload is the same.
func TestParsePayloadForgives(t *testing.T) {
	want, err := ParsePayload(version2)
	if err != nil {
		t.Fatal(err)
	}
	pretty := strings.NewReplacer(",", ",\n    ", "{", "{\n    ", "}", "\n}", ":\"", ": \"").Replace(version2)
	for name, text := range map[string]string{
		"white space around":      " \t\r\n" + version2 + "\n\n ",
		"byte order mark":         "\ufeff" + version2,
		"no-break spaces":         "\u00a0" + strings.ReplaceAll(version2, ",", ",\u00a0") + "\u202f",
		"zero-width spaces":       strings.ReplaceAll(version2, ",", "\u200b,") + "\u2060",
		"indented":                pretty,
		"windows line ends":       strings.ReplaceAll(pretty, "\n", "\r\n"),
		"broken in a value":       strings.Replace(version2, leafHex, leafHex[:40]+"\r\n"+leafHex[40:], 1),
		"broken and indented":     strings.Replace(version2, leafHex, leafHex[:40]+"\n      "+leafHex[40:], 1),
		"typographic quotes":      strings.ReplaceAll(version2, `"`, "\u201d"),
		"opening and closing":     strings.ReplaceAll(strings.ReplaceAll(version2, `":`, "\u201d:"), `,"`, ",\u201c"),
		"escaped slash elsewhere": strings.Replace(version2, `{`, `{"name":"a\/b",`, 1),
		"unknown fields":          strings.Replace(version2, `{`, `{"x":{"y":[1,2,null]},"deviceName":"Ana’s iPhone",`, 1),
		"escaped letters":         strings.Replace(version2, `AbCd2345`, `\u0041bCd2345`, 1),
		"fingerprint upper case":  strings.Replace(version2, leafHex, strings.ToUpper(leafHex), 1),
		"fraction of a second":    strings.Replace(version2, "12:05:00Z", "12:05:00.731Z", 1),
		"another zone":            strings.Replace(version2, "T12:05:00Z", "T13:05:00+01:00", 1),
	} {
		got, err := ParsePayload(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got != want {
			t.Errorf("%s: %v differs", name, got)
		}
	}
	got, err := ParsePayload(strings.Replace(version2, "Anas-iPhone.local", "[fe80::1%en0]", 1))
	if err != nil || got.Host != "fe80::1%en0" {
		t.Errorf("bracketed address: %v, %v", got.Host, err)
	}
}

func TestParsePayloadRefuses(t *testing.T) {
	with := func(old, new string) string {
		if !strings.Contains(version2, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(version2, old, new, 1)
	}
	for _, c := range []struct{ name, text, field, reason string }{
		{"no version", with(`"version":"2",`, ""), "version", "is missing"},
		{"null version", with(`"version":"2"`, `"version":null`), "version", "is missing"},
		{"version 3", with(`"version":"2"`, `"version":"3"`), "version", "is not 1 or 2"},
		{"version a number", with(`"version":"2"`, `"version":2`), "version", "is not a string"},
		{"version with a space", with(`"version":"2"`, `"version":" 2"`), "version", "is not 1 or 2"},
		{"no host", with(`"host":"Anas-iPhone.local",`, ""), "host", "is missing"},
		{"empty host", with("Anas-iPhone.local", ""), "host", "is empty"},
		{"a URL for a host", with("Anas-iPhone.local", "https://evil.example"), "host",
			"is not a host name or an IP address"},
		{"host with a port", with("Anas-iPhone.local", "10.0.0.1:80"), "host", "is not a host name or an IP address"},
		{"host with a user", with("Anas-iPhone.local", "a@b.local"), "host", "is not a host name or an IP address"},
		{"host with a space", with("Anas-iPhone.local", "a b.local"), "host", "is not a host name or an IP address"},
		{"host with a control character", with("Anas-iPhone.local", `a\u0007.local`), "host",
			"is not a host name or an IP address"},
		{"host with an empty label", with("Anas-iPhone.local", "a..local"), "host", "is not a host name or an IP address"},
		{"host of Cyrillic letters", with("Anas-iPhone.local", "аnа.local"), "host", "is not a host name or an IP address"},
		{"zone with a slash", with("Anas-iPhone.local", `fe80::1%a\/b`), "host", "is not a host name or an IP address"},
		{"long host", with("Anas-iPhone.local", strings.Repeat("a", 300)), "host", "is too long"},
		{"no port", with(`"port":54321,`, ""), "port", "is missing"},
		{"port 0", with("54321", "0"), "port", "is not a port (1-65535)"},
		{"port 65536", with("54321", "65536"), "port", "is not a port (1-65535)"},
		{"negative port", with("54321", "-1"), "port", "is not a port (1-65535)"},
		{"port with a fraction", with("54321", "54321.5"), "port", "is not a whole number"},
		{"port with an exponent", with("54321", "1e3"), "port", "is not a whole number"},
		{"huge port", with("54321", "99999999999999999999"), "port", "is not a whole number"},
		{"port as text", with("54321", `"54321"`), "port", "is not a number"},
		{"no code", with(`,"code":"AbCd2345"`, ""), "code", "is missing"},
		{"empty code", with("AbCd2345", ""), "code", "is empty"},
		{"short code", with("AbCd2345", "Abc"), "code", "is too short"},
		{"long code", with("AbCd2345", strings.Repeat("A", 65)), "code", "is too long"},
		{"code with a quote", with("AbCd2345", `AbCd\"2345`), "code", "has characters that no pairing code has"},
		{"code with a letter of Greek", with("AbCd2345", "ΑbCd2345"), "code", "has characters that no pairing code has"},
		{"no date", with(`"expiresAt":"2026-01-07T12:05:00Z",`, ""), "expiresAt", "is missing"},
		{"date as a number", with(`"2026-01-07T12:05:00Z"`, "789480300"), "expiresAt", "is not a string"},
		{"date without a zone", with("12:05:00Z", "12:05:00"), "expiresAt", "is not a date as in 2026-01-07T12:00:00Z"},
		{"no such date", with("2026-01-07", "2026-02-30"), "expiresAt", "is not a date as in 2026-01-07T12:00:00Z"},
		{"date out of reason", with("2026-01-07", "9999-01-07"), "expiresAt", "is not a date of this millennium"},
		{"no fingerprint", with(`"certificateFingerprint":"`+leafHex+`",`, ""), "certificateFingerprint", "is missing"},
		{"short fingerprint", with(leafHex, leafHex[:62]), "certificateFingerprint",
			"is not a SHA-256 fingerprint (64 hexadecimal digits)"},
		{"zero fingerprint", with(leafHex, strings.Repeat("0", 64)), "certificateFingerprint", "is empty"},
		{"no CA in version 2", with(`"caFingerprint":"`+caHex+`",`, ""), "caFingerprint", "is missing"},
		{"bad CA in version 2", with(caHex, "none"), "caFingerprint", "is not a SHA-256 fingerprint (64 hexadecimal digits)"},
		{"code twice", with(`{`, `{"code":"ZZZZ9999",`), "", "names a field twice"},
		{"code twice, once escaped", with(`{`, `{"\u0063ode":"ZZZZ9999",`), "", "names a field twice"},
		{"cut short", version2[:len(version2)-9], "", "is cut short"},
		{"cut in a name", version2[:strings.Index(version2, "Fingerprint\":\""+leafHex)+len("Fingerprint\":\"")+70], "",
			"is cut short"},
		{"something after it", version2 + "{}", "", "is followed by something else"},
		{"not JSON", with(`"port":`, `"port"=`), "", "is not well-formed JSON"},
		{"single quotes", "{" + strings.ReplaceAll(version2[1:], `"`, "'"), "", "is not well-formed JSON"},
		{"too long", version2 + strings.Repeat(" ", MaxPayload), "", "is longer than 4096 bytes"},
	} {
		got, err := ParsePayload(c.text)
		var pe *PayloadError
		if !errors.As(err, &pe) {
			t.Errorf("%s: %v, want a *PayloadError", c.name, err)
			continue
		}
		if pe.Field != c.field || pe.Reason != c.reason {
			t.Errorf("%s: field %q %s, want %q %s", c.name, pe.Field, pe.Reason, c.field, c.reason)
		}
		if got != (Payload{}) {
			t.Errorf("%s: a payload came back with the error", c.name)
		}
		if strings.Contains(err.Error(), "AbCd") || strings.Contains(err.Error(), "ZZZZ") {
			t.Errorf("%s: the code is in the error: %v", c.name, err)
		}
	}
}

func TestParsePayloadForeign(t *testing.T) {
	for text, kind := range map[string]string{
		"https://example.org/a":                   "web address",
		"HTTP://EXAMPLE.ORG":                      "web address",
		"WIFI:T:WPA;S:Home;P:secret-password;;":   "Wi-Fi network",
		"BEGIN:VCARD\nVERSION:3.0\nN:Ana":         "contact",
		"otpauth://totp/x?secret=JBSWY3DPEHPK3PX": "one-time password",
		"just words":                              "text",
		`{"a":1}`:                                 "JSON",
		`{"version":"1","host":"x"`:               "JSON",
		`[1,2]`:                                   "JSON",
		`"text"`:                                  "text",
		strings.Repeat("long ", 2000):             "text",
	} {
		_, err := ParsePayload(text)
		var foreign *NotHealthSyncError
		if !errors.As(err, &foreign) {
			t.Errorf("%.20q: %v", text, err)
			continue
		}
		if len(foreign.Kinds) != 1 || foreign.Kinds[0] != kind {
			t.Errorf("%.20q: kinds %q, want %q", text, foreign.Kinds, kind)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("contents in the error: %v", err)
		}
	}
	var foreign *NotHealthSyncError
	if _, err := ParsePayload(" \n"); !errors.As(err, &foreign) || len(foreign.Kinds) != 0 {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestPayloadJSON(t *testing.T) {
	r := seeded(1)
	for version := 1; version <= 2; version++ {
		p := samplePayload(version, r)
		p.Host = "fe80::1%en0"
		orders := map[string]bool{}
		for range 20 {
			text := shuffledJSON(p, r)
			orders[string(text)] = true
			if got, err := ParsePayload(text); err != nil || got != p {
				t.Fatalf("version %d: %v, %v", version, got, err)
			}
		}
		if len(orders) < 10 {
			t.Errorf("%d orders in 20", len(orders))
		}
		if bytes.Contains(p.JSON(), []byte(fieldCA)) != (version == 2) {
			t.Errorf("version %d: CA fingerprint", version)
		}
	}
	p, err := ParsePayload(version1)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":"1","host":"192.168.1.23","port":54321,"code":"AbCd2345","expiresAt":"2026-01-07T12:05:00Z",` +
		`"certificateFingerprint":"` + leafHex + `"}`
	if got := string(p.JSON()); got != want {
		t.Errorf("JSON\n%s, want\n%s", got, want)
	}
}

func TestPayloadKeepsItsCode(t *testing.T) {
	p, err := ParsePayload(version2)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("found", "payload", p, "pointer", &p)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("found", "payload", p, "list", []Payload{p})
	fmt.Fprintf(&b, "%v %+v %s %#v %v", p, p, p, p, &p)
	if strings.Contains(b.String(), p.Code) {
		t.Errorf("the code shows: %s", b.String())
	}
	if !strings.Contains(b.String(), "Anas-iPhone.local") {
		t.Errorf("the host does not: %s", b.String())
	}
}

func TestPayloadExpired(t *testing.T) {
	p := Payload{ExpiresAt: now}
	for at, want := range map[time.Time]bool{now.Add(-time.Second): false, now: true, now.Add(time.Hour): true} {
		if p.Expired(at) != want {
			t.Errorf("at %v: %v", at, !want)
		}
	}
	if (Payload{}).Expired(now) {
		t.Error("a payload without a date is taken for expired")
	}
}
