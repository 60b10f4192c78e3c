package center

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework UserNotifications
#include <stdint.h>
#include <stdlib.h>
char *hs_center_identifier(void);
char *hs_center_path(void);
int hs_center_open(uintptr_t desk);
void hs_center_show(uintptr_t desk, const char *key, const char *title, const char *body);
void hs_center_remove(const char *key);
*/
import "C"

import (
	"context"
	"runtime/cgo"
	"unsafe"
)

// Center is the notification centre.
type Center struct {
	desk
	handle cgo.Handle
}

// Open gives the notification centre and asks the person, once, whether they
// want notifications; clicked gets the key of each that is clicked. It is to
// be called once in the life of a process, when the application has started.
func Open(clicked func(key string)) (*Center, error) {
	id, path := C.hs_center_identifier(), C.hs_center_path()
	defer C.free(unsafe.Pointer(id))
	defer C.free(unsafe.Pointer(path))
	if !bundled(C.GoString(id), C.GoString(path)) {
		return nil, ErrUnavailable
	}
	c := &Center{desk: desk{clicked: clicked}}
	c.handle = cgo.NewHandle(&c.desk) // never deleted: the delegate lives as long as the process
	if C.hs_center_open(C.uintptr_t(c.handle)) == 0 {
		return nil, ErrUnavailable
	}
	return c, nil
}

// Show shows a notification and waits until the system has taken it. One of
// the same key takes the place of the last. Title and body may be anybody's
// text.
func (c *Center) Show(ctx context.Context, key, title, body string) error {
	done, err := c.begin(key)
	if err != nil {
		return err
	}
	text := [3]*C.char{C.CString(key), C.CString(title), C.CString(body)}
	C.hs_center_show(C.uintptr_t(c.handle), text[0], text[1], text[2])
	for _, p := range text {
		C.free(unsafe.Pointer(p))
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Remove takes one away that was shown.
func (c *Center) Remove(key string) {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	C.hs_center_remove(k)
}

func from(h C.uintptr_t) *desk { return cgo.Handle(h).Value().(*desk) }

//export hsCenterAnswer
func hsCenterAnswer(h C.uintptr_t, ok C.int) { from(h).answer(ok != 0) }

//export hsCenterShown
func hsCenterShown(h C.uintptr_t, key, reason *C.char) {
	from(h).end(C.GoString(key), C.GoString(reason))
}

//export hsCenterClicked
func hsCenterClicked(h C.uintptr_t, key *C.char) { from(h).click(C.GoString(key)) }
