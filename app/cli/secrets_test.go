package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSecretLeavesTheVault runs what a person would run, failures included,
// and then searches everything that was written (settings, record, log,
// database, reports, output) for the token, the key and the pairing code.
func TestNoSecretLeavesTheVault(t *testing.T) {
	for protocol := 1; protocol <= 2; protocol++ {
		w := newWorld(t, protocol)
		t.Chdir(w.dir)
		path, payload := w.showCode()
		var said bytes.Buffer
		run := func(args ...string) {
			a := w.run(args...)
			said.WriteString(a.all())
		}
		run("scan", "--file", path)
		if err := os.Remove(path); err != nil { // the test's own picture of the code
			t.Fatal(err)
		}
		secrets := w.secrets()
		if want := protocol; len(secrets) == 0 {
			t.Fatalf("protocol %d: no secret found in the vault", want)
		}
		secrets["pairing code"] = []byte(payload.Code)

		run("sync")
		run("status")
		run("status", "--json")
		run("cert", "info", "--json")
		run("cert", "export", "--output", "cert.pem")
		run("fetch", "--hours", "3", "--debug-tls", "--debug")
		run("config", "show", "--json")
		run("keychain", "list", "--json")
		run("types", "--local")
		run("ping", "--count", "1", "--debug-tls", "--debug")
		run("diagnose", "--output", "report.txt")
		run("diagnose", "--json")
		for _, fault := range []string{"http-500", "cut-page", "not-json", "reset", "locked", "token-rejected", "revoked",
			"expired-server-cert", "stall-handshake"} {
			if protocol == 1 && fault == "revoked" || protocol == 2 && fault == "token-rejected" {
				continue
			}
			w.fault(fault)
			run("fetch", "--timeout", "200", "--debug", "--debug-tls")
			run("sync", "--timeout", "200", "--debug")
			if fault != "stall-handshake" { // these two wait for it as long as they like
				run("status", "--debug")
				run("cert", "renew", "--debug")
			}
		}
		w.fault("invalid-code")
		path, again := w.showCode()
		secrets["second pairing code"] = []byte(again.Code)
		run("scan", "--file", path, "--debug")
		run("pair", "--qr", string(again.JSON()), "--debug")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		run("logs")
		w.searchFor(secrets, said.Bytes())
	}
}

// secrets reads what the file vault keeps secret: its values, in the forms in
// which they could turn up elsewhere.
func (w *world) secrets() map[string][]byte {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "home", "vault", "secrets.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string][]byte{}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(name+"/"+k, x)
			}
		case []any:
			for _, x := range v {
				walk(name, x)
			}
		case string:
			der, err := base64.StdEncoding.DecodeString(v)
			if err != nil || len(der) < 16 {
				return
			}
			found[name] = der
			found[name+" as base64"] = []byte(v)
			found[name+" as hex"] = []byte(hex.EncodeToString(der))
		}
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		w.t.Fatal(err)
	}
	walk("", doc)
	return found
}

// searchFor fails if a secret is in what was said or in any file but the vault.
func (w *world) searchFor(secrets map[string][]byte, said []byte) {
	w.t.Helper()
	files := 0
	check := func(where string, content []byte) {
		for name, secret := range secrets {
			if bytes.Contains(content, secret) {
				w.t.Errorf("%s is in %s", name, where)
			}
		}
	}
	check("the output", said)
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "/vault/secrets.json") {
			return err
		}
		raw, err := os.ReadFile(path)
		files++
		check(path, raw)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if files < 4 || len(said) < 1000 {
		w.t.Errorf("only %d files and %d bytes of output were searched", files, len(said))
	}
}
