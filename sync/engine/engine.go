package engine

import (
	"context"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// Phone is what the engine needs of an iPhone.
type Phone interface {
	// Types gives the types that the phone shares.
	Types(ctx context.Context) ([]health.Type, error)
	// Samples asks one question. It uses the page's memory again.
	Samples(ctx context.Context, q health.Query, page *health.Page) error
}

// Store is what the engine needs of a database; *store.Store is one. What
// another iPhone brought to it is none of the engine's business (Filter.Own).
type Store interface {
	Apply(ctx context.Context, c *store.Change) (store.Outcome, error)
	Coverage(ctx context.Context) (map[health.Type][]store.Span, error)
	Types(ctx context.Context) ([]store.TypeStat, error)
	State(ctx context.Context, key string) (string, bool, error)
	// CountOwn counts the live samples of a type from a moment on, without those
	// that are another phone's.
	CountOwn(ctx context.Context, t health.Type, from int64) (int64, error)
	Query(ctx context.Context, f store.Filter, yield func(*health.Sample) error) error
}

// Defaults of [Options].
const (
	// DefaultLookback is how far behind the newest sample a run reads again: a
	// watch that was off or away brings its samples days later.
	DefaultLookback = 14 * 24 * time.Hour
	// DefaultPerMinute is the phone's limit on requests (NetworkServer.swift:
	// rateLimit 60 in rateWindow 60 s).
	DefaultPerMinute = 60
)

// Options say what a run of [Sync] shall do. The zero value brings the whole
// history of all that the phone shares up to date.
type Options struct {
	// Types to bring; none means all that the phone shares.
	Types []health.Type
	// Enabled are the types that the phone shares, where the caller knows them
	// from this session already (a status request tells). nil asks the phone.
	Enabled []health.Type
	// Named are types that a person asked for by name: they are asked for also
	// where the app stopped over them before.
	Named []health.Type
	// App is the version of the app on the phone. A type over which one version
	// stopped is tried again with another.
	App string
	// Since leaves out what starts before this moment in Unix seconds; 0 means
	// all time.
	Since int64
	// Lookback is how far behind the newest sample is read again; 0 means
	// DefaultLookback, negative none.
	Lookback time.Duration
	// Full reads everything again, whatever is known to be read, and compares:
	// what the counts of the Result tell beside Known is where the database
	// differed and was healed. A full run that was ended early goes on where
	// it ended if it is asked for again within a week.
	Full bool
	// Now is the Mac's clock; nil means time.Now.
	Now func() time.Time
	// Progress, where it is set, is told after each page is stored. It is
	// called from one goroutine and should return at once.
	Progress func(Progress)
	// React judges an error of the phone; nil ends the run with each.
	React React
	// PerMinute is the phone's limit on requests, for the time that is left; 0
	// means DefaultPerMinute.
	PerMinute int

	// Fresh, where it is set, asks with each value for the newest days: they are
	// read next, of all types, and the way back is gone on with afterwards. A
	// value that comes when all is read stays in the channel.
	Fresh <-chan struct{}

	// page is how many samples a request asks for; 0 means as many as the phone
	// gives.
	page int
}

// React judges an error of the phone; attempt counts from 1 for the same
// request. It may wait, within ctx.
type React func(ctx context.Context, err error, attempt int) Reaction

// Reaction says how a run goes on after an error of the phone.
type Reaction int

const (
	// Stop ends the run with the error. What was stored stays.
	Stop Reaction = iota
	// Again asks the same question once more.
	Again
	// AskTypes asks which types the phone shares now and goes on with those:
	// the phone refused a type that it had named before.
	AskTypes
	// Narrow asks for less: the phone is well but cannot answer this question
	// (it answers {} for a page with one value that is not finite).
	Narrow
	// Gone says that the phone had the question and went away over it. A type
	// whose samples crash the app must not keep all the others from being read:
	// the types are asked for one by one, in this run if the phone comes back,
	// else in the next. The error of a question for the types of the phone is
	// judged as if Gone were Again, once.
	Gone
)

// Result says what a run did; it is meaningful beside an error too.
type Result struct {
	// Counts over all types.
	store.Counts
	ByType map[health.Type]store.Counts
	// Requests made of the phone, that for its types included.
	Requests int
	// Samples that the phone served, and Bytes of its answers.
	Samples, Bytes int64
	// Complete says that all that was asked for is read whole.
	Complete bool
	// To is the start of the newest sample up to which everything is read, in
	// Unix seconds; 0 where the phone has served none.
	To int64
	// Missing are types that were asked for and that the phone does not share.
	Missing []health.Type
	// Skipped are sleep stages that the phone shares without SleepAnalysis:
	// they cannot be read whole (see the package's comment).
	Skipped []health.Type
	// Silent are types that the phone shares and gives nothing of, although
	// samples of them are stored: the permission is gone. Nothing is deleted.
	Silent []health.Type
	// Unreadable are types, or parts of them, that the phone cannot serve.
	Unreadable []Unreadable
}

// Unreadable is a part of a type that the phone could not serve.
type Unreadable struct {
	Type health.Type
	Span store.Span
	// Retry is when a run will ask for it again, in Unix seconds; 0 for a type
	// over which the app stopped: not before it is asked for by name, or the app
	// has another version.
	Retry int64
}
