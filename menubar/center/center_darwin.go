package center

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit -framework UserNotifications
#include <stdlib.h>
int hs_center_open(void);
void hs_center_show(const char *key, const char *title, const char *body);
*/
import "C"

import (
	"os"
	"unsafe"
)

// Open gives the notification centre; clicked gets the key of each
// notification that is clicked. It asks the person nothing. It is to be called
// once in the life of a process, before the application has started, so that
// a click that starts it arrives.
func Open(clicked func(key string)) (*Center, error) {
	opened = &Center{pending: pending{clicked: clicked}, show: show}
	if !bundled(os.Executable()) || C.hs_center_open() == 0 {
		return nil, ErrUnavailable
	}
	return opened, nil
}

var opened *Center // the one of this process

func show(key, title, body string) {
	text := [3]*C.char{C.CString(key), C.CString(title), C.CString(body)}
	C.hs_center_show(text[0], text[1], text[2])
	for _, p := range text {
		C.free(unsafe.Pointer(p))
	}
}

//export hsCenterShown
func hsCenterShown(key, reason *C.char) { opened.end(C.GoString(key), C.GoString(reason)) }

//export hsCenterClicked
func hsCenterClicked(key *C.char) { opened.click(C.GoString(key)) }
