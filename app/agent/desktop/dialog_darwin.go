package desktop

import "context"

// The texts go to AppleScript as arguments, never as part of the script: a
// device's name stays a text whatever is in it.
const (
	confirmScript = `on run argv
	set answer to display dialog (item 1 of argv) buttons {item 3 of argv, item 2 of argv} default button 1 cancel button 1 with title "HealthSync" with icon caution
	return button returned of answer
end run`
	pickScript = `on run
	return POSIX path of (choose file with prompt "Choose a picture of the QR code" of type {"public.image"})
end run`
	saveScript = `on run argv
	return POSIX path of (choose file name with prompt "Export the certificates" default name (item 1 of argv))
end run`
)

func script(ctx context.Context, text string, args ...string) (string, bool, error) {
	return answer(ctx, "/usr/bin/osascript", append([]string{"-e", text, "--"}, args...)...)
}

// Confirm asks a question in a window; an error means that none can be shown.
func (d *Desktop) Confirm(ctx context.Context, text, yes, no string) (bool, error) {
	_, ok, err := script(ctx, confirmScript, text, yes, no)
	return ok, err
}

// PickPicture asks for a picture; "" means that the person chose none.
func (d *Desktop) PickPicture(ctx context.Context) (string, error) {
	path, _, err := script(ctx, pickScript)
	return path, err
}

// SaveAs asks where to write a file; "" means nowhere.
func (d *Desktop) SaveAs(ctx context.Context, name string) (string, error) {
	path, _, err := script(ctx, saveScript, name)
	return path, err
}
