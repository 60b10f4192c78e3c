package problem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"healthsync/app/config"
	"healthsync/app/pairing"
	"healthsync/app/words"
	"healthsync/pki"
	"healthsync/pki/trust"
)

// From gives the condition behind err, as of now. An error that is a
// *Error already stays what it is; one that nobody knows is INTERNAL.
func From(err error, now time.Time) *Error {
	if err == nil {
		return nil
	}
	if e := Find(err); e != nil {
		return e
	}
	for _, look := range []func(error, time.Time) *Error{
		pairingError, phoneError, trustError, vaultError, storeError, pictureError, cameraError, ownError,
	} {
		if e := look(err, now); e != nil {
			return e
		}
	}
	if errors.Is(err, context.Canceled) {
		return New(Interrupted, "", err)
	}
	if e := fileTrouble(err); e != nil {
		return e
	}
	return New(Internal, err.Error(), err)
}

// fileTrouble knows what the file system said.
func fileTrouble(err error) *Error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return New(DiskFull, "", err)
	case errors.As(err, &path):
		return New(FileError, fmt.Sprintf("%s: %v.", path.Path, path.Err), err)
	case errors.As(err, &link):
		return New(FileError, fmt.Sprintf("%s: %v.", link.New, link.Err), err)
	}
	return nil
}

// ownError knows the typed errors of the packages of app.
func ownError(err error, _ time.Time) *Error {
	if errors.Is(err, config.ErrNoHome) {
		return New(NoHome, "Neither HOME nor "+config.HomeVar+" is set.", err)
	}
	var invalid *config.InvalidError
	if errors.As(err, &invalid) {
		e := New(ConfigInvalid, "", err)
		if invalid.Key == "" {
			e.Detail = fmt.Sprintf("%s: %v.\nThe file was left as it is.", invalid.Path, invalid.Err)
			return e
		}
		e.Sentence = fmt.Sprintf("%s cannot be %q", invalid.Key, invalid.Value)
		e.Remedy = Remedy{Text: "use " + invalid.Accept}
		return e
	}
	return nil
}

func pairingError(err error, now time.Time) *Error {
	var (
		record   *pairing.RecordError
		exchange *pairing.ExchangeError
		busy     *pairing.BusyError
		issued   *pki.IssuedError
		expired  *pairing.CodeExpiredError
		token    *pairing.TokenExpiredError
		missing  *pairing.MissingError
		clock    *pairing.ClockError
		drift    *pairing.DriftError
		impostor *pairing.ImpostorError
		pem      *pki.PEMError
	)
	switch {
	case errors.As(err, &drift):
		return driftError(drift, err, now)
	case errors.As(err, &impostor):
		return New(HostUnverified, fmt.Sprintf("%s announces the name %q and has another identity.", impostor.Place,
			impostor.Name), err)
	case errors.As(err, &clock):
		e := Skew(clock.Ahead, now, clock.PairedAt)
		e.Err = err
		return e
	case errors.Is(err, pairing.ErrNotPaired):
		return New(NotPaired, "", err)
	case errors.As(err, &exchange):
		return whilePairing(exchange, now)
	case errors.As(err, &busy):
		e := New(PairingBusy, fmt.Sprintf("It is process %d, %s, since %s.", busy.Holder.PID, busy.Holder.What,
			words.Clock(busy.Holder.Since)), err)
		return e
	case errors.As(err, &record) && record.Newer:
		e := New(PairingFile, fmt.Sprintf("%s: %v.\nThe file was left as it is.", record.Path, record.Err), err)
		e.Sentence = "The pairing record was made by a newer HealthSync"
		e.Remedy = Remedy{Text: "update HealthSync", Command: "healthsync version", Action: ActTroubleshoot}
		return e
	case errors.As(err, &record):
		return New(PairingFile, fmt.Sprintf("%v.\nThe file was left as it is.", err), err)
	case errors.As(err, &expired):
		return New(PairingCodeExpired, fmt.Sprintf("The code was good until %s (%s ago).", words.Clock(expired.At),
			words.Span(now.Sub(expired.At))), err)
	case errors.As(err, &token):
		return New(TokenExpired, fmt.Sprintf("The pairing ended on %s (%s ago).", words.Day(token.At),
			words.Span(now.Sub(token.At))), err)
	case errors.As(err, &missing):
		e := New(KeychainMissing, fmt.Sprintf("The %s is not in %s.", missing.What, missing.Place()), err)
		if missing.ClientCertificate {
			e = New(NoClientCertificate, fmt.Sprintf("This computer's %s is not in %s.", missing.What, missing.Place()),
				err)
		}
		return e
	case errors.As(err, &issued):
		return New(PairingRefused, words.Capital(fmt.Sprintf("%v.\nNothing of it was kept.", err)), err)
	case errors.As(err, &pem):
		return New(PairingRefused, fmt.Sprintf("The iPhone sent a certificate that cannot be read: %v.\nNothing of it was kept.", err), err)
	}
	return nil
}

// whilePairing explains an error on the connection that should have paired. A
// pairing that there is has nothing to do with it, and must not be ended: the
// code may be an old one, or another iPhone's.
func whilePairing(x *pairing.ExchangeError, now time.Time) *Error {
	e := *From(x.Err, now)
	switch {
	case e.Code == CertNotYetValid, e.Code == ClockSkew, e.Code == HostUnreachable, e.Code == UnsupportedProtocol:
		// What is wrong is no matter of the code.
	case e.Code == CertFingerprintMismatch, e.Code == CAMismatch:
		e.Sentence = "The iPhone that answers is not the one that the code is from"
		e.Remedy = freshCode("if it is yours, show a new QR code on it (Start Sharing, then Show QR Code) and scan it")
	case e.Exit() == ExitCertificate:
		e.Remedy = freshCode("show a new QR code on the iPhone (Start Sharing, then Show QR Code) and scan it")
	case e.Exit() == ExitUnreachable:
		e.Remedy = freshCode("open the iOS Health Sync app on the iPhone, tap Start Sharing and Show QR Code, keep it open, and scan the code; both devices need the same Wi-Fi")
	}
	return &e
}

func freshCode(text string) Remedy {
	return Remedy{Text: text, Command: "healthsync scan", Action: ActPair}
}

// hostNotLocal explains an address that was refused before it was dialled.
func hostNotLocal(f *trust.Failure, err error) *Error {
	detail := fmt.Sprintf("%s is not an address of this network.", f.Host)
	if f.Addr != "" && f.Addr != f.Host {
		detail = fmt.Sprintf("%s stands for %s, which is not an address of this network.", f.Host, f.Addr)
	}
	return New(HostNotLocal, detail, err)
}
