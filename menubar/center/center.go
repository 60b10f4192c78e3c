// Package center shows notifications under the app's own name and icon, in
// macOS's notification centre, and tells which were clicked.
//
// It exists inside HealthSync.app only: elsewhere macOS raises an exception
// that would end the program. Then, and when the system refuses, the errors here
// say so and the caller has another way (package menubar has beeep).
package center

import (
	"context"
	"errors"
	"sync"

	"healthsync/menubar/login"
)

// ErrUnavailable says that there is no notification centre for this program.
var ErrUnavailable = errors.New("center: not inside of an app")

// ErrDenied says that the person wants no notifications from this app.
var ErrDenied = errors.New("center: the person does not want notifications")

// denied is the reason that center_darwin.m gives then.
const denied = "denied"

// RefusedError is the system's reason for not showing one.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "center: " + e.Reason }

// bundled is what macOS's own check comes to: currentNotificationCenter raises an
// exception where the program, as it was started, is not that of an app. Through
// a link it is not.
func bundled(exe string, err error) bool { return err == nil && login.InBundle(exe) }

// Center is the notification centre.
type Center struct {
	pending
	show func(key, title, body string) // does not wait; its outcome comes by end
}

// Show shows a notification and waits until the system has taken it, the first
// time for the person, who is asked whether they want any; it has no time limit
// but ctx. One of the same key takes the place of the last. Title and body may
// be anybody's text.
func (c *Center) Show(ctx context.Context, key, title, body string) error {
	done := c.begin(key)
	c.show(key, title, body)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pending keeps notifications under way: the answers of the notification centre come
// later, on threads of its own.
type pending struct {
	mu      sync.Mutex
	waiting map[string]chan error
	clicked func(key string)
}

// begin gives where the outcome of a notification will arrive.
func (d *pending) begin(key string) <-chan error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting == nil {
		d.waiting = map[string]chan error{}
	}
	if old := d.waiting[key]; old != nil {
		old <- nil // the later one takes its place
	}
	ch := make(chan error, 1)
	d.waiting[key] = ch
	return ch
}

// end reports the outcome: "" is good.
func (d *pending) end(key, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := d.waiting[key]
	if ch == nil {
		return
	}
	delete(d.waiting, key)
	switch reason {
	case "":
		ch <- nil
	case denied:
		ch <- ErrDenied
	default:
		ch <- &RefusedError{reason}
	}
}

// click must not hold up the thread that it comes on.
func (d *pending) click(key string) {
	if d.clicked != nil {
		go d.clicked(key)
	}
}
