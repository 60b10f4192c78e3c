package daily

import (
	"cmp"
	"slices"
	"strings"
)

// Priority is the order of sources: of two that measured at the same time the
// first counts. The zero value is the default order.
type Priority struct {
	// Names come before all others, in their order: a source's name, in any
	// case, where * stands for any characters.
	Names []string
}

// What comes first where nothing is said, as the Health app has it: entered by
// hand, measured by Apple's devices, measured by other apps and devices.
const (
	byHand = iota
	watch
	phone
	other
)

// handNames are the names under which the Health app itself is a source, in
// the languages of which we know. The iPhone app sends no other sign of an entry by hand.
var handNames = []string{"health", "gesundheit", "santé", "salud", "salute", "saúde", "gezondheid", "hälsa", "helse",
	"sundhed", "zdrowie", "ヘルスケア", "健康"}

// kind tells what a source is by its name, which is all there is: "Ana's
// Apple Watch", "Ana's iPhone".
func kind(source string) int {
	s := strings.ToLower(source)
	switch {
	case slices.Contains(handNames, s):
		return byHand
	case strings.Contains(s, "watch"):
		return watch
	case strings.Contains(s, "iphone"), strings.Contains(s, "ipad"), strings.Contains(s, "ipod"):
		return phone
	}
	return other
}

// Unmatched gives those of the names that none of these sources has.
func (p Priority) Unmatched(sources []string) []string {
	var out []string
	for _, n := range p.Names {
		if !slices.ContainsFunc(sources, func(s string) bool { return wild(strings.ToLower(n), strings.ToLower(s)) }) {
			out = append(out, n)
		}
	}
	return out
}

// place is where a source stands before names are compared.
func (p Priority) place(source string, manual bool) int {
	s := strings.ToLower(source)
	for i, n := range p.Names {
		if wild(strings.ToLower(n), s) {
			return i
		}
	}
	if manual {
		return len(p.Names) + byHand
	}
	return len(p.Names) + kind(source)
}

// Compare orders two sources: negative where a counts rather than b. manual
// says that the person entered the value. Sources of one kind go by name, so
// that there is always one order.
func (p Priority) Compare(a string, aManual bool, b string, bManual bool) int {
	if c := cmp.Compare(p.place(a, aManual), p.place(b, bManual)); c != 0 {
		return c
	}
	if c := strings.Compare(a, b); c != 0 {
		return c
	}
	switch {
	case aManual == bManual:
		return 0
	case aManual:
		return -1
	}
	return 1
}

// wild reports whether s is what pattern says, where * is any text.
func wild(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return s == pattern
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1:last] {
		if _, s, ok = strings.Cut(s, p); !ok {
			return false
		}
	}
	return strings.HasSuffix(s, parts[last])
}
