package diagnose

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"healthsync/pki/trust"
)

var (
	hostName   = regexp.MustCompile(`[\pL\pN_-][\pL\pN_.-]*\.local\b`)
	anAddress  = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*`)
	homeFolder = regexp.MustCompile(`(^|[^\pL\pN/._~-])(?:/home|/Users)/[^/\s'":;,]+`)
	quotedPath = regexp.MustCompile(`'~(/[^']*)'`)
	itsWords   = regexp.MustCompile(`(?s)The iPhone says: ".*"\.?`)
)

// redactor gives the function that makes a text fit for the public. The
// sentences of this package hold nothing that is not; what other packages
// explain may name paths, hosts and devices.
func (w *walk) redactor() func(string) string {
	home := strings.TrimRight(w.o.Home, "/")
	return func(s string) string {
		if s == "" {
			return s
		}
		if len(home) > 1 {
			s = replacePath(s, home)
		}
		s = homeFolder.ReplaceAllString(s, "$1~")
		// A shell does not expand ~ in quotes.
		s = quotedPath.ReplaceAllString(s, `"$$HOME$1"`)
		s = anAddress.ReplaceAllStringFunc(s, publicAddress)
		if w.o.Names {
			return s
		}
		s = itsWords.ReplaceAllString(s, "")
		s = hostName.ReplaceAllString(s, "(name).local")
		for _, name := range w.names {
			s = hideName(s, name)
		}
		return strings.TrimSpace(s)
	}
}

// replacePath shortens a folder to ~ where it is a whole path's beginning.
func replacePath(s, home string) string {
	return regexp.MustCompile(regexp.QuoteMeta(home)+`([^\pL\pN._-]|$)`).ReplaceAllString(s, "~$1")
}

// publicAddress hides an address that is not of a local network. What looks
// like one and is none (a time, a fingerprint) stays.
func publicAddress(s string) string {
	a, err := netip.ParseAddr(strings.TrimSuffix(s, "."))
	if err != nil || trust.IsLocal(a) || a.Is6() && a.IsLinkLocalUnicast() {
		return s
	}
	return "(a public address)"
}

// ownWords are names of devices that say nothing about anybody, and that the
// sentences themselves use.
var ownWords = []string{"iphone", "ipad", "ipod", "mac", "phone", "healthsync", "the", "this", "a"}

// hideName takes a device's name out, in quotes or by itself as a word.
func hideName(s, name string) string {
	if name == "" {
		return s
	}
	s = strings.ReplaceAll(s, strconv.Quote(name), "(its name)")
	if len([]rune(name)) < 3 || slices.Contains(ownWords, strings.ToLower(name)) {
		return s
	}
	return strings.ReplaceAll(s, name, "(its name)")
}
