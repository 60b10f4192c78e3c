package cli

import (
	"context"

	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
)

// announce announces the simulated iPhone until the returned function is
// called.
func announce(_ context.Context, p *simulator.Phone) (func(), error) {
	a, err := bonjour.Announce(bonjour.Announcement{Name: p.Name(), Host: p.LocalName(), Port: p.Port(), Addrs: p.Addrs()})
	if err != nil {
		return nil, err
	}
	return a.Close, nil
}
