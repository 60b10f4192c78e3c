package clipboard

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit
#import <AppKit/AppKit.h>

// The general pasteboard needs no NSApplication and no event loop. What another device put there (Universal
// Clipboard) is fetched while this waits. The result is malloc'ed, for the caller to free; NULL when there is
// nothing. A thread of Go's has no pool of its own, hence one here.
static void *hs_clipboard(const char *kind, size_t *n) {
  @autoreleasepool {
    NSPasteboard *board = NSPasteboard.generalPasteboard;
    NSData *d = nil;
    if (!strcmp(kind, "text")) // stringForType converts what was copied in another encoding
      d = [[board stringForType:NSPasteboardTypeString] dataUsingEncoding:NSUTF8StringEncoding];
    else if (!strcmp(kind, "files")) { // their paths, each ended by a zero
      NSMutableData *all = [NSMutableData data];
      for (NSURL *u in [board readObjectsForClasses:@[ NSURL.class ] options:@{NSPasteboardURLReadingFileURLsOnlyKey : @YES}]) {
        const char *path = u.fileSystemRepresentation; // also of a file reference URL
        if (path) [all appendBytes:path length:strlen(path) + 1];
      }
      d = all;
    } else
      d = [board dataForType:@(kind)];
    void *p = d.length ? malloc(d.length) : NULL;
    if (p) memcpy(p, d.bytes, *n = d.length);
    return p;
  }
}
*/
import "C"

import "unsafe"

var system board = pasteboard(func(kind string) []byte {
	c := C.CString(kind)
	defer C.free(unsafe.Pointer(c))
	var n C.size_t
	p := C.hs_clipboard(c, &n)
	defer C.free(p)
	return C.GoBytes(p, C.int(min(n, maxBytes+1)))
})
