#import <Foundation/Foundation.h>
#import <UserNotifications/UserNotifications.h>
#include "_cgo_export.h"

@interface HSCenter : NSObject <UNUserNotificationCenterDelegate>
@property(nonatomic) uintptr_t desk; // the Go side's handle
@end
@implementation HSCenter
// Shows banners also while we are the active app.
- (void)userNotificationCenter:(UNUserNotificationCenter *)c willPresentNotification:(UNNotification *)n
         withCompletionHandler:(void (^)(UNNotificationPresentationOptions))h {
  h(UNNotificationPresentationOptionBanner | UNNotificationPresentationOptionList);
}
- (void)userNotificationCenter:(UNUserNotificationCenter *)c didReceiveNotificationResponse:(UNNotificationResponse *)r
         withCompletionHandler:(void (^)(void))h {
  if (![r.actionIdentifier isEqualToString:UNNotificationDismissActionIdentifier])
    hsCenterClicked(self.desk, (char *)r.notification.request.identifier.UTF8String);
  h();
}
@end

static HSCenter *keep; // the centre holds its delegate weakly

// What bundled() of center.go has to judge by; to be freed.
char *hs_center_identifier(void) { @autoreleasepool { return strdup(NSBundle.mainBundle.bundleIdentifier.UTF8String ?: ""); } }
char *hs_center_path(void) { @autoreleasepool { return strdup(NSBundle.mainBundle.bundlePath.fileSystemRepresentation ?: ""); } }

// 0 where macOS will not have us. To be called before launching ends, so that a
// click that starts the app arrives.
int hs_center_open(uintptr_t desk) {
  @autoreleasepool {
    @try {
      UNUserNotificationCenter *c = UNUserNotificationCenter.currentNotificationCenter;
      keep = [[HSCenter alloc] init];
      keep.desk = desk;
      c.delegate = keep;
      [c requestAuthorizationWithOptions:UNAuthorizationOptionAlert | UNAuthorizationOptionSound
                       completionHandler:^(BOOL ok, NSError *e) { hsCenterAnswer(desk, ok); }];
      return 1;
    } @catch (NSException *x) {
      return 0;
    }
  }
}

void hs_center_show(uintptr_t desk, const char *key, const char *title, const char *body) {
  @autoreleasepool {
    UNMutableNotificationContent *content = [[UNMutableNotificationContent alloc] init];
    content.title = @(title) ?: @"";
    content.body = @(body) ?: @"";
    NSString *k = @(key) ?: @"";
    // The same identifier replaces what is shown; no trigger means now.
    UNNotificationRequest *r = [UNNotificationRequest requestWithIdentifier:k content:content trigger:nil];
    [UNUserNotificationCenter.currentNotificationCenter addNotificationRequest:r withCompletionHandler:^(NSError *e) {
      hsCenterShown(desk, (char *)k.UTF8String, (char *)(e ? e.localizedDescription.UTF8String ?: "refused" : ""));
    }];
  }
}

void hs_center_remove(const char *key) {
  @autoreleasepool { [UNUserNotificationCenter.currentNotificationCenter removeDeliveredNotificationsWithIdentifiers:@[ @(key) ?: @"" ]]; }
}
