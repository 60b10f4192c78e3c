//go:build !darwin

package desktop

import (
	"context"
	"strings"
)

// Confirm asks a question in a window; an error means that none can be shown.
func (d *Desktop) Confirm(ctx context.Context, text, yes, no string) (bool, error) {
	name, args, ok := first(
		[]string{"zenity", "--question", "--no-markup", "--title=HealthSync", "--text=" + text, "--ok-label=" + yes, "--cancel-label=" + no, "--default-cancel"},
		[]string{"kdialog", "--title", "HealthSync", "--yes-label", yes, "--no-label", no, "--warningyesno", plainText(text)},
	)
	if !ok || !d.screen() {
		return false, ErrNone
	}
	_, agreed, err := answer(ctx, name, args...)
	return agreed, err
}

// PickPicture asks for a picture; "" means that the person chose none.
func (d *Desktop) PickPicture(ctx context.Context) (string, error) {
	if path, err := portal(ctx, "OpenFile", "Choose a picture of the QR code", ""); err == nil {
		return path, nil
	}
	name, args, ok := first(
		[]string{"zenity", "--file-selection", "--title=Choose a picture of the QR code", "--file-filter=Pictures | *.png *.jpg *.jpeg *.gif *.webp *.tif *.tiff *.bmp", "--file-filter=All files | *"},
		[]string{"kdialog", "--title", "Choose a picture of the QR code", "--getopenfilename", ".", "*.png *.jpg *.jpeg *.gif *.webp *.tif *.tiff *.bmp"},
	)
	if !ok || !d.screen() {
		return "", ErrNone
	}
	path, _, err := answer(ctx, name, args...)
	return path, err
}

// SaveAs asks where to write a file; "" means nowhere.
func (d *Desktop) SaveAs(ctx context.Context, file string) (string, error) {
	if path, err := portal(ctx, "SaveFile", "Export the certificates", file); err == nil {
		return path, nil
	}
	name, args, ok := first(
		[]string{"zenity", "--file-selection", "--save", "--confirm-overwrite", "--title=Export the certificates", "--filename=" + file},
		[]string{"kdialog", "--title", "Export the certificates", "--getsavefilename", file},
	)
	if !ok || !d.screen() {
		return "", ErrNone
	}
	path, _, err := answer(ctx, name, args...)
	return path, err
}

// screen reports whether there is one to show a window on.
func (d *Desktop) screen() bool {
	return d.Getenv("DISPLAY") != "" || d.Getenv("WAYLAND_DISPLAY") != ""
}

// plainText takes away what kdialog, a Qt program, would read as HTML.
func plainText(s string) string {
	return strings.NewReplacer("<", "‹", ">", "›", "&", "＆").Replace(s)
}
