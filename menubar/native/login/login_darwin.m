// SMAppService is of macOS 13; it is found by name, so that an older SDK will
// do. @try, because an exception cannot pass through Go.
#import <Foundation/Foundation.h>

@interface NSObject (HSAppService)
+ (id)mainAppService;
- (BOOL)registerAndReturnError:(NSError **)e;
- (BOOL)unregisterAndReturnError:(NSError **)e;
- (NSInteger)status;
+ (void)openSystemSettingsLoginItems;
@end

// SMAppServiceStatus: 0 not registered, 1 enabled, 2 requires approval, 3 not
// found; -1 where there is no such service.
int hs_login_status(void) {
  @autoreleasepool {
    id c = NSClassFromString(@"SMAppService");
    return c ? (int)[[c mainAppService] status] : -1;
  }
}

// NULL, or a text for the caller to free.
char *hs_login_set(int on) {
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

void hs_login_settings(void) {
  @autoreleasepool { [(id)NSClassFromString(@"SMAppService") openSystemSettingsLoginItems]; }
}
