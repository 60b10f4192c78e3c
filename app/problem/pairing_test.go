package problem_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
)

// What is told of errors around a pairing: the code, what must be said and what
// must not.
func TestPairingErrors(t *testing.T) {
	refused := &trust.Failure{Kind: trust.Refused, Addr: "10.0.0.2:8443"}
	stranger := &trust.Failure{Kind: trust.FingerprintMismatch, Whose: trust.Server}
	was, at := pairing.Place{Host: "10.0.0.2", Port: 8443}, pairing.Place{Host: "10.0.0.9", Port: 8443}
	taken := pairing.DriftError{Verdict: pairing.Taken, Was: was, At: at, Name: "iPhone", Err: stranger, There: refused}
	namesake := taken
	namesake.Namesake = true
	mkdir := &fs.PathError{Op: "mkdir", Path: "/proc/x", Err: syscall.ENOENT}
	file := vault.Failure{Vault: "/data/vault/secrets.json", Op: "new", Name: "key-01cddd06"}
	failed, damaged := file, file
	failed.Err = mkdir
	damaged.Detail = "not JSON, or cut short"
	for _, c := range []struct {
		name      string
		err       error
		code      problem.Code
		say, hush string
	}{
		{"a stale code", &pairing.ExchangeError{Err: stranger}, problem.CertFingerprintMismatch, "new QR code", "unpair"},
		{"another CA", &pairing.ExchangeError{Err: &trust.Failure{Kind: trust.CAMismatch}}, problem.CAMismatch, "new QR code", "clear"},
		{"refused while pairing", &pairing.ExchangeError{Err: refused}, problem.ConnRefused, "healthsync scan", "status"},
		{"silent while pairing", &pairing.ExchangeError{Err: &trust.Failure{Kind: trust.TimedOut}}, problem.TimedOut, "healthsync scan", "fetch"},
		{"no room while pairing", &pairing.ExchangeError{Err: syscall.ENOSPC}, problem.DiskFull, "free some space", "QR"},
		{"refused once paired", refused, problem.ConnRefused, "healthsync status", "scan"},
		{"another iPhone of the same name", &namesake, problem.HostUnverified, "ECONNREFUSED", ""},
		{"the remedy is to start sharing", &namesake, problem.HostUnverified, "tap Start Sharing", ""},
		{"a router in its name", &taken, problem.HostUnverified, "pair again", "ECONNREFUSED"},

		{"the file vault's file", &pairing.MissingError{What: "token", Where: "/data/vault/secrets.json"}, problem.KeychainMissing, "is not in /data/vault/secrets.json.", "the /data"},
		{"a keychain", &pairing.MissingError{What: "token", Where: "login keychain"}, problem.KeychainMissing, "is not in the login keychain.", ""},
		{"no folder for the file vault", &vault.FailedError{Failure: failed}, problem.FileError, "/proc/x: no such file", "ault:"},
		{"the file vault is damaged", &vault.CorruptError{Failure: damaged}, problem.KeychainCorrupt, "The private key in /data/vault/secrets.json is damaged: not JSON, or cut short.", "ault:"},
		{"the keychain fails", &vault.FailedError{Failure: vault.Failure{Vault: "login keychain", Op: "get", Name: "token-1", Code: -25293, Detail: "auth failed"}}, problem.KeychainUnavailable, "The token in the login keychain cannot be used: auth failed [OSStatus -25293].", "ault:"},

		{"a record of a newer version", &pairing.RecordError{Path: "/p.json", Newer: true, Err: errors.New("it has schema 2")}, problem.PairingFile, "update HealthSync", "unpair"},
		{"a damaged record", &pairing.RecordError{Path: "/p.json", Err: os.ErrInvalid}, problem.PairingFile, "unpair", "update"},
	} {
		e := problem.From(c.err, time.Now())
		text := strings.Join(e.Lines(), "\n")
		if e.Code != c.code || !strings.Contains(text, c.say) || c.hush != "" && strings.Contains(text, c.hush) {
			t.Errorf("%s: wants %s, %q and not %q:\n%s", c.name, c.code, c.say, c.hush, text)
		}
	}
}
