package wake

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit -framework SystemConfiguration
#include <stdint.h>
void hs_wake_start(uintptr_t handle);
*/
import "C"

import "runtime/cgo"

// Native gives the system's own notices of wakes and changes of the network,
// for the life of the process. They only hurry the portable watch, which looks
// for itself at each: one that is lost is seen within [Every].
func Native() <-chan Event {
	kicks := make(chan Event, 8)
	C.hs_wake_start(C.uintptr_t(cgo.NewHandle(kicks)))
	return kicks
}

//export hsWakeEvent
func hsWakeEvent(h C.uintptr_t, kind C.int) {
	select {
	case cgo.Handle(h).Value().(chan Event) <- Event{Woke: kind == 1, Network: kind == 2}:
	default: // never hold up a queue of the system's
	}
}
