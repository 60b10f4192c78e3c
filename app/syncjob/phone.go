package syncjob

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

// A database belongs to the iPhone that filled it: what counts as read, and
// that a sample which is not in an answer is gone, mean that iPhone and no
// other. Its identity is noted in the database before anything of it is stored.
//
// An iPhone of another identity is either the same person's (restored, replaced,
// or its app reinstalled): then it serves samples that are stored, and
// everything is read again and compared. Or it is somebody else's: then nothing
// of it is stored until a person says so, and what is stored stays as it is.

// phoneKey is where the database keeps the identity of its iPhone.
const phoneKey = "phone"

const (
	// alike is how many samples of a type are compared: enough that an iPhone
	// with the same history has one of them, few enough to cost it little.
	alike = 1000
	// speaking is how many types with samples are compared, and asking how many
	// are asked for at all.
	speaking, asking = 3, 8
)

// settle makes sure that the database is this iPhone's before a run.
func settle(ctx context.Context, s *pairing.Computer, db *store.Store, link *pairing.Link, o engine.Options,
	own Options) error {
	now := link.Record.Identity()
	was, noted, err := db.State(ctx, phoneKey)
	if err != nil || was == now {
		return err
	}
	note := map[string]string{phoneKey: now}
	if !noted { // an empty database, or one from before this was noted
		_, err := db.Apply(ctx, &store.Change{State: note})
		return err
	}
	stored, err := storedTypes(ctx, db)
	if err != nil {
		return err
	}
	served, same := 0, len(stored) == 0
	if !same {
		if served, same, err = compare(ctx, db, link, stored, o); err != nil {
			return link.Explain(err)
		}
	}
	if !same && !own.Merge {
		s.Log.Warn("another iPhone's database", "compared", served)
		return problem.OtherPhone(s.Paths.Database(), link.Record.Name, served)
	}
	for k, v := range engine.Forgotten() {
		note[k] = v
	}
	if err := db.ChangePhone(ctx, note, !same); err != nil {
		return err
	}
	s.Log.Info("the database goes on with another iPhone", "same", same)
	if own.Again != nil && len(stored) > 0 {
		own.Again(same)
	}
	return nil
}

// storedTypes are the types with samples, most samples first.
func storedTypes(ctx context.Context, db *store.Store) ([]health.Type, error) {
	list, err := db.Types(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(t store.TypeStat) bool { return t.Count == 0 })
	slices.SortFunc(list, func(a, b store.TypeStat) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Type, b.Type))
	})
	var types []health.Type
	for _, t := range list {
		types = append(types, t.Type)
	}
	return types, nil
}

// compare reports whether the iPhone serves any of what is stored, and of how
// many samples that was judged. One type at a time is asked for: it costs the
// iPhone least, and a type that it cannot serve keeps none of the others.
func compare(ctx context.Context, db *store.Store, phone engine.Phone, stored []health.Type,
	o engine.Options) (served int, same bool, err error) {
	spoke, asked := 0, 0
	for _, t := range stored {
		if !slices.Contains(o.Enabled, t) {
			continue
		}
		if spoke == speaking || asked == asking {
			break
		}
		asked++
		n, same, err := compareType(ctx, db, phone, t, o.React)
		served += n
		if err != nil || same {
			return served, same, err
		}
		if n > 0 {
			spoke++
		}
	}
	return served, false, nil
}

// errFound ends a query.
var errFound = errors.New("found")

// compareType looks at the samples that the iPhone has up to the newest that is
// stored: where the histories are the same, some are stored.
func compareType(ctx context.Context, db *store.Store, phone engine.Phone, t health.Type,
	react engine.React) (served int, same bool, err error) {
	var newest int64
	types := []health.Type{t}
	err = db.Query(ctx, store.Filter{Types: types, Limit: 1}, func(x *health.Sample) error {
		newest = x.Start
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	var page health.Page
	q := health.Query{Types: types, Start: engine.Beginning, End: newest + 1, Limit: alike}
	for attempt := 1; ; attempt++ {
		if err = phone.Samples(ctx, q, &page); err == nil {
			break
		}
		switch r := react(ctx, err, attempt); {
		case r == engine.Again && ctx.Err() == nil:
		case r == engine.Narrow && q.Limit > 1: // one value that it cannot write: less of them
			q.Limit /= 8
		case r == engine.Stop || r == engine.Again:
			return 0, false, err
		default: // a type that it cannot serve keeps none of the others
			if r == engine.Gone {
				_, err = phone.Types(ctx) // it may be back
			} else {
				err = nil
			}
			return 0, false, err
		}
		if q.Limit == 0 {
			q.Limit = 1
		}
	}
	if len(page.Samples) == 0 {
		return 0, false, nil
	}
	ids := make(map[health.UUID]struct{}, len(page.Samples))
	oldest := newest
	for i := range page.Samples {
		ids[page.Samples[i].ID] = struct{}{}
		oldest = min(oldest, page.Samples[i].Start)
	}
	err = db.Query(ctx, store.Filter{Types: types, Span: store.Span{From: oldest, To: newest + 2}},
		func(x *health.Sample) error {
			if _, ok := ids[x.ID]; ok {
				return errFound
			}
			return nil
		})
	if errors.Is(err, errFound) {
		return len(page.Samples), true, nil
	}
	return len(page.Samples), false, err
}
