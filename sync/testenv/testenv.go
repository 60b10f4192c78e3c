// Package testenv says what a test may need beyond Go: real peers such as
// OpenSSL or Avahi. Where one is missing, a test skips and says how to get it;
// where nothing may be skipped (CI), it fails.
package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// RequireVar is the environment variable that turns a skip into a failure.
const RequireVar = "HEALTHSYNC_REQUIRE_TOOLS"

// Required reports whether nothing may be skipped.
func Required() bool { return os.Getenv(RequireVar) == "1" }

// NeedTool returns the path of an installed program. Where it is missing the
// test skips, naming the Debian package that has it, or fails if [Required].
func NeedTool(t testing.TB, name, aptPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/", "/usr/local/bin/"} {
		if path, err = exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	Missing(t, name+" is not installed; get it with: apt-get install "+aptPackage)
	return ""
}

// Missing skips the test with a reason, or fails it if [Required].
func Missing(t testing.TB, reason string) {
	t.Helper()
	if Required() {
		t.Fatalf("%s=1 and %s", RequireVar, reason)
	}
	t.Skip(reason)
}
