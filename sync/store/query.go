package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"

	"healthsync/sync/health"
)

// Filter chooses samples.
type Filter struct {
	// Types to give; none means all. A type that is not stored gives nothing.
	Types []health.Type
	// Span of the samples' starts; the zero Span means all time.
	Span Span
	// OldestFirst turns the order around: without it newest first, as the
	// phone serves. Samples of one second come by type name and ID, or the
	// other way round.
	OldestFirst bool
	// Limit is the most samples to give; 0 means no limit.
	Limit int
	// Own leaves out what came from another iPhone than the one that is synced
	// now ([Store.ChangePhone]).
	Own bool
}

// Query gives the live samples that f chooses to yield, one at a time in the
// order of their starts over all types. The sample is the callee's only until
// yield returns; its strings stay valid. An error of yield ends the query and
// is returned as it is. Changes applied meanwhile are not seen. Memory does
// not grow with the number of samples.
//
// A query that is left standing keeps the log from being folded into the
// file: yield should not wait for a person.
func (s *Store) Query(ctx context.Context, f Filter, yield func(*health.Sample) error) error {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // all is of one moment
	if err != nil {
		return s.fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	streams, err := f.streams(ctx, tx)
	defer func() {
		for _, t := range streams {
			t.rows.Close()
		}
	}()
	if err != nil {
		return s.fail(ctx, err)
	}
	refused, err := merge(f, streams, yield)
	if refused != nil {
		return refused
	}
	return s.fail(ctx, err)
}

// merge gives the error of yield apart from that of the query. There are some
// thirty streams: looking at each head is quicker than keeping them in a heap.
func merge(f Filter, streams []*stream, yield func(*health.Sample) error) (refused, err error) {
	var live []*stream
	for _, t := range streams {
		if more, err := t.next(); err != nil {
			return nil, err
		} else if more {
			live = append(live, t)
		}
	}
	for n := 0; len(live) > 0 && (f.Limit == 0 || n < f.Limit); n++ {
		best := 0
		for i := 1; i < len(live); i++ {
			if first(&live[i].sample, &live[best].sample, f.OldestFirst) {
				best = i
			}
		}
		if err := yield(&live[best].sample); err != nil {
			return err, nil
		}
		if more, err := live[best].next(); err != nil {
			return nil, err
		} else if !more {
			live = slices.Delete(live, best, best+1)
		}
	}
	return nil, nil
}

// first reports whether a comes before b.
func first(a, b *health.Sample, oldestFirst bool) bool {
	order := cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Type, b.Type), bytes.Compare(a.ID[:], b.ID[:]))
	return (order < 0) == oldestFirst
}

// stream gives the samples of one type in the order of time.
type stream struct {
	rows     *sql.Rows
	origins  map[int64]origin
	sample   health.Sample
	id       sql.RawBytes
	duration int64
	originID int64
}

func (t *stream) next() (bool, error) {
	if !t.rows.Next() {
		return false, t.rows.Err()
	}
	x := &t.sample
	if err := t.rows.Scan(&x.Start, &t.id, &t.duration, &x.Value, &t.originID, &x.Metadata); err != nil {
		return false, err
	}
	copy(x.ID[:], t.id)
	o := t.origins[t.originID]
	x.End, x.Source, x.Unit = x.Start+t.duration, o.source, o.unit
	return true, nil
}

// streams opens a stream for each type.
func (f Filter) streams(ctx context.Context, q querier) (out []*stream, err error) {
	span, order := f.Span, " ORDER BY start DESC, id DESC"
	if span == (Span{}) {
		span = Span{math.MinInt64, math.MaxInt64}
	}
	if f.OldestFirst {
		order = " ORDER BY start, id"
	}
	own := ""
	if f.Own {
		own = ` AND NOT EXISTS (SELECT 1 FROM foreign_sample f WHERE f.type = s.type AND f.start = s.start AND f.id = s.id)`
	}
	origins, err := readOrigins(ctx, q)
	if err != nil {
		return nil, err
	}
	err = each(ctx, q, func(rows *sql.Rows) error {
		var id int64
		t := &stream{origins: origins}
		if err := rows.Scan(&id, &t.sample.Type); err != nil || len(f.Types) > 0 &&
			!slices.Contains(f.Types, t.sample.Type) {
			return err
		}
		var err error
		t.rows, err = q.QueryContext(ctx, `SELECT start, id, duration, value, origin,
				coalesce((SELECT json FROM metadata m WHERE m.id = s.metadata), '')
			FROM sample s WHERE type = ? AND start >= ? AND start < ?`+own+order, id, span.From, span.To)
		if err == nil {
			out = append(out, t)
		}
		return err
	}, `SELECT id, name FROM type WHERE live > 0`)
	return out, err
}

// readOrigins gives the sources and units by their numbers.
func readOrigins(ctx context.Context, q querier) (map[int64]origin, error) {
	out := map[int64]origin{}
	err := each(ctx, q, func(rows *sql.Rows) error {
		var id int64
		var o origin
		err := rows.Scan(&id, &o.source, &o.unit)
		out[id] = o
		return err
	}, `SELECT id, source, unit FROM origin`)
	return out, err
}
