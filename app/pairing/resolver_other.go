//go:build !darwin

package pairing

import (
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
)

// resolver finds `.local` names among the iPhones that announce themselves: Go
// without cgo asks a DNS server, which knows none.
func resolver() trust.Resolver { return new(bonjour.Browser) }
