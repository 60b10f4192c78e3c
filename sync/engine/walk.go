package engine

import (
	"context"
	"errors"

	"healthsync/sync/health"
)

// Range is what [Walk] shall read.
type Range struct {
	Types []health.Type
	// From and To bound the samples' starts, [From, To) in Unix seconds; 0 for
	// To means no bound, [Beginning] for From likewise.
	From, To int64
	// Limit is the most samples that the caller wants, 0 for all: the phone is
	// not made to read more for it. The last page may go beyond it.
	Limit int
	// React judges an error of the phone; nil ends the walk with each.
	React React
}

// Walk reads a range straight from the phone and yields it page by page,
// newest first over all types together.
func Walk(ctx context.Context, phone Phone, r Range, yield func([]health.Sample) error) error {
	return errors.New("engine: not yet")
}
