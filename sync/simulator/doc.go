// Package simulator is the iPhone's half of both protocols: a phone without a
// phone, for the demo, for tests and for whoever has no iPhone at hand.
//
// Version 1 behaves as the shipping app does ("iOS Health Sync" 1.0.0), down
// to what a client could notice by a byte: its texts, its case-sensitive
// header names, one request per connection, its limits and what a request
// costs it. Where its documents and its sources disagree, the sources decide;
// comments name the place. Two things it does better unless told otherwise:
// it does not crash on standHours (fault "crash"), and it lets no connection
// live for ever once it stops sharing.
//
// Version 2 is mutual TLS with the same paths and samples. Its errors are
// objects of code and message; beside NO_CLIENT_CERTIFICATE and CERT_REVOKED,
// which the protocol names, it knows CERT_HAS_EXPIRED (401), INVALID_REQUEST and
// INVALID_CSR (400), PAIRING_NO_SESSION, PAIRING_CODE_INVALID,
// PAIRING_CODE_EXPIRED and PAIRING_LOCKED_OUT (400), TYPE_NOT_ENABLED (403),
// NOT_FOUND (404), REQUEST_INCOMPLETE (408), PAYLOAD_TOO_LARGE (413), PHONE_LOCKED
// (423, beside the members of an empty page), RATE_LIMITED (429), INTERNAL_ERROR
// (500). The messages are those of version 1.
//
// What it does not know: Bonjour (the caller announces it), files of a history
// other than Apple's export, and anything of the Mac's side.
package simulator
