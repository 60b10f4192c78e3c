package camera

// #include <stdint.h>
// void *hs_camera_queue(void *camera);
// void hs_camera_label(void *camera, void *field);
// void hs_camera_watch(void *camera);
import "C"

import (
	"cmp"
	"time"
	"unsafe"

	"github.com/progrium/darwinkit/macos/appkit"
	"github.com/progrium/darwinkit/macos/avfoundation"
	"github.com/progrium/darwinkit/macos/foundation"
	"github.com/progrium/darwinkit/macos/quartzcore"
	"github.com/progrium/darwinkit/objc"
)

// Everything here runs on the main thread and only calls out to darwinkit.
// Its methods that return a bool are not used: libffi stores a whole register
// into the one byte that they reserve (objc/call.go), hence yes.

func yes(o objc.Handle, sel string, args ...any) bool {
	return objc.Call[uint64](o, objc.Sel(sel), args...)&0xff != 0
}

// Sizes in points; the picture is 16:9, as the cameras of Macs are.
const (
	width, height = 640, 360
	strip         = 64  // under the picture, for the sentence
	aim           = 280 // the side of the frame to aim with
)

func rect(x, y, w, h float64) foundation.Rect {
	return foundation.Rect{Origin: foundation.Point{X: x, Y: y}, Size: foundation.Size{Width: w, Height: h}}
}

// open shows the window with a sentence and, so far, no picture.
func (s *scan) open(text string) {
	w := appkit.NewWindowWithSizeAndStyle(width, height+strip, appkit.WindowStyleMaskTitled|appkit.WindowStyleMaskClosable)
	w.Retain()                     // what darwinkit makes is autoreleased; this lives as long as the process
	w.SetReleasedWhenClosed(false) // or closing would release it once too often
	w.SetTitle(Title)
	label := appkit.TextField_WrappingLabelWithString(text)
	label.SetFrame(rect(16, 8, width-32, strip-16))
	label.SetAlignment(appkit.TextAlignmentCenter)
	label.SetSelectable(false)
	w.ContentView().AddSubview(label) // retains it
	C.hs_camera_label(s.camera, label.Ptr())
	w.ContentView().AddSubview(s.picture())
	objc.Call[objc.Void](w, objc.Sel("setDelegate:"), objc.ObjectFrom(s.camera)) // held weakly
	w.Center()
	// A click on a status item does not make the application active, and since
	// macOS 14 activation is only a request: without these two the window may
	// open behind all others.
	w.SetLevel(appkit.FloatingWindowLevel)
	w.OrderFrontRegardless()
	w.MakeKeyAndOrderFront(objc.Object{})
	appkit.Application_SharedApplication().ActivateIgnoringOtherApps(true)
	time.AfterFunc(cmp.Or(s.Patience, Patience), func() { s.finish("", &Error{Outcome: TimedOut}) })
}

// picture is a black view with the frame to aim; the session's layer follows.
func (s *scan) picture() appkit.View {
	v := appkit.NewViewWithFrame(rect(0, strip, width, height))
	s.back = quartzcore.NewLayer()
	s.back.SetBackgroundColor(appkit.Color_BlackColor().CGColor())
	v.SetLayer(s.back) // a layer of our own, set before wantsLayer: the view hosts it and retains it
	v.SetWantsLayer(true)
	frame := quartzcore.NewLayer()
	frame.SetFrame(rect((width-aim)/2, (height-aim)/2, aim, aim))
	frame.SetBorderColor(appkit.Color_WhiteColor().CGColor())
	frame.SetBorderWidth(3)
	frame.SetCornerRadius(24)
	frame.SetZPosition(1) // above the picture, which comes later
	s.back.AddSublayer(frame)
	objc.Call[objc.Void](v, objc.Sel("setAccessibilityElement:"), true)
	objc.Call[objc.Void](v, objc.Sel("setAccessibilityRole:"), "AXImage") // NSAccessibilityImageRole
	objc.Call[objc.Void](v, objc.Sel("setAccessibilityLabel:"), PreviewLabel)
	return v
}

// device prefers the Mac's own camera: the default one may be an iPhone
// (Continuity Camera), and that iPhone is busy showing the code.
func device() avfoundation.CaptureDevice {
	c := avfoundation.CaptureDeviceClass
	own := c.DefaultDeviceWithDeviceTypeMediaTypePosition(avfoundation.CaptureDeviceTypeBuiltInWideAngleCamera, avfoundation.MediaTypeVideo, avfoundation.CaptureDevicePositionUnspecified)
	if !own.IsNil() {
		return own
	}
	return c.DefaultDeviceWithMediaType(avfoundation.MediaTypeVideo)
}

// start builds the session and lets it run; its pictures go to HSCamera.
func (s *scan) start() {
	dev := device()
	if dev.IsNil() {
		s.finish("", &Error{Outcome: NoCamera})
		return
	}
	var nserr unsafe.Pointer // autoreleased, read before this turn of the loop ends
	in := avfoundation.CaptureDeviceInputClass.DeviceInputWithDeviceError(dev, unsafe.Pointer(&nserr))
	if in.IsNil() {
		e := foundation.ErrorFrom(nserr)
		if e.IsNil() {
			s.finish("", &Error{Outcome: Failed, Detail: "the camera cannot be opened"})
			return
		}
		s.finish("", failure(string(e.Domain()), e.Code(), e.LocalizedDescription()))
		return
	}
	dev.Retain()
	session := avfoundation.NewCaptureSession()
	session.Retain() // both live as long as the process
	out := avfoundation.NewCaptureVideoDataOutput()
	session.BeginConfiguration()
	if !yes(session, "canAddInput:", in) || !yes(session, "canAddOutput:", out) {
		session.CommitConfiguration()
		s.finish("", &Error{Outcome: InUse})
		return
	}
	session.AddInput(in) // the session retains what is added to it
	session.AddOutput(out)
	// Enough pixels for a code of 70 modules on a phone an arm away.
	if preset := avfoundation.CaptureSessionPreset1280x720; yes(session, "canSetSessionPreset:", preset) {
		session.SetSessionPreset(preset)
	}
	session.CommitConfiguration()
	out.SetAlwaysDiscardsLateVideoFrames(true)
	// darwinkit's own setter makes an adaptor that nobody keeps; the output
	// holds its delegate weakly.
	objc.Call[objc.Void](out, objc.Sel("setSampleBufferDelegate:queue:"), objc.ObjectFrom(s.camera), objc.ObjectFrom(C.hs_camera_queue(s.camera)))
	layer := avfoundation.CaptureVideoPreviewLayerClass.LayerWithSession(session)
	layer.SetVideoGravity(avfoundation.LayerVideoGravityResizeAspectFill)
	layer.SetFrame(rect(0, 0, width, height))
	s.back.AddSublayer(layer)
	C.hs_camera_watch(s.camera)
	s.pending = time.AfterFunc(firstPicture, func() {
		objc.WithAutoreleasePool(func() {
			if yes(dev, "isInUseByAnotherApplication") {
				s.finish("", &Error{Outcome: InUse})
			}
		})
	})
	// startRunning blocks until the camera runs, hence not on the main thread;
	// a thread of Go's has no autorelease pool of its own.
	go objc.WithAutoreleasePool(session.StartRunning)
}
