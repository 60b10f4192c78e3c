#import <AppKit/AppKit.h>
#import <SystemConfiguration/SystemConfiguration.h>
#include "_cgo_export.h"

// On the store's queue.
static void changed(SCDynamicStoreRef store, CFArrayRef keys, void *info) { hsWakeEvent(false, true); }

// Starts telling, for the life of the process. NSWorkspace posts its notices in a centre of its own and on the main
// thread, whose loop must run; the store has a queue of its own.
void hs_wake_start(void) {
  @autoreleasepool {
    // Without a window we would be put to nap, where timers come minutes late (Energy Efficiency Guide for Mac
    // Apps, "Extend App Nap"). Retained: the activity ends with the object. The Mac may sleep all the same.
    (void)CFBridgingRetain([NSProcessInfo.processInfo beginActivityWithOptions:NSActivityUserInitiatedAllowingIdleSystemSleep reason:@"stays in step with the iPhone"]);
    [NSWorkspace.sharedWorkspace.notificationCenter addObserverForName:NSWorkspaceDidWakeNotification object:nil queue:nil
                                                            usingBlock:^(NSNotification *n) { hsWakeEvent(true, false); }];
    SCDynamicStoreRef store = SCDynamicStoreCreate(NULL, CFSTR("healthsync"), changed, NULL); // kept: it stops when released
    if (!store) return;
    NSArray *keys = @[ @"State:/Network/Global/IPv4", @"State:/Network/Global/IPv6" ];
    NSArray *patterns = @[ @"State:/Network/Interface/[^/]+/(IPv4|IPv6|Link)" ];
    SCDynamicStoreSetNotificationKeys(store, (__bridge CFArrayRef)keys, (__bridge CFArrayRef)patterns);
    SCDynamicStoreSetDispatchQueue(store, dispatch_queue_create("healthsync.network", DISPATCH_QUEUE_SERIAL));
  }
}
