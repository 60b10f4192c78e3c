package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/app/status"
)

// unscripted are the conditions that no script can bring about, and where they
// are tried instead.
var unscripted = map[status.Code]string{
	status.CameraDenied: "a Mac's camera: menubar/camera", status.CameraRestricted: "a Mac's camera: menubar/camera", status.CameraInUse: "a Mac's camera: menubar/camera",
	status.CameraClosed: "a Mac's camera: menubar/camera", status.CameraTimedOut: "a Mac's camera: menubar/camera", status.CameraOrphaned: "a Mac's camera: menubar/camera",
	status.CameraFailed: "a Mac's camera: menubar/camera", status.ClipboardEmpty: "a clipboard of its own: app/clipboard",
	status.HostChanged: "Bonjour: menubar's TestFollow", status.HostUnverified: "Bonjour: discover_test.go", status.PhoneNotFound: "Bonjour: discover_test.go", status.HostUnreachable: "a network of its own: pki/trust",
	status.CertRejected: "an alert that names no reason: pki/trust", status.CAMismatch: "a CA of another pairing in the keychain: pki/trust",
	status.KeychainLocked: "a real Secret Service: pki/vault", status.StoreReadOnly: "a folder that root cannot write: sync/store", status.StoreBusy: "a lock of another program: sync/store",
	status.Declined: "a terminal: pair_code_test.go", status.Interrupted: "a person who stops a sync: app/agent",
	status.PairingBusy: "two processes at once: app/pairing",
	status.StoreOlder:  "a file of an older schema: sync/store", status.Internal: "a mistake of the program",
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
	listed := map[status.Code]bool{}
	for _, c := range status.Table() {
		listed[c.Code] = true
		scripted := strings.Contains(scripts.String(), string(c.Code)+" ") || strings.Contains(scripts.String(), string(c.Code)+"$") || strings.Contains(scripts.String(), string(c.Code)+`"`) ||
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
