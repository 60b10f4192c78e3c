package store

import (
	"bytes"
	"context"
	"math"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
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

const (
	samplesUp = `SELECT start, id, duration, value, origin, metadata FROM sample
		WHERE type = ?1 AND start >= ?2 AND start < ?3 ORDER BY start, id`
	samplesDown = `SELECT start, id, duration, value, origin, metadata FROM sample
		WHERE type = ?1 AND start >= ?2 AND start < ?3 ORDER BY start DESC, id DESC`
	typesByName = `SELECT id, name FROM type WHERE live > 0 ORDER BY name`
)

// Query gives the live samples that f chooses to yield, one at a time in the
// order of their starts over all types. The sample is the callee's only until
// yield returns; its strings stay valid. An error of yield ends the query and
// is returned as it is. Changes applied meanwhile are not seen. Memory does
// not grow with the number of samples.
//
// A query that is left standing keeps the log from being folded into the
// file: yield should not wait for a person.
func (s *Store) Query(ctx context.Context, f Filter, yield func(*health.Sample) error) error {
	var refused error
	err := s.read(ctx, "read", func(c *conn) error {
		// One transaction, so that all types are of one moment.
		if err := c.Exec("BEGIN"); err != nil {
			return err
		}
		defer func() { _ = c.Exec("COMMIT") }() // it only read
		sources, err := s.sources(c, f)
		defer func() {
			for _, r := range sources {
				r.stmt.Finalize()
			}
		}()
		if err != nil {
			return err
		}
		refused, err = s.drain(ctx, c, sources, f, yield)
		return err
	})
	if refused != nil {
		return refused
	}
	return err
}

// source is the stream of one type's samples.
type source struct {
	stmt   *sqlite.Stmt
	sample health.Sample
	// The last dictionary entries: nearly always the next one's too.
	origin, metadata int64
}

// sources opens a stream for each type, in the order of their names.
func (s *Store) sources(c *conn, f Filter) ([]*source, error) {
	from, to := f.Span.From, f.Span.To
	if f.Span == (Span{}) {
		from, to = math.MinInt64, math.MaxInt64
	}
	sql := samplesDown
	if f.OldestFirst {
		sql = samplesUp
	}
	if f.Own {
		var err error
		if sql, err = c.ownOf(sql); err != nil {
			return nil, err
		}
	}
	var out []*source
	names, err := c.stmt(typesByName)
	if err != nil {
		return nil, err
	}
	for {
		row, err := names.Step()
		if err != nil || !row {
			return out, err
		}
		id, name := names.Int(0), health.Type(names.Text(1))
		if len(f.Types) > 0 && !slices.Contains(f.Types, name) {
			continue
		}
		stmt, err := c.Prepare(sql)
		if err != nil {
			names.Reset()
			return out, err
		}
		stmt.BindInt(1, id)
		stmt.BindInt(2, from)
		stmt.BindInt(3, to)
		r := &source{stmt: stmt, sample: health.Sample{Type: name}}
		out = append(out, r)
	}
}

// drain merges the streams. There are some thirty: looking at each head is
// quicker than keeping them in a heap.
func (s *Store) drain(ctx context.Context, c *conn, all []*source, f Filter, yield func(*health.Sample) error) (refused, err error) {
	var live []*source
	for _, r := range all {
		ok, err := s.next(c, r)
		if err != nil {
			return nil, err
		}
		if ok {
			live = append(live, r)
		}
	}
	for n := 0; len(live) > 0 && (f.Limit == 0 || n < f.Limit); n++ {
		if n&0x3ff == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		best := 0
		for i := 1; i < len(live); i++ {
			if first(&live[i].sample, &live[best].sample, f.OldestFirst) {
				best = i
			}
		}
		r := live[best]
		if err := yield(&r.sample); err != nil {
			return err, nil
		}
		ok, err := s.next(c, r)
		if err != nil {
			return nil, err
		}
		if !ok {
			live = slices.Delete(live, best, best+1)
		}
	}
	return nil, nil
}

// first reports whether a comes before b.
func first(a, b *health.Sample, oldestFirst bool) bool {
	switch {
	case a.Start != b.Start:
		return (a.Start < b.Start) == oldestFirst
	case a.Type != b.Type:
		return (a.Type < b.Type) == oldestFirst
	}
	return (bytes.Compare(a.ID[:], b.ID[:]) < 0) == oldestFirst
}

// next reads the next sample of a stream.
func (s *Store) next(c *conn, r *source) (bool, error) {
	q := r.stmt
	row, err := q.Step()
	if err != nil || !row {
		return false, err
	}
	m := &r.sample
	m.Start = q.Int(0)
	q.UUID(1, (*[16]byte)(&m.ID))
	m.End = m.Start + q.Int(2)
	m.Value = q.Float(3)
	if id := q.Int(4); id != r.origin {
		o, err := s.dict.origin(c, id)
		if err != nil {
			return false, err
		}
		r.origin, m.Source, m.Unit = id, o.source, o.unit
	}
	switch id := q.Int(5); id {
	case r.metadata:
	case 0:
		r.metadata, m.Metadata = 0, ""
	default:
		if m.Metadata, err = s.dict.metadata(c, id); err != nil {
			return false, err
		}
		r.metadata = id
	}
	return true, nil
}
