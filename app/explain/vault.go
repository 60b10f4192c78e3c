package explain

import (
	"errors"
	"fmt"
	"time"

	"healthsync/app/status"
	"healthsync/pki/vault"
)

// vaultError knows what a keychain refused.
func vaultError(err error, _ time.Time) *status.Error {
	var (
		locked      *vault.LockedError
		denied      *vault.DeniedError
		unavailable *vault.UnavailableError
		corrupt     *vault.CorruptError
		exposed     *vault.ExposedError
		timeout     *vault.TimeoutError
		failed      *vault.FailedError
		kind        *vault.UnknownKindError
		wrong       *vault.KindError
		exists      *vault.ExistsError
	)
	switch {
	case errors.As(err, &locked):
		return status.New(status.KeychainLocked, where(locked.Fact), err)
	case errors.As(err, &denied):
		return status.New(status.KeychainDenied, where(denied.Fact), err)
	case errors.As(err, &unavailable):
		e := status.New(status.KeychainUnavailable, fmt.Sprintf("%s: %s.", unavailable.Vault, unavailable.Reason), err)
		if unavailable.Reason == vault.Newer {
			e.Remedy = status.Remedy{Text: "update HealthSync", Command: "healthsync version"}
		}
		return e
	case errors.As(err, &corrupt), errors.As(err, &wrong):
		return status.New(status.KeychainCorrupt, capital(lastLine(err))+".", err)
	case errors.As(err, &exposed):
		e := status.New(status.KeychainDenied, fmt.Sprintf("%s can be read or replaced by others (mode %04o).", exposed.Path, exposed.Mode), err)
		e.Remedy = status.Remedy{Text: "close it to others", Command: fmt.Sprintf("chmod go-rwx '%s'", exposed.Path)}
		return e
	case errors.As(err, &timeout):
		return status.New(status.KeychainLocked, fmt.Sprintf("%s gave no answer within %s; perhaps it asks for a password in a window.", timeout.Vault, Span(timeout.After)), err)
	case errors.As(err, &kind):
		e := status.New(status.Usage, fmt.Sprintf("There is no vault %q.", kind.Kind), err)
		e.Remedy = status.Remedy{Text: "choose keychain or file"}
		return e
	case errors.As(err, &failed), errors.As(err, &exists):
		e := status.New(status.KeychainUnavailable, capital(lastLine(err))+".", err)
		e.Sentence = "The keychain reports an error"
		e.Remedy = status.Remedy{Text: "try again; if it stays so, attach this to a bug report", Command: "healthsync diagnose --output report.txt"}
		return e
	case errors.Is(err, vault.ErrNotFound):
		return status.New(status.KeychainMissing, "", err)
	}
	return nil
}

func where(f vault.Fact) string {
	if f.Vault == "" {
		return ""
	}
	return fmt.Sprintf("It is the %s.", f.Vault)
}
