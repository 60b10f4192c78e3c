package simulator

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"healthsync/sync/appleexport"
	"healthsync/sync/health"
)

// FromExport makes a history of Apple's own export: a zip archive, the XML in
// it or the folder of it. The summary tells what was taken, skipped and not
// readable. Errors are those of [appleexport.Open] and [appleexport.Read].
func FromExport(ctx context.Context, name string) (*History, *appleexport.Summary, error) {
	f, err := appleexport.Open(name)
	if err != nil {
		return nil, nil, err
	}
	h := NewHistory()
	recs := map[health.Type][]record{}
	sum, err := appleexport.Read(ctx, f, func(r *appleexport.Record) error {
		recs[r.Type] = append(recs[r.Type], record{
			start: r.Start * 1000, end: r.End * 1000, value: r.Value, id: r.ID,
			attr: h.intern(attr{r.Unit, r.Source, r.Metadata}),
		})
		return nil
	})
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, sum, err
	}
	for t, list := range recs {
		slices.SortStableFunc(list, func(a, b record) int { return cmp.Compare(a.start, b.start) })
		h.appendLocked(t, slices.Clip(list))
	}
	return h, sum, nil
}
