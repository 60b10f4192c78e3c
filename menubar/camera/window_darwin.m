// Every callback of the camera window lives here, so that no delegate, block or closure of darwinkit's is ever made
// (each of them has a fault of its own). AVFoundation's headers are not needed: the capture output only asks
// whether its delegate responds to a selector, and constants are named by their values.
#import <AppKit/AppKit.h>
#import <CoreMedia/CoreMedia.h>
#import <Vision/Vision.h>
#include "_cgo_export.h"

@interface HSCamera : NSObject <NSApplicationDelegate, NSWindowDelegate>
@property(nonatomic, weak) NSTextField *label; // the window owns it
@property(nonatomic) id device;                // AVCaptureDevice
@end

@interface NSObject (HSCapture) // AVCaptureDevice and AVCaptureVideoDataOutput
+ (void)requestAccessForMediaType:(NSString *)type completionHandler:(void (^)(BOOL))handler;
- (BOOL)isConnected;
- (void)setSampleBufferDelegate:(id)delegate queue:(dispatch_queue_t)queue;
@end

@implementation HSCamera {
  NSTimeInterval last; // when it looked last, by the queue of the pictures alone
}

// NSApplicationDelegate, main thread: the first moment a window may open.
- (void)applicationDidFinishLaunching:(NSNotification *)n { hsCameraReady(); }

// NSWindowDelegate, main thread; also by a key (see hs_camera_run).
- (void)windowWillClose:(NSNotification *)n { hsCameraClosed(); }

// AVCaptureVideoDataOutputSampleBufferDelegate, on its queue. The buffer belongs to the output: it is not kept
// beyond this call, or the camera runs out of them. The queue drains its pool late, so each frame has its own.
- (void)captureOutput:(id)output didOutputSampleBuffer:(CMSampleBufferRef)sb fromConnection:(id)c {
  NSTimeInterval now = NSProcessInfo.processInfo.systemUptime;
  if (now - last < 0.1) return; // ten looks a second are plenty
  if (last == 0) hsCameraPicture();
  last = now;
  @autoreleasepool {
    CVImageBufferRef pixels = CMSampleBufferGetImageBuffer(sb); // a Get: not ours to release
    if (!pixels) return;
    VNDetectBarcodesRequest *request = [[VNDetectBarcodesRequest alloc] init];
    request.symbologies = @[ VNBarcodeSymbologyQR ];
    VNImageRequestHandler *handler = [[VNImageRequestHandler alloc] initWithCVPixelBuffer:pixels options:@{}];
    if (![handler performRequests:@[ request ] error:NULL]) return;
    for (VNBarcodeObservation *o in request.results) {
      const char *text = o.payloadStringValue.UTF8String; // lives as long as the pool
      if (text && hsCameraPayload((char *)text)) return;
    }
  }
}

// AVCaptureSessionRuntimeErrorNotification, on any thread.
- (void)sessionFailed:(NSNotification *)n {
  NSError *e = n.userInfo[@"AVCaptureSessionErrorKey"];
  hsCameraBroke((char *)(e.domain.UTF8String ?: ""), (int)e.code, (char *)(e.localizedDescription.UTF8String ?: ""));
}

// AVCaptureDeviceWasDisconnectedNotification, of any device, microphones too: ours was pulled out, or the lid
// closed, if it is no longer connected.
- (void)deviceGone:(NSNotification *)n {
  if (![self.device isConnected]) hsCameraBroke("AVFoundationErrorDomain", -11808, "");
}
@end

// There is one in the life of a process. Retained here, because the application, the window and the output all hold
// their delegate weakly.
static HSCamera *camera;

// Takes the window's events and its label.
void hs_camera_show(void *window, void *field) {
  camera.label = (__bridge NSTextField *)field;
  [(__bridge NSWindow *)window setDelegate:camera];
}

// Takes the pictures, on a queue of their own that the output retains, and watches for a session that breaks. The
// centre keeps observers weakly, and so does the output its delegate.
void hs_camera_watch(void *device, void *output) {
  camera.device = (__bridge id)device;
  [(__bridge id)output setSampleBufferDelegate:camera queue:dispatch_queue_create("healthsync.camera", DISPATCH_QUEUE_SERIAL)];
  NSNotificationCenter *n = NSNotificationCenter.defaultCenter;
  [n addObserver:camera selector:@selector(sessionFailed:) name:@"AVCaptureSessionRuntimeErrorNotification" object:nil];
  [n addObserver:camera selector:@selector(deviceGone:) name:@"AVCaptureDeviceWasDisconnectedNotification" object:nil];
}

// Runs the event loop until hs_camera_stop; 0 if not on the main thread, because AppKit runs on no other. An
// accessory application has no Dock icon and no menu bar, hence the keys by a monitor: Esc, Cmd-W and Cmd-Q go the
// window's own way of closing.
int hs_camera_run(void) {
  if (!NSThread.isMainThread) return 0;
  @autoreleasepool {
    camera = [[HSCamera alloc] init];
    [NSApplication sharedApplication].delegate = camera;
    [NSApp setActivationPolicy:NSApplicationActivationPolicyAccessory];
    [NSEvent addLocalMonitorForEventsMatchingMask:NSEventMaskKeyDown handler:^NSEvent *(NSEvent *e) {
      BOOL command = (e.modifierFlags & NSEventModifierFlagDeviceIndependentFlagsMask & ~NSEventModifierFlagCapsLock) == NSEventModifierFlagCommand;
      BOOL closes = e.keyCode == 53 /* kVK_Escape */ || (command && [@[ @"w", @"q" ] containsObject:e.charactersIgnoringModifiers.lowercaseString]);
      if (!closes || !NSApp.keyWindow) return e;
      [NSApp.keyWindow performClose:nil];
      return nil;
    }];
    [NSApp run];
    return 1;
  }
}

// Any thread. -[NSApp stop:] takes effect after the next event, so one is posted.
void hs_camera_stop(void) {
  dispatch_async(dispatch_get_main_queue(), ^{
    [NSApp stop:nil];
    [NSApp postEvent:[NSEvent otherEventWithType:NSEventTypeApplicationDefined location:NSZeroPoint modifierFlags:0
                                       timestamp:0 windowNumber:0 context:nil subtype:0 data1:0 data2:0] atStart:YES];
  });
}

// Any thread: shows a sentence under the picture, and VoiceOver reads it out.
void hs_camera_say(const char *text) {
  NSString *s = @(text) ?: @"";
  dispatch_async(dispatch_get_main_queue(), ^{
    if ([camera.label.stringValue isEqualToString:s]) return;
    camera.label.stringValue = s;
    NSAccessibilityPostNotificationWithUserInfo(NSApp, NSAccessibilityAnnouncementRequestedNotification,
        @{NSAccessibilityAnnouncementKey : s, NSAccessibilityPriorityKey : @(NSAccessibilityPriorityHigh)});
  });
}

// The answer comes on a queue of the system's; it goes on on the main thread.
void hs_camera_ask(void) {
  [(id)NSClassFromString(@"AVCaptureDevice") requestAccessForMediaType:@"vide" completionHandler:^(BOOL ok) {
    dispatch_async(dispatch_get_main_queue(), ^{ hsCameraAccess(ok); });
  }];
}
