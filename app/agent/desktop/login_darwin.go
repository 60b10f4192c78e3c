package desktop

// Login says whether the app starts at login, and whether that can be told: a
// bare binary, outside the bundle, has no login item.
func (d *Desktop) Login() (on, known bool) { return false, false }

// SetLogin makes the app start at login, or not.
func (d *Desktop) SetLogin(bool) error { return ErrNone }
