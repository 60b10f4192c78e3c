package vault

import (
	"fmt"
	"syscall"
)

// osStatus is a result code of Apple's Security framework.
type osStatus int32

// The codes that this package tells apart, from Security/SecBase.h. The table
// is here and not in a darwin file so that it is tested everywhere; a test
// compares it with the header where an SDK is given.
const (
	errSecSuccess                  osStatus = 0
	errSecDiskFull                 osStatus = -34
	errSecParam                    osStatus = -50
	errSecWrPerm                   osStatus = -61
	errSecUserCanceled             osStatus = -128
	errSecInternalComponent        osStatus = -2070
	errSecMissingEntitlement       osStatus = -34018
	errSecRestrictedAPI            osStatus = -34020
	errSecNotAvailable             osStatus = -25291
	errSecReadOnly                 osStatus = -25292
	errSecAuthFailed               osStatus = -25293
	errSecNoSuchKeychain           osStatus = -25294
	errSecInvalidKeychain          osStatus = -25295
	errSecDuplicateItem            osStatus = -25299
	errSecItemNotFound             osStatus = -25300
	errSecNoDefaultKeychain        osStatus = -25307
	errSecInteractionNotAllowed    osStatus = -25308
	errSecWrongSecVersion          osStatus = -25310
	errSecNoStorageModule          osStatus = -25312
	errSecInteractionRequired      osStatus = -25315
	errSecDataNotAvailable         osStatus = -25316
	errSecInDarkWake               osStatus = -25320
	errSecNoAccessForItem          osStatus = -25243
	errSecInvalidOwnerEdit         osStatus = -25244
	errSecKeyIsSensitive           osStatus = -25258
	errSecDecode                   osStatus = -26275
	errSecServiceNotAvailable      osStatus = -67585
	errSecInvalidDatabaseBlob      osStatus = -67598
	errSecInvalidKeyBlob           osStatus = -67599
	errSecIncompatibleDatabaseBlob osStatus = -67600
	errSecIncompatibleKeyBlob      osStatus = -67601
	errSecDatabaseLocked           osStatus = -67869
)

// statusClass groups the codes by what they mean for a person.
type statusClass int

const (
	classFailed    statusClass = iota
	classOK                    //
	classNotFound              // absent, if the keychain itself is well
	classExists                //
	classLocked                // needs a password that cannot be asked for
	classCancelled             // the person pressed Cancel or Deny, or typed a wrong password
	classDenied                //
	classMissing               // no keychain, or no service behind it
	classDarkWake              // no dialog can be shown now
	classCorrupt               //
	classFull                  // disk full
)

var statusClasses = map[osStatus]statusClass{
	errSecSuccess:       classOK,
	errSecItemNotFound:  classNotFound,
	errSecDuplicateItem: classExists,

	errSecInteractionNotAllowed: classLocked,
	errSecInteractionRequired:   classLocked,
	errSecDatabaseLocked:        classLocked,
	// Seen by people whose login keychain was locked, over SSH above all
	// (FiloSottile/mkcert#94); its own text is only "Internal Component Error".
	errSecInternalComponent: classLocked,

	errSecUserCanceled: classCancelled,
	errSecAuthFailed:   classCancelled,

	errSecNoAccessForItem:    classDenied,
	errSecInvalidOwnerEdit:   classDenied,
	errSecKeyIsSensitive:     classDenied,
	errSecDataNotAvailable:   classDenied,
	errSecReadOnly:           classDenied,
	errSecWrPerm:             classDenied,
	errSecMissingEntitlement: classDenied,
	errSecRestrictedAPI:      classDenied,

	errSecNotAvailable:        classMissing,
	errSecNoSuchKeychain:      classMissing,
	errSecNoDefaultKeychain:   classMissing,
	errSecNoStorageModule:     classMissing,
	errSecServiceNotAvailable: classMissing,

	errSecInDarkWake: classDarkWake,

	errSecInvalidKeychain:          classCorrupt,
	errSecWrongSecVersion:          classCorrupt,
	errSecDecode:                   classCorrupt,
	errSecInvalidDatabaseBlob:      classCorrupt,
	errSecInvalidKeyBlob:           classCorrupt,
	errSecIncompatibleDatabaseBlob: classCorrupt,
	errSecIncompatibleKeyBlob:      classCorrupt,

	errSecDiskFull: classFull,
}

// The file-based keychain is built on CSSM, whose codes come through as they
// are: a base for each module, 0x800 apart, and below 0x100 meanings that all
// modules share (cssmerr.h, cssmapple.h). So do errno values, from a base of
// their own (Apple's errors.cpp).
const (
	cssmBase    osStatus = -0x7FFF0000
	cssmExtent  osStatus = 0x800
	cssmModules          = 7
	errnoBase   osStatus = 100000

	cssmDiskFull            osStatus = -2147412991
	cssmInvalidDatabaseBlob osStatus = -2147412988
	cssmIncompatibleKeyBlob osStatus = -2147412985 // the last of four
)

var cssmClasses = map[osStatus]statusClass{
	0x20: classCancelled, // OPERATION_AUTH_DENIED
	0x21: classCancelled, // OBJECT_USE_AUTH_DENIED
	0x22: classDenied,    // OBJECT_MANIP_AUTH_DENIED
	0xe0: classLocked,    // NO_USER_INTERACTION
	0xe1: classCancelled, // USER_CANCELED
	0xe2: classMissing,   // SERVICE_NOT_AVAILABLE
	0xe3: classDenied,    // INSUFFICIENT_CLIENT_IDENTIFICATION
	0xe6: classDarkWake,  // IN_DARK_WAKE
}

// class of a code; one that is in no table is a plain failure.
func (s osStatus) class() statusClass {
	switch {
	case s == cssmDiskFull, s == errnoBase+osStatus(syscall.ENOSPC):
		return classFull
	case s >= cssmInvalidDatabaseBlob && s <= cssmIncompatibleKeyBlob:
		return classCorrupt
	case s == errnoBase+osStatus(syscall.EACCES), s == errnoBase+osStatus(syscall.EPERM):
		return classDenied
	case s >= cssmBase && s < cssmBase+cssmModules*cssmExtent:
		return cssmClasses[(s-cssmBase)%cssmExtent]
	}
	return statusClasses[s]
}

// statusError is the bare code, for use as a cause.
type statusError osStatus

func (e statusError) Error() string { return fmt.Sprintf("OSStatus %d", int32(e)) }

// fail turns a code into this package's error. locked is what the keychain
// says of itself, which decides what a cancelled dialog was about.
func (s osStatus) fail(f Fact, detail string, locked bool) error {
	f.Code, f.Detail = int(s), detail
	switch s.class() {
	case classOK:
		return nil
	case classNotFound:
		return &NotFoundError{f}
	case classExists:
		return &ExistsError{f}
	case classLocked:
		return &LockedError{Fact: f}
	case classCancelled:
		if locked {
			return &LockedError{Fact: f, Dismissed: true}
		}
		return &DeniedError{f}
	case classDenied:
		return &DeniedError{f}
	case classMissing:
		return &UnavailableError{f, NoKeychain}
	case classDarkWake:
		return &UnavailableError{f, DarkWake}
	case classCorrupt:
		return &CorruptError{f}
	case classFull:
		f.Err = syscall.ENOSPC
		return &FailedError{f}
	}
	f.Err = statusError(s)
	return &FailedError{f}
}
