package clipboard

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit
#include <stdlib.h>
void *hs_clipboard_data(const char *type, size_t *n);
void *hs_clipboard_text(size_t *n);
void *hs_clipboard_files(size_t *n);
*/
import "C"

import (
	"context"
	"strings"
	"unsafe"
)

// pictures are the types asked for, best first: macOS keeps a PNG beside the
// TIFF of a screenshot, and an iPhone's photo arrives as HEIC or JPEG.
var pictures = []string{"public.png", "public.heic", "public.jpeg", "public.tiff"}

// take waits for what fetch returns, or for ctx: an iPhone that is out of
// reach may keep Universal Clipboard waiting for a long time.
func take(ctx context.Context, fetch func(n *C.size_t) unsafe.Pointer) ([]byte, error) {
	done := make(chan []byte, 1)
	go func() {
		var n C.size_t
		p := fetch(&n)
		defer C.free(p)
		if n > maxBytes {
			done <- nil
			return
		}
		done <- C.GoBytes(p, C.int(n))
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case b := <-done:
		if len(b) == 0 {
			return nil, ErrEmpty
		}
		return b, nil
	}
}

// Text reads the clipboard as UTF-8 text.
func Text(ctx context.Context) (string, error) {
	b, err := take(ctx, func(n *C.size_t) unsafe.Pointer { return C.hs_clipboard_text(n) })
	return string(b), err
}

// Files gives the paths of the files that were copied.
func Files(ctx context.Context) ([]string, error) {
	b, err := take(ctx, func(n *C.size_t) unsafe.Pointer { return C.hs_clipboard_files(n) })
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), nil
}

// Image reads the clipboard as a picture of a common format.
func Image(ctx context.Context) ([]byte, error) {
	for _, t := range pictures {
		b, err := take(ctx, func(n *C.size_t) unsafe.Pointer {
			c := C.CString(t)
			defer C.free(unsafe.Pointer(c))
			return C.hs_clipboard_data(c, n)
		})
		if err == nil || ctx.Err() != nil {
			return b, err
		}
	}
	return nil, ErrEmpty
}
