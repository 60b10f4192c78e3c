package vault

import (
	"fmt"
	"syscall"
)

// osStatus is a result code of Apple's Security framework.
type osStatus int32

// The codes that are told apart, from Security/SecBase.h. They are here and not
// in a darwin file so that they are tested everywhere; a test compares them
// with the header where an SDK is given.
const (
	errSecSuccess               osStatus = 0
	errSecDiskFull              osStatus = -34
	errSecParam                 osStatus = -50
	errSecUserCanceled          osStatus = -128
	errSecInternalComponent     osStatus = -2070
	errSecMissingEntitlement    osStatus = -34018
	errSecNotAvailable          osStatus = -25291
	errSecAuthFailed            osStatus = -25293
	errSecNoSuchKeychain        osStatus = -25294
	errSecInvalidKeychain       osStatus = -25295
	errSecDuplicateItem         osStatus = -25299
	errSecItemNotFound          osStatus = -25300
	errSecNoDefaultKeychain     osStatus = -25307
	errSecInteractionNotAllowed osStatus = -25308
	errSecInDarkWake            osStatus = -25320
	errSecNoAccessForItem       osStatus = -25243
)

// The file-based keychain is built on CSSM, whose codes come through when it
// signs (cssmerr.h).
const (
	cssmOperationDenied   osStatus = -2147416032 // CSSMERR_CSP_OPERATION_AUTH_DENIED
	cssmNoUserInteraction osStatus = -2147415840 // CSSMERR_CSP_NO_USER_INTERACTION
	cssmUserCanceled      osStatus = -2147415839 // CSSMERR_CSP_USER_CANCELED
)

// statusError is the bare code, for use as a cause.
type statusError osStatus

func (e statusError) Error() string { return fmt.Sprintf("OSStatus %d", int32(e)) }

// fail turns a code into this package's error. locked is what the keychain says
// of itself, which decides what a cancelled dialog was about.
func (s osStatus) fail(f Failure, detail string, locked bool) error {
	f.Code, f.Detail = int(s), detail
	switch s {
	case errSecSuccess:
		return nil
	case errSecItemNotFound:
		return &NotFoundError{f}
	case errSecDuplicateItem:
		return &ExistsError{f}
	case errSecInteractionNotAllowed, cssmNoUserInteraction,
		// Seen by people whose login keychain was locked, over SSH above all
		// (FiloSottile/mkcert#94); its own text is only "Internal Component Error".
		errSecInternalComponent:
		return &LockedError{Failure: f}
	case errSecUserCanceled, errSecAuthFailed, cssmOperationDenied, cssmUserCanceled:
		if locked {
			return &LockedError{Failure: f, Dismissed: true}
		}
		return &DeniedError{f}
	case errSecNoAccessForItem, errSecMissingEntitlement:
		return &DeniedError{f}
	case errSecNotAvailable, errSecNoSuchKeychain, errSecNoDefaultKeychain:
		return &UnavailableError{f, NoKeychain}
	case errSecInDarkWake:
		return &UnavailableError{f, DarkWake}
	case errSecInvalidKeychain:
		return &CorruptError{f}
	case errSecDiskFull:
		f.Err = syscall.ENOSPC
		return &FailedError{f}
	}
	f.Err = statusError(s)
	return &FailedError{f}
}
