//go:build !darwin

package cli

import "healthsync/pki/qr"

// convertPicture has nothing to add to what package qr reads by itself.
var convertPicture qr.Convert
