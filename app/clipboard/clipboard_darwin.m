#import <AppKit/AppKit.h>

// The general pasteboard needs no NSApplication and no event loop. What another
// device put there (Universal Clipboard) is fetched while a call here waits.
// Results are malloc'ed, for the caller to free; NULL when there is nothing.

static void *copy(NSData *d, size_t *n) {
  if (!d.length) return NULL;
  void *p = malloc(d.length);
  if (p) memcpy(p, d.bytes, *n = d.length);
  return p;
}

void *hs_clipboard_data(const char *type, size_t *n) {
  @autoreleasepool { return copy([NSPasteboard.generalPasteboard dataForType:@(type)], n); }
}

void *hs_clipboard_text(size_t *n) {
  @autoreleasepool { // stringForType converts what was copied in another encoding
    return copy([[NSPasteboard.generalPasteboard stringForType:NSPasteboardTypeString] dataUsingEncoding:NSUTF8StringEncoding], n);
  }
}

// The paths of copied files, one after the other, each ended by a zero.
void *hs_clipboard_files(size_t *n) {
  @autoreleasepool {
    NSMutableData *all = [NSMutableData data];
    for (NSURL *u in [NSPasteboard.generalPasteboard readObjectsForClasses:@[ NSURL.class ] options:@{NSPasteboardURLReadingFileURLsOnlyKey : @YES}]) {
      const char *path = u.fileSystemRepresentation; // also of a file reference URL
      if (path) [all appendBytes:path length:strlen(path) + 1];
    }
    return copy(all, n);
  }
}
