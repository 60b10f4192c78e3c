//go:build !darwin

package pairing

import (
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
)

// resolver asks for `.local` names by multicast DNS: Go without cgo asks a DNS
// server, which knows none.
func resolver() trust.Resolver { return new(bonjour.Resolver) }
