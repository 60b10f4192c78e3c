//go:build !darwin

package center

// Open gives the notification centre. There is none here.
func Open(func(key string)) (*Center, error) { return nil, ErrUnavailable }
