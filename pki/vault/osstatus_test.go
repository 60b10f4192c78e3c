package vault

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// TestOSStatusHeader compares the codes with Apple's own header, where an SDK
// is given by SDKROOT.
func TestOSStatusHeader(t *testing.T) {
	root := os.Getenv("SDKROOT")
	if root == "" {
		t.Skip("SDKROOT is not set")
	}
	text, err := os.ReadFile(filepath.Join(root, "System/Library/Frameworks/Security.framework/Headers/SecBase.h"))
	must(t, err)
	header := map[string]osStatus{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(errSec\w+)\s*=\s*(-?\d+)`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[2])
		must(t, err)
		header[m[1]] = osStatus(n)
	}
	source, err := os.ReadFile("osstatus.go")
	must(t, err)
	all := regexp.MustCompile(`(?m)^\t(errSec\w+)\s+osStatus = (-?\d+)`).FindAllStringSubmatch(string(source), -1)
	if len(all) < 12 {
		t.Fatalf("only %d codes found in the source", len(all))
	}
	for _, m := range all {
		n, _ := strconv.Atoi(m[2])
		name := m[1]
		if want, ok := header[name]; !ok || want != osStatus(n) {
			t.Errorf("%s is %d here and %d (%v) in the header", name, n, want, ok)
		}
	}
}
