package problem

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"healthsync/app/words"
	"healthsync/pki/pairingcode"
)

// pictureError knows what was wrong with a picture or a pairing code.
func pictureError(err error, _ time.Time) *Error {
	var (
		payload  *pairingcode.PayloadError
		other    *pairingcode.NotHealthSyncError
		notFound *pairingcode.NotFoundError
		format   *pairingcode.FormatError
		picture  *pairingcode.PictureError
	)
	switch {
	case errors.As(err, &payload):
		if payload.Field == "" {
			return New(QRInvalid, fmt.Sprintf("The code %s.", payload.Reason), err)
		}
		return New(QRInvalid, fmt.Sprintf("In the code, %s %s.", payload.Field, payload.Reason), err)
	case errors.As(err, &other):
		detail := ""
		if len(other.Kinds) > 0 {
			detail = "What was found: " + strings.Join(other.Kinds, ", ") + "."
		}
		return New(QRNotHealthSync, detail, err)
	case errors.As(err, &notFound):
		return New(QRNotFound, fmt.Sprintf("The picture has %d x %d pixels.", notFound.Width, notFound.Height), err)
	case errors.As(err, &format), errors.As(err, &picture):
		return New(PictureUnreadable, words.Capital(strings.TrimPrefix(lastLine(err), "pairing code: "))+".", err)
	}
	return nil
}
