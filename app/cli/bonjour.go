package cli

import (
	"context"
	"errors"

	"healthsync/app/status"
	"healthsync/sync/simulator"
)

func announce(context.Context, *simulator.Phone) (func(), error) {
	return nil, errors.New("not in this build")
}

func pairByCode(context.Context, *Env, *pairOptions, bool) error {
	return usageError(status.Usage, "Pairing by the code alone is not there yet.", "healthsync scan")
}
