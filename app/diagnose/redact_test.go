package diagnose

import (
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	w := &walk{o: Options{Home: "/home/ana/"}, names: []string{"Ana’s iPhone", "iPhone", "Al", ""}}
	public := w.redactor()
	for _, c := range []struct{ in, out string }{
		{"", ""},
		{"In /home/ana/.config/healthsync", "In ~/.config/healthsync"},
		{"/home/ana", "~"},
		{"/home/anabel/x.db", "~/x.db"},
		{"/Users/bob/Library/x: no such file", "~/Library/x: no such file"},
		{"/tmp/demo/home/vault/secrets.json", "/tmp/demo/home/vault/secrets.json"},
		{"mv '/home/ana/My Data/health.db' '/home/ana/My Data/health.db.damaged' && healthsync sync",
			`mv "$HOME/My Data/health.db" "$HOME/My Data/health.db.damaged" && healthsync sync`},
		{"192.168.1.20:8443 announces the name \"Ana’s iPhone\" and", "192.168.1.20:8443 announces the name (its name) and"},
		{"Ana’s iPhone answers", "(its name) answers"},
		{"The iPhone is locked; open the iPhone app", "The iPhone is locked; open the iPhone app"},
		{"All of it, Also", "All of it, Also"},
		{"is for Anas-iPhone.local, 192.168.1.20, not for 10.0.0.3.", "is for (name).local, 192.168.1.20, not for 10.0.0.3."},
		{"~/.local/share/healthsync", "~/.local/share/healthsync"},
		{"is for 203.0.113.9, not for 8.8.8.8.", "is for (a public address), not for (a public address)."},
		{"eth0 (fd00::2/64, 2001:db8::5)", "eth0 (fd00::2/64, (a public address))"},
		{"fe80::1%en0 and fe80::1 and ::1", "fe80::1%en0 and fe80::1 and ::1"},
		{"at 12:04:05, AB:CD:EF:01", "at 12:04:05, AB:CD:EF:01"},
		{`The iPhone says: "my pulse is 61"`, ""},
		{"HTTP status 500. The iPhone says: \"a\nb\"", "HTTP status 500."},
	} {
		if got := public(c.in); got != c.out {
			t.Errorf("%q\nbecomes %q\nwant    %q", c.in, got, c.out)
		}
	}
	w.o.Names = true
	if got := w.redactor()("Ana’s iPhone at Anas-iPhone.local, 8.8.8.8, /home/ana/x"); got != "Ana’s iPhone at Anas-iPhone.local, (a public address), ~/x" {
		t.Errorf("with names: %q", got)
	}
}

func TestConclude(t *testing.T) {
	r := &Report{Checks: []Check{
		{ID: Pairing, Verdict: OK}, {ID: TCP, Title: "TCP", Verdict: Fail, Code: "ECONNREFUSED"}, {ID: Address, Title: "Address", Verdict: Fail, Code: "PHONE_NOT_FOUND"},
		{ID: Disk, Title: "Disk", Verdict: Fail, Code: "DISK_FULL", Sentence: "x"}, {ID: Bonjour, Title: "Bonjour", Verdict: Warn, Sentence: "y"},
	}}
	r.conclude()
	if r.Code != "PHONE_NOT_FOUND" || strings.Join(r.Also, " ") != "disk bonjour" {
		t.Errorf("the verdict is %s, also %v", r.Code, r.Also)
	}
	r = &Report{Checks: []Check{{ID: Pairing, Verdict: OK}, {ID: Bonjour, Title: "Bonjour", Verdict: Warn, Sentence: "y"}}}
	if r.conclude(); r.Verdict != Warn || r.Sentence != "Bonjour: y" || r.Err() != nil {
		t.Errorf("the verdict is %s %q", r.Verdict, r.Sentence)
	}
}
