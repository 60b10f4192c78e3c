package pairingcode

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotHealthSync matches every [*NotHealthSyncError] by errors.Is.
var ErrNotHealthSync = errors.New("pairing code: not a HealthSync pairing code")

// ErrFormatUnsupported matches every [*FormatError] by errors.Is.
var ErrFormatUnsupported = errors.New("pairing code: picture format not supported")

// PayloadError says what is wrong with a text that is meant to be a pairing
// payload. It never carries the field's value, which may be the pairing code.
type PayloadError struct {
	Field  string // JSON name, such as "expiresAt"; empty when the text as a whole is wrong
	Reason string // lower case, without a full stop: "is missing", "is not a port (1-65535)"
}

func (e *PayloadError) Error() string {
	if e.Field == "" {
		return "pairing code: the pairing payload " + e.Reason
	}
	return "pairing code: the pairing payload's " + e.Field + " " + e.Reason
}

// NotHealthSyncError says that a text or a QR code was read, and that it is
// something else than a pairing payload.
type NotHealthSyncError struct {
	// Kinds says what was found instead, one entry for each code: "web address",
	// "Wi-Fi network", "contact", "text", ... The contents are not kept: the
	// QR code of a Wi-Fi network is a password.
	Kinds []string
}

func (e *NotHealthSyncError) Error() string {
	if len(e.Kinds) == 0 {
		return ErrNotHealthSync.Error()
	}
	return ErrNotHealthSync.Error() + " but: " + strings.Join(e.Kinds, ", ")
}

// Is makes errors.Is(err, ErrNotHealthSync) true.
func (e *NotHealthSyncError) Is(target error) bool { return target == ErrNotHealthSync }

// NotFoundError says that no QR code was found in a picture that is itself sound.
type NotFoundError struct {
	Width, Height int   // of the picture, upright
	Stopped       error // context.DeadlineExceeded or Canceled when the search was cut short; else nil
}

func (e *NotFoundError) Error() string {
	msg := fmt.Sprintf("pairing code: no QR code found in the picture (%d x %d pixels)", e.Width, e.Height)
	if e.Stopped != nil {
		msg += ": search stopped: " + e.Stopped.Error()
	}
	return msg
}

// Unwrap gives the reason why the search was cut short, if it was.
func (e *NotFoundError) Unwrap() error { return e.Stopped }

// FormatError says that a file is not a picture that can be read here.
type FormatError struct {
	Format string // "HEIC", "PDF", ...; empty when it is nothing that is known
}

func (e *FormatError) Error() string {
	if e.Format == "" {
		return "pairing code: the file is not a picture of a known format (PNG, JPEG, GIF, WebP, TIFF, BMP)"
	}
	return "pairing code: " + e.Format + " pictures cannot be read here (PNG, JPEG, GIF, WebP, TIFF and BMP can)"
}

// Is makes errors.Is(err, ErrFormatUnsupported) true.
func (e *FormatError) Is(target error) bool { return target == ErrFormatUnsupported }

// TooLargeError says that a picture was refused for its size, before it was
// decoded. Either Bytes or Width and Height say which size.
type TooLargeError struct {
	Format        string
	Bytes         int64 // at least so many bytes in the file; 0 when the pixels are the reason
	Width, Height int   // pixels, by the header
	Limit         int64 // bytes or pixels that are accepted
}

func (e *TooLargeError) Error() string {
	if e.Bytes > 0 {
		return fmt.Sprintf("pairing code: the picture is larger than %d MB", e.Limit>>20)
	}
	return fmt.Sprintf("pairing code: the %s picture of %d x %d pixels is too large (limit %d million pixels)",
		e.Format, e.Width, e.Height, e.Limit/1_000_000)
}

// TruncatedError says that a picture ends before it is complete.
type TruncatedError struct {
	Format string // empty when not even that could be told
	Err    error
}

func (e *TruncatedError) Error() string {
	if e.Format == "" {
		return "pairing code: the picture is empty"
	}
	return "pairing code: the " + e.Format + " picture is cut short"
}

func (e *TruncatedError) Unwrap() error { return e.Err }

// DamagedError says that a picture of a known format contradicts its format,
// or uses a part of it that is not read here.
type DamagedError struct {
	Format string
	Err    error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("pairing code: the %s picture cannot be decoded: %v", e.Format, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// kindOf names what a foreign text is, so that a person recognises the code
// that was found in the place of ours. It never repeats the text.
func kindOf(text string) string {
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 64)]))
	for _, k := range foreignKinds {
		if strings.HasPrefix(head, k.prefix) {
			return k.name
		}
	}
	if strings.HasPrefix(head, "{") || strings.HasPrefix(head, "[") {
		return "JSON"
	}
	return "text"
}

// foreignKinds are the prefixes in use for QR codes; the list of zxing's wiki
// ("Barcode Contents") and the schemes met on a telephone.
var foreignKinds = []struct{ prefix, name string }{
	{"http://", "web address"},
	{"https://", "web address"},
	{"www.", "web address"},
	{"wifi:", "Wi-Fi network"},
	{"begin:vcard", "contact"},
	{"mecard:", "contact"},
	{"begin:vevent", "calendar entry"},
	{"begin:vcalendar", "calendar entry"},
	{"mailto:", "e-mail address"},
	{"matmsg:", "e-mail message"},
	{"tel:", "telephone number"},
	{"sms:", "text message"},
	{"smsto:", "text message"},
	{"geo:", "place"},
	{"otpauth:", "one-time password"},
	{"x-hm:", "HomeKit code"},
	{"mt:", "Matter code"},
	{"bitcoin:", "payment"},
	{"bcd\n", "payment"},
	{"spc\n", "payment"},
	{"spc\r", "payment"},
	{"-----begin", "key or certificate"},
}
