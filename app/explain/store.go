package explain

import (
	"errors"
	"fmt"
	"time"

	"healthsync/app/status"
	"healthsync/sync/store"
)

// storeError knows what the local database refused.
func storeError(err error, _ time.Time) *status.Error {
	var (
		corrupt  *store.CorruptError
		foreign  *store.ForeignError
		newer    *store.NewerError
		full     *store.FullError
		readOnly *store.ReadOnlyError
		busy     *store.BusyError
		missing  *store.MissingError
	)
	switch {
	case errors.As(err, &corrupt):
		e := status.New(status.StoreCorrupt, fmt.Sprintf("%s: %s.", corrupt.Path, corrupt.Detail), err)
		e.Remedy.Command = fmt.Sprintf("mv '%s' '%s.damaged' && healthsync sync --full", corrupt.Path, corrupt.Path)
		return e
	case errors.As(err, &foreign):
		e := status.New(status.StoreCorrupt, fmt.Sprintf("%s is a database of another program; it was left as it is.", foreign.Path), err)
		e.Sentence = "The local database is not one of HealthSync"
		e.Remedy.Command = fmt.Sprintf("mv '%s' '%s.other' && healthsync sync --full", foreign.Path, foreign.Path)
		return e
	case errors.As(err, &newer):
		return status.New(status.StoreNewer, fmt.Sprintf("It has schema %d, this program knows up to %d.", newer.Schema, newer.Known), err)
	case errors.As(err, &full):
		return status.New(status.DiskFull, fmt.Sprintf("There is no room left for %s.", full.Path), err)
	case errors.As(err, &readOnly):
		return status.New(status.StoreReadOnly, readOnly.Path+".", err)
	case errors.As(err, &busy):
		return status.New(status.StoreBusy, busy.Path+".", err)
	case errors.As(err, &missing):
		return status.New(status.NoData, fmt.Sprintf("It would be %s.", missing.Path), err)
	}
	return nil
}
