// Package bonjour finds iPhones that share health data on the local network,
// and announces a simulated one: multicast DNS (RFC 6762) with DNS-based service
// discovery (RFC 6763), by grandcat/zeroconf.
//
// What it finds is a rumour. Anyone on the network may announce any name, so an
// [Instance] is a place to try, and the handshake there decides (pki/trust).
// The package knows nothing of pairings, and it never connects to what it finds.
//
// A [Browser] asks who is there, by the library. A [Listener] hears what phones
// say by themselves, which the library does not tell (heard.go says how). The
// library's other faults are worked round in zeroconf.go, each with its thread.
package bonjour

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Service is the type under which the app announces itself.
const Service = "_healthsync._tcp"

// Instance is one announced phone.
type Instance struct {
	// Name is the instance name, which is the device's name as its owner gave
	// it, such as "Ana’s iPhone" or, when two of that name meet, "Ana’s iPhone
	// (2)". Control characters are replaced; nothing else makes it trustworthy.
	Name string
	// Host is the name that the addresses belong to, such as
	// "Anas-iPhone.local".
	Host string
	// Port is where the app listens now: another one each time sharing starts.
	Port int
	// Addrs are the addresses announced, IPv4 first. A link-local IPv6 address
	// has its zone.
	Addrs []netip.Addr
	// Text is the TXT record; the shipping app has none.
	Text []string
}

// identity tells instances apart: by their names, and where two devices claim
// one name, by the hosts that they are on.
func identity(i Instance) string { return i.Name + "\x00" + strings.ToLower(i.Host) }

// equal compares all but the order of addresses.
func (i Instance) equal(j Instance) bool {
	return i.Name == j.Name && i.Host == j.Host && i.Port == j.Port && slices.Equal(i.Text, j.Text) &&
		subset(i.Addrs, j.Addrs) && subset(j.Addrs, i.Addrs)
}

func subset(a, b []netip.Addr) bool {
	return !slices.ContainsFunc(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
}

// NetworkError means that multicast DNS cannot be spoken at the moment: no
// interface is up, or another program keeps port 5353 to itself.
type NetworkError struct {
	// Interfaces are the names of those that were tried.
	Interfaces []string
	Err        error
}

func (e *NetworkError) Error() string {
	return fmt.Sprintf("bonjour does not work on the interfaces %v: %v", e.Interfaces, e.Err)
}

func (e *NetworkError) Unwrap() error { return e.Err }

// The times of a search. The library asks when a round begins; a responder may
// keep silent for a second after it has answered somebody else (RFC 6762
// section 6: a record is not multicast again within one second), which is why
// there is a second round so soon, and none within apart of the last.
const (
	apart       = 1100 * time.Millisecond
	firstRound  = 1300 * time.Millisecond
	secondRound = 2700 * time.Millisecond
	laterRound  = 4 * time.Second
)
