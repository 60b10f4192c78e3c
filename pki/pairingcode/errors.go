package pairingcode

import (
	"fmt"
	"strings"
)

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
	const text = "pairing code: not a HealthSync pairing code"
	if len(e.Kinds) == 0 {
		return text
	}
	return text + " but: " + strings.Join(e.Kinds, ", ")
}

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

// PictureError says that a picture of a known format was not read.
type PictureError struct {
	Problem PictureProblem
	Text    string // as in "the JPEG picture is cut short"
	Err     error  // what the decoder said, or nil
}

// PictureProblem is what is wrong with a picture.
type PictureProblem int

const (
	// TooLarge is a picture that was refused for its size, before it was decoded.
	TooLarge PictureProblem = iota + 1
	// CutShort is one that ends before it is complete.
	CutShort
	// Damaged is one that contradicts its format, or uses a part of it that is
	// not read here.
	Damaged
)

func (e *PictureError) Error() string { return "pairing code: " + e.Text }

func (e *PictureError) Unwrap() error { return e.Err }

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
