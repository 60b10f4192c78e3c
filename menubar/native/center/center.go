// Package center shows notifications under the app's own name and icon, in
// macOS's notification centre, and tells which were clicked.
//
// It exists inside HealthSync.app only: elsewhere macOS raises an exception
// that would end the program. Then, and when the person has not allowed it,
// the errors here say so and the caller has another way (package menubar has
// beeep).
package center

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
)

// ErrUnavailable says that there is no notification centre for this program.
var ErrUnavailable = errors.New("center: not inside of an app")

// ErrNotAllowed says that the person does not want notifications, or has not
// been asked yet.
var ErrNotAllowed = errors.New("center: notifications are not allowed")

// RefusedError is the system's reason for not showing one.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "center: " + e.Reason }

// bundled is what macOS's own check comes to: both must hold, or
// currentNotificationCenter raises an exception.
func bundled(identifier, path string) bool {
	return identifier != "" && strings.EqualFold(filepath.Ext(path), ".app")
}

// allowance is the person's answer.
type allowance int

const (
	asked allowance = iota // no answer yet
	allowed
	denied
)

// desk keeps what is under way: the answers of the notification centre come
// later, on threads of its own.
type desk struct {
	mu      sync.Mutex
	allowed allowance
	waiting map[string]chan error
	clicked func(key string)
}

func (d *desk) answer(ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.allowed = denied
	if ok {
		d.allowed = allowed
	}
}

// begin gives where the outcome of a notification will arrive.
func (d *desk) begin(key string) (<-chan error, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.allowed != allowed {
		return nil, ErrNotAllowed
	}
	if d.waiting == nil {
		d.waiting = map[string]chan error{}
	}
	if old := d.waiting[key]; old != nil {
		old <- nil // the later one takes its place
	}
	ch := make(chan error, 1)
	d.waiting[key] = ch
	return ch, nil
}

// end reports the outcome: "" is good.
func (d *desk) end(key, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := d.waiting[key]
	if ch == nil {
		return
	}
	delete(d.waiting, key)
	if reason != "" {
		ch <- &RefusedError{reason}
		return
	}
	ch <- nil
}

// click must not hold up the thread that it comes on.
func (d *desk) click(key string) {
	if d.clicked != nil {
		go d.clicked(key)
	}
}
