package menubar

// markup leaves the body as it is: macOS reads none.
func markup(s string) string { return s }

// notice is the picture beside a notification: macOS shows the app's own.
func (i Icon) notice() (any, error) { return "", nil }
