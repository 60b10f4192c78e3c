package vault

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

// TestRedaction prints secrets and signers in every way that a log or a report
// might, inside and outside of structures, and looks for what must not be there.
func TestRedaction(t *testing.T) {
	const word = "hunter2-hunter2"
	secret := Secret(word)
	forms := []string{word, fmt.Sprintf("%x", word), fmt.Sprintf("%X", word), fmt.Sprintf("%d", []byte(word)),
		fmt.Sprintf("%v", []byte(word)), "aHVudGVyMi1odW50ZXIy", "0x68, 0x75", "104, 117"}
	check := func(how, text string) {
		t.Helper()
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%s gives %q", how, text)
			}
		}
		if !strings.Contains(text, redacted) {
			t.Errorf("%s gives %q, which does not say that something is left out", how, text)
		}
	}
	type wrapper struct {
		Token Secret
		Again *Secret
	}
	w := wrapper{secret, &secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c",
		"%U", "%T %v"} {
		args := []any{secret}
		if strings.HasPrefix(verb, "%T") {
			args = append(args, secret)
		}
		check(verb, fmt.Sprintf(verb, args...))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		check("struct "+verb, fmt.Sprintf(verb, struct{ Token Secret }{secret}))
		check("map "+verb, fmt.Sprintf(verb, map[string]Secret{"a": secret}))
		check("slice "+verb, fmt.Sprintf(verb, []Secret{secret}))
	}
	check("print", fmt.Sprint(secret)+fmt.Sprintln(secret))
	check("error", fmt.Errorf("with %w and %v", errors.New("x"), secret).Error())
	text, err := json.Marshal(w)
	must(t, err)
	check("json", string(text))
	if text, err = xml.Marshal(w); err != nil {
		t.Fatal(err)
	}
	check("xml", string(text))
	var buffer bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&buffer, nil), slog.NewJSONHandler(&buffer, nil)} {
		slog.New(h).Info("x", "token", secret, "wrapped", w, "list", []Secret{secret})
	}
	check("slog", buffer.String())

	// A signer must show nothing of its key, by no verb.
	s, text, err := newKey(Failure{Name: Key})
	must(t, err)
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	private, err := key.(*ecdsa.PrivateKey).Bytes()
	must(t, err)
	buffer.Reset()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&buffer, verb+"\n", s)
		fmt.Fprintf(&buffer, verb+"\n", struct{ S any }{s})
	}
	slog.New(slog.NewJSONHandler(&buffer, nil)).Info("x", "signer", s)
	text, err = json.Marshal(struct{ S any }{s})
	must(t, err)
	buffer.Write(text)
	for _, form := range []string{hex.EncodeToString(private), new(big.Int).SetBytes(private).String(),
		base64.StdEncoding.EncodeToString(private), string(fmt.Append(nil, private))} {
		if strings.Contains(strings.ToLower(buffer.String()), strings.ToLower(form)) {
			t.Errorf("a signer shows its key: %q", buffer.String())
		}
	}
}
