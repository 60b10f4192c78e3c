package wake

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework AppKit -framework SystemConfiguration
void hs_wake_start(void);
*/
import "C"

var kicks = make(chan Event, 8)

// Native gives the system's own notices of wakes and changes of the network,
// for the life of the process; it is called once. They only hurry the portable watch, which looks
// for itself at each: one that is lost is seen within [Every].
func Native() <-chan Event {
	C.hs_wake_start()
	return kicks
}

//export hsWakeEvent
func hsWakeEvent(woke, network bool) {
	select {
	case kicks <- Event{Woke: woke, Network: network}:
	default: // never hold up a queue of the system's
	}
}
