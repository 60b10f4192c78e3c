//go:build !darwin

package center

import "context"

// Center is the notification centre.
type Center struct{}

// Open gives the notification centre. There is none here.
func Open(func(key string)) (*Center, error) { return nil, ErrUnavailable }

// Show shows a notification.
func (c *Center) Show(context.Context, string, string, string) error { return ErrUnavailable }

// Remove takes one away that was shown.
func (c *Center) Remove(string) {}
