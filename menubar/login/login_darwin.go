package login

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework ServiceManagement
#import <Foundation/Foundation.h>

// SMAppService is of macOS 13; it is found by name, so that an older SDK will do. A thread of Go's has no pool of
// its own, hence one a function; @try, because an exception cannot pass through Go.
@interface NSObject (HSAppService)
+ (id)mainAppService;
- (BOOL)registerAndReturnError:(NSError **)e;
- (BOOL)unregisterAndReturnError:(NSError **)e;
- (NSInteger)status;
+ (void)openSystemSettingsLoginItems;
@end

static int hs_login_status(void) {
  @autoreleasepool {
    id c = NSClassFromString(@"SMAppService");
    return c ? (int)[[c mainAppService] status] : -1;
  }
}

// NULL, or a text for the caller to free.
static char *hs_login_set(int on) {
  @autoreleasepool {
    NSError *e = nil;
    @try {
      id s = [(id)NSClassFromString(@"SMAppService") mainAppService];
      if (on ? [s registerAndReturnError:&e] : [s unregisterAndReturnError:&e]) return NULL;
    } @catch (NSException *x) {
      return strdup(x.reason.UTF8String ?: "exception");
    }
    return strdup(e.localizedDescription.UTF8String ?: "no reason given");
  }
}

static void hs_login_settings(void) {
  @autoreleasepool { [(id)NSClassFromString(@"SMAppService") openSystemSettingsLoginItems]; }
}
*/
import "C"

import "unsafe"

// system is SMAppService, and a LaunchAgent where that cannot be used.
func system(exe string) (service, file, error) {
	f, err := agentFile(exe)
	return appService{}, f, err
}

type appService struct{}

func (appService) status() int { return int(C.hs_login_status()) }
func (appService) settings()   { C.hs_login_settings() }

func (appService) set(on bool) string {
	text := C.hs_login_set(map[bool]C.int{true: 1}[on])
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}
