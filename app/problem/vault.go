package problem

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"healthsync/app/words"
	"healthsync/pki/vault"
)

// vaultError knows what a keychain refused.
func vaultError(err error, _ time.Time) *Error {
	var (
		locked      *vault.LockedError
		denied      *vault.DeniedError
		unavailable *vault.UnavailableError
		corrupt     *vault.CorruptError
		exposed     *vault.ExposedError
		timeout     *vault.TimeoutError
		failed      *vault.FailedError
		kind        *vault.UnknownKindError
		exists      *vault.ExistsError
	)
	switch {
	case errors.As(err, &locked):
		return New(KeychainLocked, where(locked.Failure), err)
	case errors.As(err, &denied):
		return New(KeychainDenied, where(denied.Failure), err)
	case errors.As(err, &unavailable):
		e := New(KeychainUnavailable, fmt.Sprintf("%s: %s.", unavailable.Vault, unavailable.Reason), err)
		if unavailable.Reason == vault.Newer {
			e.Remedy = Remedy{Text: "update HealthSync", Command: "healthsync version"}
		}
		return e
	case errors.As(err, &corrupt):
		return New(KeychainCorrupt, item(corrupt.Failure)+" is damaged"+why(corrupt.Failure)+".", err)
	case errors.As(err, &exposed):
		e := New(KeychainDenied, fmt.Sprintf("%s can be read or replaced by others (mode %04o).", exposed.Path,
			exposed.Mode), err)
		e.Remedy = Remedy{Text: "close it to others", Command: fmt.Sprintf("chmod go-rwx '%s'", exposed.Path)}
		return e
	case errors.As(err, &timeout):
		return New(KeychainLocked, fmt.Sprintf("%s gave no answer within %s; perhaps it asks for a password in a window.", timeout.Vault, words.Span(timeout.After)), err)
	case errors.As(err, &kind):
		e := New(Usage, fmt.Sprintf("There is no vault %q.", kind.Kind), err)
		e.Remedy = Remedy{Text: "choose keychain or file"}
		return e
	case errors.As(err, &failed) && fileTrouble(failed.Err) != nil:
		return fileTrouble(failed.Err) // of the file vault
	case errors.As(err, &failed), errors.As(err, &exists):
		detail := ""
		if failed != nil {
			detail = item(failed.Failure) + " cannot be used" + why(failed.Failure) + "."
		} else {
			detail = item(exists.Failure) + " is there already."
		}
		e := New(KeychainUnavailable, detail, err)
		e.Sentence = "The keychain reports an error"
		e.Remedy = Remedy{Text: "try again; if it stays so, attach this to a bug report",
			Command: "healthsync diagnose --output report.txt"}
		return e
	case errors.Is(err, vault.ErrNotFound):
		return New(KeychainMissing, "", err)
	}
	return nil
}

// item says which item of which vault.
func item(f vault.Failure) string {
	place := "the " + f.Vault
	switch {
	case filepath.IsAbs(f.Vault):
		place = f.Vault
	case f.Vault == "":
		place = "the keychain"
	}
	if f.Name == "" {
		return words.Capital(place)
	}
	for prefix, what := range map[string]string{
		vault.Key: "The private key", vault.Token: "The token", vault.ClientCertificate: "The client certificate",
		vault.CACertificate: "The CA certificate",
	} {
		if strings.HasPrefix(f.Name, prefix) { // each pairing has its own (pairing.Record)
			return what + " in " + place
		}
	}
	return fmt.Sprintf("%q in %s", f.Name, place)
}

// why is what the system or the store says of it.
func why(f vault.Failure) string {
	text := f.Detail
	if text == "" && f.Err != nil {
		text = lastLine(f.Err)
	}
	if f.Code != 0 {
		text = strings.TrimSpace(fmt.Sprintf("%s [OSStatus %d]", text, f.Code))
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

func where(f vault.Failure) string {
	if f.Vault == "" {
		return ""
	}
	return fmt.Sprintf("It is the %s.", f.Vault)
}
