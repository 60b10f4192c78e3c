//go:build !darwin

package camera

import (
	"context"
	"runtime"
)

func platform() error { return &UnavailableError{Platform: runtime.GOOS} }

// Show has no window to show here.
func Show(context.Context, Window) (string, error) { return "", platform() }
