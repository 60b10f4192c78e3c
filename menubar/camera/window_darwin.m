// Every callback of the camera window lives here, so that no delegate, block or
// closure of darwinkit's is ever made (each of them has a fault of its own).
// AVFoundation's headers are not needed: the capture output only asks whether
// its delegate responds to a selector, and constants are named by their values.
#import <AppKit/AppKit.h>
#import <CoreMedia/CoreMedia.h>
#import <Vision/Vision.h>
#include <stdatomic.h>
#include "_cgo_export.h"

@interface HSCamera : NSObject <NSApplicationDelegate, NSWindowDelegate>
@property(nonatomic) uintptr_t scan; // the Go side's handle
@property(nonatomic) dispatch_queue_t queue;
@property(nonatomic, weak) NSTextField *label; // the window owns it
@end

@implementation HSCamera {
  NSTimeInterval last;
  atomic_bool stopped, seen; // written on any thread
}
- (void)stop { atomic_store(&stopped, true); }

// NSApplicationDelegate, main thread: the first moment a window may open.
- (void)applicationDidFinishLaunching:(NSNotification *)n { hsCameraReady(self.scan); }

// NSWindowDelegate, main thread; also by Esc and Cmd-W (see hs_camera_run).
- (void)windowWillClose:(NSNotification *)n { hsCameraClosed(self.scan); }

// AVCaptureVideoDataOutputSampleBufferDelegate, on self.queue. The buffer
// belongs to the output: it is not kept beyond this call, or the camera runs
// out of them. The queue drains its pool late, so each frame has its own.
- (void)captureOutput:(id)output didOutputSampleBuffer:(CMSampleBufferRef)sb fromConnection:(id)c {
  NSTimeInterval now = NSProcessInfo.processInfo.systemUptime;
  if (atomic_load(&stopped) || now - last < 0.1) return; // ten looks a second are plenty
  last = now;
  if (!atomic_exchange(&seen, true)) hsCameraPicture(self.scan);
  @autoreleasepool {
    CVImageBufferRef pixels = CMSampleBufferGetImageBuffer(sb); // a Get: not ours to release
    if (!pixels) return;
    VNDetectBarcodesRequest *request = [[VNDetectBarcodesRequest alloc] init];
    request.symbologies = @[ VNBarcodeSymbologyQR ];
    VNImageRequestHandler *handler = [[VNImageRequestHandler alloc] initWithCVPixelBuffer:pixels options:@{}];
    if (![handler performRequests:@[ request ] error:NULL]) return;
    for (VNBarcodeObservation *o in request.results) {
      const char *text = o.payloadStringValue.UTF8String; // lives as long as the pool
      if (text && hsCameraPayload(self.scan, (char *)text)) return [self stop];
    }
  }
}

// AVCaptureSessionRuntimeErrorNotification, on any thread.
- (void)sessionFailed:(NSNotification *)n {
  NSError *e = n.userInfo[@"AVCaptureSessionErrorKey"];
  hsCameraBroke(self.scan, (char *)(e.domain.UTF8String ?: ""), (int)e.code, (char *)(e.localizedDescription.UTF8String ?: ""));
}
// AVCaptureDeviceWasDisconnectedNotification: pulled out, or the lid closed.
- (void)deviceGone:(NSNotification *)n { hsCameraBroke(self.scan, "AVFoundationErrorDomain", -11808, ""); }
@end

// The caller owns the result (+1) and keeps it for the life of the process: the
// application, the window and the output all hold their delegate weakly.
void *hs_camera_new(uintptr_t scan) {
  if (!NSThread.isMainThread) return NULL; // AppKit runs on no other
  HSCamera *c = [[HSCamera alloc] init];
  c.scan = scan;
  c.queue = dispatch_queue_create("healthsync.camera", DISPATCH_QUEUE_SERIAL);
  return (void *)CFBridgingRetain(c);
}
void *hs_camera_queue(void *c) { return (__bridge void *)[(__bridge HSCamera *)c queue]; }
void hs_camera_label(void *c, void *field) { [(__bridge HSCamera *)c setLabel:(__bridge NSTextField *)field]; }

// Watches for a session that breaks. The centre keeps observers weakly.
void hs_camera_watch(void *c) {
  NSNotificationCenter *n = NSNotificationCenter.defaultCenter;
  [n addObserver:(__bridge id)c selector:@selector(sessionFailed:) name:@"AVCaptureSessionRuntimeErrorNotification" object:nil];
  [n addObserver:(__bridge id)c selector:@selector(deviceGone:) name:@"AVCaptureDeviceWasDisconnectedNotification" object:nil];
}

// Runs the event loop on the main thread until hs_camera_stop. An accessory
// application has no Dock icon and no menu bar, hence the keys by a monitor:
// Esc and Cmd-W go the window's own way of closing.
void hs_camera_run(void *c) {
  @autoreleasepool {
    [NSApplication sharedApplication].delegate = (__bridge HSCamera *)c;
    [NSApp setActivationPolicy:NSApplicationActivationPolicyAccessory];
    [NSEvent addLocalMonitorForEventsMatchingMask:NSEventMaskKeyDown handler:^NSEvent *(NSEvent *e) {
      BOOL command = (e.modifierFlags & NSEventModifierFlagDeviceIndependentFlagsMask & ~NSEventModifierFlagCapsLock) == NSEventModifierFlagCommand;
      BOOL closes = e.keyCode == 53 /* kVK_Escape */ || (command && [e.charactersIgnoringModifiers.lowercaseString isEqualToString:@"w"]);
      if (!closes || !NSApp.keyWindow) return e;
      [NSApp.keyWindow performClose:nil];
      return nil;
    }];
    [NSApp run];
  }
}

// Any thread. -[NSApp stop:] takes effect after the next event, so one is posted.
void hs_camera_stop(void *c) {
  [(__bridge HSCamera *)c stop];
  dispatch_async(dispatch_get_main_queue(), ^{
    [NSApp stop:nil];
    [NSApp postEvent:[NSEvent otherEventWithType:NSEventTypeApplicationDefined location:NSZeroPoint modifierFlags:0
                                       timestamp:0 windowNumber:0 context:nil subtype:0 data1:0 data2:0] atStart:YES];
  });
}

// Any thread: shows a sentence under the picture, and VoiceOver reads it out.
void hs_camera_say(void *c, const char *text) {
  NSString *s = @(text) ?: @"";
  dispatch_async(dispatch_get_main_queue(), ^{
    NSTextField *field = [(__bridge HSCamera *)c label];
    if ([field.stringValue isEqualToString:s]) return;
    field.stringValue = s;
    NSAccessibilityPostNotificationWithUserInfo(NSApp, NSAccessibilityAnnouncementRequestedNotification,
        @{NSAccessibilityAnnouncementKey : s, NSAccessibilityPriorityKey : @(NSAccessibilityPriorityHigh)});
  });
}

@interface NSObject (HSCaptureDevice)
+ (void)requestAccessForMediaType:(NSString *)type completionHandler:(void (^)(BOOL))handler;
@end
// The answer comes on a queue of the system's; it goes on on the main thread.
void hs_camera_ask(uintptr_t scan) {
  [(id)NSClassFromString(@"AVCaptureDevice") requestAccessForMediaType:@"vide" completionHandler:^(BOOL ok) {
    dispatch_async(dispatch_get_main_queue(), ^{ hsCameraAccess(scan, ok); });
  }];
}
