#import <AppKit/AppKit.h>
#import <SystemConfiguration/SystemConfiguration.h>
#include "_cgo_export.h"

// Any thread. Its info is the Go side's handle, an integer: nothing to retain.
static void changed(SCDynamicStoreRef store, CFArrayRef keys, void *handle) { hsWakeEvent((uintptr_t)handle, 2); }

// Starts telling, for the life of the process. NSWorkspace posts its notices in
// a centre of its own and on the main thread, whose loop must run; the store
// has a queue of its own.
void hs_wake_start(uintptr_t handle) {
  @autoreleasepool {
    [NSWorkspace.sharedWorkspace.notificationCenter addObserverForName:NSWorkspaceDidWakeNotification object:nil queue:nil
                                                            usingBlock:^(NSNotification *n) { hsWakeEvent(handle, 1); }];
    SCDynamicStoreContext context = {.info = (void *)handle};
    SCDynamicStoreRef store = SCDynamicStoreCreate(NULL, CFSTR("healthsync"), changed, &context); // kept: it stops when released
    if (!store) return;
    NSArray *keys = @[ @"State:/Network/Global/IPv4", @"State:/Network/Global/IPv6" ];
    NSArray *patterns = @[ @"State:/Network/Interface/[^/]+/(IPv4|IPv6|Link)" ];
    SCDynamicStoreSetNotificationKeys(store, (__bridge CFArrayRef)keys, (__bridge CFArrayRef)patterns);
    SCDynamicStoreSetDispatchQueue(store, dispatch_queue_create("healthsync.network", DISPATCH_QUEUE_SERIAL));
  }
}
