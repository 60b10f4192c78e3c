// Package simulator is the iPhone's half of both protocols: a phone without a
// phone, for the demo, for tests and for whoever has no iPhone at hand.
//
// Version 1 behaves as the shipping app does ("iOS Health Sync" 1.0.0), down
// to what a client could notice by a byte: its texts, its case-sensitive
// header names, one request per connection, its limits and what a request
// costs it. Where its documents and its sources disagree, the sources decide;
// comments name the place. Version 2 is mutual TLS as spec/protocol.md has it.
//
// What it does not know: Bonjour (the caller announces it), files of a history
// other than Apple's export, and anything of the Mac's side.
package simulator
