// Package trust decides whether the far end of a TLS connection is our iPhone,
// and says precisely why where it is not.
//
// There are three trusts: [Pinned] for protocol version 1, [Pairing] for the
// first connection of version 2, [Mutual] for every later one. A [Dialer] takes
// one of them, dials local addresses only, speaks TLS 1.3 only, and judges the
// peer inside the handshake, so that nothing is ever sent to a stranger.
//
// Whatever goes wrong, from name resolution to an alert that arrives with the
// first read, becomes a [*Failure]: a fact with its evidence, never advice.
//
// The package knows TLS and sockets. It knows no HTTP requests, no pairing and
// no place where secrets are kept.
package trust
