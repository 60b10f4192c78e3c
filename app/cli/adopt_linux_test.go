package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/testenv"
)

// adoption is what a person who used the Swift command line tool types, with a
// Secret Service in the place of the login keychain.
const adoption = `
exec 2>&1
printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	printf x | secret-tool store --label probe probe probe && break
	sleep 0.3
done
set -e

# Its token: one that this iPhone gave, as it would be to the other program.
healthsync pair --qr "$(cat code.json)" >/dev/null
account=$(healthsync keychain list --json | sed -n 's/.*"name": "\(token-[0-9a-f]*\)".*/\1/p')
secret-tool lookup service healthsync account "$account" >token
test -s token
healthsync unpair --yes >/dev/null
printf %s "$(cat token)" | secret-tool store --label old service org.mvneves.healthsync.cli account token-127.0.0.1

set +e
echo "== status";  healthsync status;       echo "exit $?"
echo "== adopt";   healthsync pair --adopt; echo "exit $?"
echo "== status";  healthsync status;       echo "exit $?"
echo "== again";   healthsync pair --adopt; echo "exit $?"
echo "== unpair";  healthsync unpair --yes; echo "exit $?"
secret-tool lookup service org.mvneves.healthsync.cli account token-127.0.0.1 | cmp - token && echo "their token is as it was"
cmp "$HOME/.healthsync/config.json" config.json && echo "their file is as it was"
`

// TestAdoption adopts a pairing of the Swift command line tool out of a real
// Secret Service.
func TestAdoption(t *testing.T) {
	for tool, pkg := range map[string]string{"dbus-run-session": "dbus-daemon", "gnome-keyring-daemon": "gnome-keyring", "secret-tool": "libsecret-tools"} {
		testenv.NeedTool(t, tool, pkg)
	}
	w := newWorld(t, 1)
	_, p := w.showCode()
	home := filepath.Join(w.dir, "user")
	config := fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"fingerprint":"%s"}`, p.Port, p.Leaf.Hex())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(home, ".healthsync"), filepath.Join(w.dir, "bin"), filepath.Join(w.dir, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"code.json": string(p.JSON()), "config.json": config, "user/.healthsync/config.json": config, "run.sh": adoption} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(w.dir, "bin", "healthsync")); err != nil { // see testscript.Main
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "run.sh")
	cmd.Dir = w.dir
	cmd.Env = []string{
		"HOME=" + home, "XDG_RUNTIME_DIR=" + filepath.Join(w.dir, "run"), "HEALTHSYNC_BONJOUR=off",
		"PATH=" + filepath.Join(w.dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	part := func(n int) string {
		parts := strings.Split(out, "== ")
		if n >= len(parts) {
			t.Fatalf("only %d parts:\n%s", len(parts), out)
		}
		return parts[n]
	}
	for n, want := range []string{1: "exit 10", 2: "exit 0", 3: "exit 0", 4: "exit 3", 5: "exit 0"} {
		if !strings.Contains(part(n), want) {
			t.Errorf("want %s:\n%s", want, part(n))
		}
	}
	for n, want := range []string{1: "healthsync pair --adopt", 2: "Paired with Ana's iPhone.", 3: "Connection Status: Connected", 4: "There is a pairing already", 5: "their file is as it was"} {
		if !strings.Contains(part(n), want) {
			t.Errorf("want %s:\n%s", want, part(n))
		}
	}
	if !strings.Contains(out, "their token is as it was") {
		t.Errorf("the token was changed:\n%s", out)
	}
}
