package camera

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit -framework CoreMedia -framework Vision
#include <stdint.h>
#include <stdlib.h>
void *hs_camera_new(uintptr_t scan);
void *hs_camera_queue(void *camera);
void hs_camera_label(void *camera, void *field);
void hs_camera_watch(void *camera);
void hs_camera_run(void *camera);
void hs_camera_stop(void *camera);
void hs_camera_say(void *camera, const char *text);
void hs_camera_ask(uintptr_t scan);
*/
import "C"

import (
	"context"
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"

	"github.com/progrium/darwinkit/macos/avfoundation"
	"github.com/progrium/darwinkit/macos/quartzcore"
)

// firstPicture is how long a camera may take to deliver one.
const firstPicture = 8 * time.Second

func platform() error { return nil }

// scan is one window. Its methods run on the main thread but for payload,
// picture, broke and finish, which take any.
type scan struct {
	Window
	camera  unsafe.Pointer   // HSCamera, +1, see hs_camera_new
	back    quartzcore.Layer // where the picture goes; its view retains it
	pending *time.Timer      // for the first picture

	once    sync.Once
	payload string
	err     error
}

// Show opens the window and returns the text of the code that w.Check
// accepted, or an [*Error]. It must be called on the main thread, once in the
// life of a process, and takes the application's event loop; it leaves window
// and session to the end of the process, which is to come at once.
func Show(ctx context.Context, w Window) (string, error) {
	if err := Available(); err != nil {
		return "", err
	}
	s := &scan{Window: w}
	h := cgo.NewHandle(s) // never deleted: a late frame may still look it up
	s.camera = C.hs_camera_new(C.uintptr_t(h))
	if s.camera == nil {
		return "", &Error{Outcome: Failed, Detail: "not on the main thread"}
	}
	stop := context.AfterFunc(ctx, func() { s.finish("", ctx.Err()) })
	defer stop()
	C.hs_camera_run(s.camera) // calls hsCameraReady, and returns after finish
	return s.payload, s.err
}

func from(h C.uintptr_t) *scan { return cgo.Handle(h).Value().(*scan) }

//export hsCameraReady
func hsCameraReady(h C.uintptr_t) {
	s := from(h)
	asks, err := refusal(int(avfoundation.CaptureDeviceClass.AuthorizationStatusForMediaType(avfoundation.MediaTypeVideo)))
	switch {
	case err != nil:
		s.finish("", err)
	case asks:
		s.open(Asking)
		C.hs_camera_ask(h)
	default:
		s.open(Aim)
		s.start()
	}
}

//export hsCameraAccess
func hsCameraAccess(h C.uintptr_t, granted C.int) {
	s := from(h)
	if granted == 0 {
		s.finish("", &Error{Outcome: Denied})
		return
	}
	s.say(Aim)
	s.start()
}

//export hsCameraPayload
func hsCameraPayload(h C.uintptr_t, text *C.char) C.int {
	s := from(h)
	payload := C.GoString(text)
	if hint := s.Check(payload); hint != "" {
		s.say(hint)
		return 0
	}
	s.finish(payload, nil)
	return 1
}

//export hsCameraPicture
func hsCameraPicture(h C.uintptr_t) { from(h).pending.Stop() }

//export hsCameraBroke
func hsCameraBroke(h C.uintptr_t, domain *C.char, code C.int, text *C.char) {
	from(h).finish("", failure(C.GoString(domain), int(code), C.GoString(text)))
}

//export hsCameraClosed
func hsCameraClosed(h C.uintptr_t) { from(h).finish("", &Error{Outcome: Closed}) }

// finish ends the event loop with the first outcome that is known.
func (s *scan) finish(payload string, err error) {
	s.once.Do(func() {
		s.payload, s.err = payload, err
		C.hs_camera_stop(s.camera)
	})
}

func (s *scan) say(text string) {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	C.hs_camera_say(s.camera, c)
}
