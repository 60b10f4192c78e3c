package wake

// Native gives the system's own notices of wakes and changes of the network;
// nil where there are none: the portable watch sees both within seconds.
func Native() <-chan Event { return nil }
