package camera

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit -framework CoreMedia -framework Vision
#include <stdlib.h>
void hs_camera_show(void *window, void *field);
void hs_camera_watch(void *device, void *output);
int hs_camera_run(void);
void hs_camera_stop(void);
void hs_camera_say(const char *text);
void hs_camera_ask(void);
*/
import "C"

import (
	"context"
	"unsafe"

	"github.com/progrium/darwinkit/macos/appkit"
	"github.com/progrium/darwinkit/macos/avfoundation"
	"github.com/progrium/darwinkit/macos/foundation"
	"github.com/progrium/darwinkit/macos/quartzcore"
	"github.com/progrium/darwinkit/objc"
)

func platform() error { return nil }

// Show opens the window and returns the text of the code that w.Check
// accepted, or an [*Error]. It must be called on the main thread, once in the
// life of a process, and takes the application's event loop; it leaves window
// and session to the end of the process, which is to come at once.
func Show(ctx context.Context, w Window) (string, error) {
	if err := Available(); err != nil {
		return "", err
	}
	shown = &scan{Window: w, on: &window{}}
	return shown.run(ctx, func() { // it calls hsCameraReady, and returns after stop
		if C.hs_camera_run() == 0 {
			shown.finish("", &Error{Outcome: Failed, Detail: "not on the main thread"})
		}
	})
}

// shown is the one of this process; a late picture may still look for it.
var shown *scan

//export hsCameraReady
func hsCameraReady() { shown.ready() }

//export hsCameraAccess
func hsCameraAccess(granted bool) { shown.access(granted) }

//export hsCameraPicture
func hsCameraPicture() { shown.pictured() }

//export hsCameraPayload
func hsCameraPayload(text *C.char) bool { return shown.saw(C.GoString(text)) }

//export hsCameraBroke
func hsCameraBroke(domain *C.char, code C.int, text *C.char) {
	shown.finish("", failure(C.GoString(domain), int(code), C.GoString(text)))
}

//export hsCameraClosed
func hsCameraClosed() { shown.closed() }

// window is the screen. It only calls out to darwinkit, whose methods that
// return a bool are not used: libffi stores a whole register into the one byte
// that they reserve (objc/call.go), hence yes.
type window struct {
	back   quartzcore.Layer // where the picture goes; its view retains it
	device avfoundation.CaptureDevice
}

func yes(o objc.Handle, sel string, args ...any) bool {
	return objc.Call[uint64](o, objc.Sel(sel), args...)&0xff != 0
}

// send takes objects as they are. darwinkit's methods take them as interfaces,
// with which the program would hold the types of most of AppKit (0.6 MB).
func send(o objc.Handle, sel string, args ...any) { objc.Call[objc.Void](o, objc.Sel(sel), args...) }

func rect(x, y, w, h float64) foundation.Rect {
	return foundation.Rect{Origin: foundation.Point{X: x, Y: y}, Size: foundation.Size{Width: w, Height: h}}
}

func (on *window) permission() int {
	return int(avfoundation.CaptureDeviceClass.AuthorizationStatusForMediaType(avfoundation.MediaTypeVideo))
}

func (on *window) ask()  { C.hs_camera_ask() }
func (on *window) stop() { C.hs_camera_stop() }

func (on *window) say(text string) {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	C.hs_camera_say(c)
}

func (on *window) open(text string) {
	w := appkit.NewWindowWithSizeAndStyle(width, height+strip,
		appkit.WindowStyleMaskTitled|appkit.WindowStyleMaskClosable)
	w.Retain()                     // what darwinkit makes is autoreleased; this lives as long as the process
	w.SetReleasedWhenClosed(false) // or closing would release it once too often
	w.SetTitle(Title)
	label := appkit.TextField_WrappingLabelWithString(text)
	label.SetFrame(rect(16, 8, width-32, strip-16))
	label.SetAlignment(appkit.TextAlignmentCenter)
	label.SetSelectable(false)
	send(w.ContentView(), "addSubview:", label) // retains it
	send(w.ContentView(), "addSubview:", on.picture())
	C.hs_camera_show(w.Ptr(), label.Ptr())
	w.Center()
	// A click on a status item does not make the application active, and since
	// macOS 14 activation is only a request: without these the window may open
	// behind all others, or in another space than the full-screen one at hand.
	w.SetLevel(appkit.FloatingWindowLevel)
	w.SetCollectionBehavior(
		appkit.WindowCollectionBehaviorMoveToActiveSpace | appkit.WindowCollectionBehaviorFullScreenAuxiliary)
	w.OrderFrontRegardless()
	w.MakeKeyAndOrderFront(objc.Object{})
	appkit.Application_SharedApplication().ActivateIgnoringOtherApps(true)
}

// picture is a black view with the frame to aim; the session's layer follows.
func (on *window) picture() appkit.View {
	v := appkit.NewViewWithFrame(rect(0, strip, width, height))
	on.back = quartzcore.NewLayer()
	on.back.SetBackgroundColor(appkit.Color_BlackColor().CGColor())
	send(v, "setLayer:", on.back) // a layer of our own, set before wantsLayer: the view hosts it and retains it
	v.SetWantsLayer(true)
	frame := quartzcore.NewLayer()
	frame.SetFrame(rect((width-aim)/2, (height-aim)/2, aim, aim))
	frame.SetBorderColor(appkit.Color_WhiteColor().CGColor())
	frame.SetBorderWidth(3)
	frame.SetCornerRadius(24)
	frame.SetZPosition(1) // above the picture, which comes later
	send(on.back, "addSublayer:", frame)
	send(v, "setAccessibilityElement:", true)
	send(v, "setAccessibilityRole:", "AXImage") // NSAccessibilityImageRole
	send(v, "setAccessibilityLabel:", PreviewLabel)
	return v
}

// camera prefers the Mac's own: the default one may be an iPhone (Continuity
// Camera), and that iPhone is busy showing the code.
func camera() avfoundation.CaptureDevice {
	c := avfoundation.CaptureDeviceClass
	own := c.DefaultDeviceWithDeviceTypeMediaTypePosition(avfoundation.CaptureDeviceTypeBuiltInWideAngleCamera,
		avfoundation.MediaTypeVideo, avfoundation.CaptureDevicePositionUnspecified)
	if !own.IsNil() {
		return own
	}
	return c.DefaultDeviceWithMediaType(avfoundation.MediaTypeVideo)
}

// start builds the session and lets it run; its pictures go to HSCamera.
func (on *window) start() error {
	on.device = camera()
	if on.device.IsNil() {
		return &Error{Outcome: NoCamera}
	}
	on.device.Retain()       // lives as long as the process, as the session does
	var nserr unsafe.Pointer // autoreleased, read before this turn of the loop ends
	in := objc.Call[avfoundation.CaptureDeviceInput](avfoundation.CaptureDeviceInputClass,
		objc.Sel("deviceInputWithDevice:error:"), on.device, unsafe.Pointer(&nserr))
	if in.IsNil() {
		if e := foundation.ErrorFrom(nserr); !e.IsNil() {
			return failure(string(e.Domain()), e.Code(), e.LocalizedDescription())
		}
		return &Error{Outcome: Failed, Detail: "the camera cannot be opened"}
	}
	// The session's preset, "high", has enough pixels for a code of 70 modules an arm away.
	session := avfoundation.NewCaptureSession()
	session.Retain()
	out := avfoundation.NewCaptureVideoDataOutput()
	if !yes(session, "canAddInput:", in) || !yes(session, "canAddOutput:", out) {
		return &Error{Outcome: InUse}
	}
	send(session, "addInput:", in) // the session retains what is added to it
	send(session, "addOutput:", out)
	layer := objc.Call[avfoundation.CaptureVideoPreviewLayer](avfoundation.CaptureVideoPreviewLayerClass,
		objc.Sel("layerWithSession:"), session)
	layer.SetVideoGravity(avfoundation.LayerVideoGravityResizeAspectFill)
	layer.SetFrame(rect(0, 0, width, height))
	send(on.back, "addSublayer:", layer)
	C.hs_camera_watch(on.device.Ptr(), out.Ptr())
	// startRunning blocks until the camera runs, hence not on the main thread;
	// a thread of Go's has no autorelease pool of its own.
	go objc.WithAutoreleasePool(session.StartRunning)
	return nil
}

func (on *window) taken() (held bool) {
	objc.WithAutoreleasePool(func() { held = yes(on.device, "isInUseByAnotherApplication") })
	return held
}
