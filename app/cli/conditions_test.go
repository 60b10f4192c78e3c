package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/app/problem"
)

// unscripted are the conditions that no script can bring about, and where they
// are tried instead.
var unscripted = map[problem.Code]string{
	problem.CameraDenied: "a Mac's camera: menubar/camera", problem.CameraRestricted: "a Mac's camera: menubar/camera", problem.CameraInUse: "a Mac's camera: menubar/camera",
	problem.CameraClosed: "a Mac's camera: menubar/camera", problem.CameraTimedOut: "a Mac's camera: menubar/camera", problem.CameraOrphaned: "a Mac's camera: menubar/camera",
	problem.CameraFailed: "a Mac's camera: menubar/camera", problem.ClipboardEmpty: "a clipboard of its own: app/clipboard",
	problem.HostChanged: "Bonjour: menubar's TestFollow", problem.HostUnverified: "Bonjour: discover_test.go", problem.PhoneNotFound: "Bonjour: discover_test.go", problem.HostUnreachable: "a network of its own: pki/trust",
	problem.CertRejected: "an alert that names no reason: pki/trust", problem.CAMismatch: "a CA of another pairing in the keychain: pki/trust",
	problem.KeychainLocked: "a real Secret Service: pki/vault", problem.StoreReadOnly: "a folder that root cannot write: sync/store", problem.StoreBusy: "a lock of another program: sync/store",
	problem.Declined: "a terminal: pair_code_test.go", problem.Interrupted: "a person who stops a sync: app/agent",
	problem.PairingBusy: "two processes at once: app/pairing",
	problem.StoreOlder:  "a file of an older schema: sync/store", problem.Internal: "a mistake of the program",
}

// Every condition of the table comes up in a script, by its code or its sentence, or is
// listed above: one that is taken out of the table fails here and in a script.
func TestEveryConditionIsScripted(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var scripts strings.Builder
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(raw)
	}
	listed := map[problem.Code]bool{}
	for _, c := range problem.Table() {
		listed[c.Code] = true
		scripted := strings.Contains(scripts.String(), string(c.Code)+" ") ||
			strings.Contains(scripts.String(), string(c.Code)+"$") || strings.Contains(scripts.String(), string(c.Code)+`"`) ||
			strings.Contains(scripts.String(), c.Sentence)
		if where := unscripted[c.Code]; scripted == (where != "") {
			t.Errorf("%s: in a script: %v; said to be elsewhere: %q", c.Code, scripted, where)
		}
	}
	for code := range unscripted {
		if !listed[code] {
			t.Errorf("%s is not in the table", code)
		}
	}
}
