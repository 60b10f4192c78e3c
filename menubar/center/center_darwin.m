#import <AppKit/AppKit.h>
#import <UserNotifications/UserNotifications.h>
#include "_cgo_export.h"

@interface HSCenter : NSObject <UNUserNotificationCenterDelegate>
@end
@implementation HSCenter
// Shows banners also while we are the active app.
- (void)userNotificationCenter:(UNUserNotificationCenter *)c willPresentNotification:(UNNotification *)n
         withCompletionHandler:(void (^)(UNNotificationPresentationOptions))h {
  h(UNNotificationPresentationOptionBanner | UNNotificationPresentationOptionList);
}
- (void)userNotificationCenter:(UNUserNotificationCenter *)c didReceiveNotificationResponse:(UNNotificationResponse *)r
         withCompletionHandler:(void (^)(void))h {
  if (![r.actionIdentifier isEqualToString:UNNotificationDismissActionIdentifier]) {
    hsCenterClicked((char *)r.notification.request.identifier.UTF8String);
    // The application's delegate is systray's, which opens its menu so: there stands what is wrong, and the remedy.
    dispatch_async(dispatch_get_main_queue(), ^{ [NSApp sendAction:@selector(show_menu) to:nil from:nil]; });
  }
  h();
}
@end

static HSCenter *keep; // the centre holds its delegate weakly

// 0 where macOS will not have us. The delegate is to be there before launching ends, or a click that starts the app
// is lost.
int hs_center_open(void) {
  @autoreleasepool {
    @try {
      UNUserNotificationCenter.currentNotificationCenter.delegate = keep = [[HSCenter alloc] init];
      return 1;
    } @catch (NSException *x) {
      return 0;
    }
  }
}

// Asks the person, who is shown the question once in the life of the app; later the answer is what System Settings
// says. The blocks keep what they use, and run on a queue of the system's.
void hs_center_show(const char *key, const char *title, const char *body) {
  @autoreleasepool {
    UNMutableNotificationContent *content = [[UNMutableNotificationContent alloc] init];
    content.title = @(title) ?: @"";
    content.body = @(body) ?: @"";
    NSString *k = @(key) ?: @"";
    // The same identifier replaces what is shown; no trigger means now.
    UNNotificationRequest *r = [UNNotificationRequest requestWithIdentifier:k content:content trigger:nil];
    UNUserNotificationCenter *c = UNUserNotificationCenter.currentNotificationCenter;
    [c requestAuthorizationWithOptions:UNAuthorizationOptionAlert | UNAuthorizationOptionSound completionHandler:^(BOOL ok, NSError *e) {
      if (!ok) // no wish of a person's where the app is not properly signed: then nobody was asked
        return [c getNotificationSettingsWithCompletionHandler:^(UNNotificationSettings *s) {
          BOOL denied = s.authorizationStatus == UNAuthorizationStatusDenied;
          hsCenterShown((char *)k.UTF8String, denied ? "denied" : (char *)(e.localizedDescription.UTF8String ?: "not allowed"));
        }];
      [c addNotificationRequest:r withCompletionHandler:^(NSError *e) {
        hsCenterShown((char *)k.UTF8String, (char *)(e ? e.localizedDescription.UTF8String ?: "refused" : ""));
      }];
    }];
  }
}
