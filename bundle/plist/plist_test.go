package plist_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"healthsync/bundle/plist"
)

const head = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
`

func doc(body string) []byte { return []byte(head + `<plist version="1.0">` + body + "</plist>\n") }

func TestParse(t *testing.T) {
	got, err := plist.Parse(doc(`<!-- a comment --><dict>
		<key>s</key><string>a &amp; b &lt;c&gt; é</string>
		<key>empty</key><string/>
		<key>t</key><true/><key>f</key><false/>
		<key>n</key><integer>-15</integer><key>r</key><real>1.5</real>
		<key>d</key><date>2026-01-07T00:00:00Z</date><key>b</key><data> aGk
		= </data>
		<key>a</key><array><string>x</string><dict/></array>
	</dict>`))
	want := plist.Dict{"s": "a & b <c> é", "empty": "", "t": true, "f": false, "n": int64(-15), "r": 1.5,
		"d": time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC), "b": []byte("hi"), "a": []any{"x", plist.Dict{}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%v\n%v", err, got, want)
	}
}

func TestBroken(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty":              nil,
		"no XML":             []byte("bplist00"),
		"not a plist":        []byte("<html/>"),
		"cut":                doc("<dict><key>a</key><string>b</string></dict>")[:200],
		"no version":         []byte("<plist><dict/></plist>"),
		"another type":       []byte(`<!DOCTYPE html><plist version="1.0"><dict/></plist>`),
		"root is an array":   doc("<array/>"),
		"two roots":          doc("<dict/><dict/>"),
		"nothing in it":      doc(""),
		"tail":               append(doc("<dict/>"), "<dict/>"...),
		"text between":       doc("<dict>LSUIElement<key>a</key><true/></dict>"),
		"key without value":  doc("<dict><key>a</key></dict>"),
		"value without key":  doc("<dict><true/></dict>"),
		"key after key":      doc("<dict><key>a</key><key>b</key></dict>"),
		"key twice":          doc("<dict><key>a</key><true/><key>a</key><false/></dict>"),
		"unknown element":    doc("<dict><key>a</key><bool>true</bool></dict>"),
		"yes for true":       doc("<dict><key>a</key><true>yes</true></dict>"),
		"no integer":         doc("<dict><key>a</key><integer>15.0</integer></dict>"),
		"no date":            doc("<dict><key>a</key><date>today</date></dict>"),
		"no base64":          doc("<dict><key>a</key><data>!</data></dict>"),
		"an attribute":       doc(`<dict><key>a</key><string lang="en">b</string></dict>`),
		"a bare ampersand":   doc("<dict><key>a</key><string>b & c</string></dict>"),
		"wrong end":          doc("<dict><key>a</key><string>b</key></dict>"),
		"element in a value": doc("<dict><key>a</key><string><b/></string></dict>"),
	} {
		var e *plist.Error
		if d, err := plist.Parse(data); !errors.As(err, &e) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

func TestSetString(t *testing.T) {
	in := doc("<dict><key>v</key>\n\t<string>0</string><key>w</key><string>0</string><key>in</key><dict><key>x</key><string/></dict></dict>")
	out, err := plist.SetString(in, "v", "1 & $1")
	if err != nil || !strings.Contains(string(out), "<key>v</key>\n\t<string>1 &amp; $1</string><key>w</key><string>0</string>") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, key := range []string{"absent", "in", "x"} {
		if _, err := plist.SetString(in, key, "y"); err == nil {
			t.Errorf("%s was set", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(doc("<dict><key>a</key><array><integer>1</integer></array></dict>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := plist.Parse(data); (d == nil) == (err == nil) {
			t.Errorf("%v, %v", d, err)
		}
	})
}
