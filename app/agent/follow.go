package agent

import (
	"context"

	"healthsync/app/agent/control"
	"healthsync/sync/engine"
)

var _ control.App = (*Agent)(nil)

// Follow tells of the app's sync until it ends.
func (a *Agent) Follow(ctx context.Context, progress func(engine.Progress)) (control.Ended, error) {
	a.inbox.put(FreshWanted{}) // a follower wants a sync now
	before := a.result.Load()
	changed, cancel := a.Subscribe()
	defer cancel()
	s := a.State()
	if s.Sync == nil || s.Sync.Holder != "" {
		return control.Ended{Idle: true}, nil
	}
	for {
		if r := a.result.Load(); r != before {
			if r.Holder != "" { // another process syncs: it was no sync of the app's
				return control.Ended{Idle: true}, nil
			}
			e := control.Ended{Result: r.Result}
			if r.Problem != nil {
				j := r.Problem.JSON()
				e.Error = &j
			}
			return e, nil
		}
		if s.Sync == nil { // it ended before it was followed
			return control.Ended{Idle: true}, nil
		}
		progress(s.Sync.Progress)
		select {
		case <-changed:
			s = a.State()
		case <-ctx.Done():
			return control.Ended{}, ctx.Err()
		}
	}
}

// Changed says that another process changed settings, pairing or database.
func (a *Agent) Changed() { a.inbox.put(FilesChanged{}) }
