// Package simulator is the iPhone's half of both protocols (spec/protocol.md):
// for the demo, for tests and for whoever has no iPhone at hand.
//
// Version 1 behaves as the shipping app does ("iOS Health Sync" 1.0.0), as far
// as a client can notice: its texts, case-sensitive header names, one request
// a connection, its limits and what a request costs it. Where the app's
// documents and sources disagree, the sources decide; comments name the file.
// Two things it does better: it does not crash on standHours (fault "crash"
// does), and it closes its connections when it stops sharing.
//
// Version 2 is mutual TLS with the same paths and samples. Its errors are
// objects of code and message. The protocol names NO_CLIENT_CERTIFICATE and
// CERT_REVOKED; the others are CERT_HAS_EXPIRED (401), INVALID_REQUEST and
// INVALID_CSR (400), PAIRING_NO_SESSION, PAIRING_CODE_INVALID,
// PAIRING_CODE_EXPIRED and PAIRING_LOCKED_OUT (400), TYPE_NOT_ENABLED (403),
// NOT_FOUND (404), REQUEST_INCOMPLETE (408), PAYLOAD_TOO_LARGE (413),
// PHONE_LOCKED (423, beside the members of an empty page), RATE_LIMITED (429)
// and INTERNAL_ERROR (500). The messages are those of version 1.
//
// What goes out is not the app's JSON byte by byte: the order of keys and the
// digits of a number may differ. Announcing it by Bonjour is the caller's part.
package simulator
