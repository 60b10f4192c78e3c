// Package syncjob does one sync as a whole: one at a time across processes,
// with the settings, the log of runs, and a judgement of each error of the
// iPhone. The command and the menu-bar app both run it.
package syncjob

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"syscall"
	"time"

	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/sync/daily"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
	"healthsync/sync/store"
)

// Options of a sync. The zero value does what the settings say.
type Options struct {
	// Holder says in words who syncs, for others that want to.
	Holder string
	// Reach reaches the iPhone; nil does so by Link, once.
	Reach func(context.Context) (*pairing.Link, phone.Status, error)
	Link  pairing.LinkOptions
	// Types and Since (Unix seconds) take the place of the settings'; nil and 0
	// leave those.
	Types []health.Type
	Since int64
	// AllTypes syncs all that the iPhone shares, whatever the settings say.
	AllTypes bool
	// Full is engine.Options'.
	Full bool
	// Verified, where it is set, makes the sync a verification and is told what
	// it found, also beside an error.
	Verified func(engine.Verification)
	// Merge lets an iPhone that has nothing of what is stored add to it. What is
	// stored stays as it is. For one that has some of it, it makes no difference.
	Merge bool
	// Again, where it is set, is told that all is read from the beginning because
	// the iPhone has another identity than the one before; same says that it
	// has what is stored.
	Again func(same bool)
	// Patient may wait for a locked or absent iPhone after an error; nil does
	// not.
	Patient engine.React
	// Fresh is engine.Options'.
	Fresh <-chan struct{}
	// Progress is engine.Options'.
	Progress func(engine.Progress)
}

// Run syncs. A *files.HeldError says that another process does so already, a
// *problem.Error STORE_OTHER_PHONE that another iPhone filled the database. The
// Result is good beside an error too: what it counts is stored.
func Run(ctx context.Context, s *pairing.Computer, o Options) (engine.Result, error) {
	opts, err := o.engine(s)
	if err != nil {
		return engine.Result{}, err
	}
	held, err := files.Take(s.Paths.LockFile(), o.Holder, s.Now())
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		// The lock lies beside the database, where nothing can be written.
		err = &store.ReadOnlyError{Path: s.Paths.Database(), Err: err}
	}
	if err != nil {
		return engine.Result{}, err
	}
	defer held.Release()
	open := func() (*store.Store, error) {
		return store.Open(ctx, s.Paths.Database(), store.Options{Now: s.Now,
			Priority: &daily.Priority{Names: s.Config.Sources.Priority}})
	}
	reach := o.Reach
	if reach == nil {
		reach = func(ctx context.Context) (*pairing.Link, phone.Status, error) {
			link, err := s.Link(ctx, o.Link)
			if err != nil {
				return nil, phone.Status{}, err
			}
			st, err := link.Reach(ctx)
			return link, st, err
		}
	}
	// One that is there is opened first: what is wrong with it needs no iPhone to
	// be told. None is made before the iPhone has answered.
	var db *store.Store
	if _, serr := os.Stat(s.Paths.Database()); !errors.Is(serr, fs.ErrNotExist) {
		if db, err = open(); err != nil {
			return engine.Result{}, err
		}
		defer db.Close()
	}
	link, st, err := reach(ctx)
	if err == nil && db == nil {
		if db, err = open(); err != nil {
			return engine.Result{}, err
		}
		defer db.Close()
	}
	if err != nil {
		return engine.Result{}, err
	}
	opts.Enabled, opts.App = st.Types, st.Version
	if err := settle(ctx, s, db, link, opts, o); err != nil {
		return engine.Result{}, err
	}
	return logged(ctx, s, db, link, opts, o.Verified)
}

// unpaced is more requests a minute than any iPhone answers.
const unpaced = 1 << 20

// engine combines what was asked for with the settings.
func (o Options) engine(s *pairing.Computer) (engine.Options, error) {
	opts := engine.Options{
		Types: o.Types, Named: o.Types, Since: o.Since, Full: o.Full, Now: s.Now, Lookback: s.Config.SyncLookback(),
		Fresh: o.Fresh, Progress: o.Progress, PerMinute: phone.PerMinute, React: React(s.Now, o.Patient),
	}
	if o.Link.Unpaced {
		opts.PerMinute = unpaced
	}
	if opts.Types == nil && !o.AllTypes {
		var err error
		if opts.Types, err = health.ResolveAll(s.Config.Sync.Types); err != nil {
			return opts, err
		}
	}
	if since := s.Config.SyncSince(); o.Since == 0 && !since.IsZero() {
		opts.Since = since.Unix()
	}
	return opts, nil
}

// React decides how a sync, or a fetch, goes on after an error of the phone.
// patient, where it is not nil, may wait for an absent one. One that breaks off
// over a question is not asked the same again: the engine finds out why.
func React(now func() time.Time, patient engine.React) engine.React {
	return func(ctx context.Context, err error, attempt int) engine.Reaction {
		var empty *phone.EmptyAnswerError
		var disabled *phone.TypeNotEnabledError
		switch {
		case errors.As(err, &empty):
			return engine.Narrow
		case errors.As(err, &disabled) && attempt == 1:
			return engine.AskTypes
		case brokeOff(err, now()):
			return engine.Gone
		case patient != nil:
			return patient(ctx, err, attempt)
		}
		return engine.Stop
	}
}

// brokeOff reports that the phone had a question and went away over it.
func brokeOff(err error, now time.Time) bool {
	code := problem.From(err, now).Code
	return code == problem.ConnReset || code == problem.ResponseCut
}

// logged runs the engine and keeps the log of runs.
func logged(ctx context.Context, s *pairing.Computer, db *store.Store, link *pairing.Link, opts engine.Options,
	verified func(engine.Verification)) (engine.Result, error) {
	began := s.Now()
	run := store.Run{Started: began.Unix(), Phone: link.Record.Name, Outcome: "running"}
	if err := db.RecordRun(ctx, &run); err != nil {
		return engine.Result{}, err
	}
	res, err := pull(ctx, db, link, opts, verified)
	err = link.Explain(err)
	run.Ended, run.Requests, run.Counts, run.Outcome = s.Now().Unix(), res.Requests+1, res.Counts, store.RunOK
	if err != nil {
		run.Outcome = string(problem.From(err, s.Now()).Code)
	}
	// The run is noted also after it was stopped.
	rerr := db.RecordRun(context.WithoutCancel(ctx), &run)
	s.Log.Info("sync", "outcome", run.Outcome, "requests", run.Requests, "added", res.Added, "deleted", res.Deleted,
		"seconds", math.Round(10*s.Now().Sub(began).Seconds())/10)
	return res, errors.Join(err, rerr)
}

// pull is the sync or the verification itself.
func pull(ctx context.Context, db engine.VerifyStore, phone engine.Phone, opts engine.Options,
	verified func(engine.Verification)) (engine.Result, error) {
	if verified == nil {
		return engine.Sync(ctx, phone, db, opts)
	}
	v, err := engine.Verify(ctx, phone, db, opts)
	verified(v)
	return v.Result, err
}
