// Package store keeps health samples in one SQLite file that belongs to the
// user: documented tables and views that any SQLite reader opens as they are.
//
// What it promises: a [Change] is stored whole or not at all; a sample's
// identity is (ID, Type) and it is stored once; a sample that is taken away is
// marked and kept, never erased; a damaged, foreign or newer file is reported
// and left byte for byte as it was.
//
// It does not know the iPhone, the network, or when to ask for what: it
// remembers what it is told was read ([Covered]) and leaves planning to the
// engine.
package store
