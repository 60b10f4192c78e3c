package vault

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// TestOSStatusCSSM takes codes as people report them.
func TestOSStatusCSSM(t *testing.T) {
	for s, want := range map[osStatus]statusClass{
		-2147416032: classCancelled, // CSSMERR_CSP_OPERATION_AUTH_DENIED
		-2147415840: classLocked,    // CSSMERR_CSP_NO_USER_INTERACTION
		-2147415839: classCancelled, // CSSMERR_CSP_USER_CANCELED
		-2147413984: classCancelled, // CSSMERR_DL_OPERATION_AUTH_DENIED
		-2147412991: classFull,      // CSSMERR_APPLEDL_DISK_FULL
		-2147412987: classCorrupt,   // CSSMERR_APPLEDL_INVALID_KEY_BLOB
		-2147416063: classFailed,    // CSSMERR_CSP_INTERNAL_ERROR
		100028:      classFull,      // ENOSPC
		100013:      classDenied,    // EACCES
		100002:      classFailed,
		-67671:      classFailed, // errSecInternalError
		1:           classFailed,
	} {
		if got := s.class(); got != want {
			t.Errorf("%d is of class %d, want %d", s, got, want)
		}
	}
}

// TestOSStatusHeader compares the codes with Apple's own header, where an SDK
// is given by SDKROOT.
func TestOSStatusHeader(t *testing.T) {
	root := os.Getenv("SDKROOT")
	if root == "" {
		t.Skip("SDKROOT is not set")
	}
	text, err := os.ReadFile(filepath.Join(root, "System/Library/Frameworks/Security.framework/Headers/SecBase.h"))
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]osStatus{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(errSec\w+)\s*=\s*(-?\d+)`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		header[m[1]] = osStatus(n)
	}
	source, err := os.ReadFile("osstatus.go")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^\t(errSec\w+)\s+osStatus = (-?\d+)`).FindAllStringSubmatch(string(source), -1)
	if len(all) < 30 {
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
