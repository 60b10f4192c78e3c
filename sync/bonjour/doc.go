// Package bonjour finds iPhones that share health data on the local network, and
// announces a simulated one: multicast DNS (RFC 6762) with DNS-based service
// discovery (RFC 6763).
//
// What it finds is a claim. Anyone on the network may announce any name, so an
// [Instance] is a place to try, and the TLS handshake there decides (pki/trust).
// The package knows nothing of pairings and connects to nothing that it finds.
//
// The work is shared. grandcat/zeroconf announces, and asks who is there. It
// reports neither changes nor goodbyes nor the interface that something came
// from, so a listener of our own hears the answers and all else that phones say
// (listen.go). One cache keeps it for as long as the records live (cache.go).
package bonjour

import (
	"fmt"
	"net/netip"
)

// Service is the type under which the app announces itself.
const Service = "_healthsync._tcp"

// Instance is one announced phone. Name and Host together identify it.
type Instance struct {
	// Name is the instance name, which is the device's name as its owner gave
	// it, such as "Ana’s iPhone" or, when two of that name meet, "Ana’s iPhone
	// (2)". Control characters are replaced.
	Name string
	// Host is the name that the addresses belong to, such as
	// "Anas-iPhone.local".
	Host string
	// Port is where the app listens now: another one each time sharing starts.
	Port int
	// Addrs are the addresses announced, at least one and at most 16. Those in
	// our own subnets come first, then link-local IPv6 ones (each has its zone),
	// then the rest.
	Addrs []netip.Addr
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
