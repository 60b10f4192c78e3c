package phone

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"healthsync/sync/health"
)

// appDate is the only form of ISO 8601 that the app's decoder takes (Foundation's
// .iso8601 strategy): no fraction, no offset.
const appDate = "2006-01-02T15:04:05Z"

// The Unix seconds that the wire can say: year 1 to year 9999.
const (
	minDate = -62135596800
	maxDate = 253402300799
)

// encodeQuery writes q as the body of a data request, or says why it cannot be
// asked. A type that is named twice is asked for once: the phone would send
// its samples twice.
func encodeQuery(q health.Query) ([]byte, error) {
	limit := q.Limit
	if limit == 0 {
		limit = health.MaxLimit
	}
	switch {
	case len(q.Types) == 0:
		return nil, &QueryError{"no types"}
	case limit < 1 || limit > health.MaxLimit:
		return nil, &QueryError{"the limit is not between 1 and " + strconv.Itoa(health.MaxLimit)}
	case q.Offset < 0:
		return nil, &QueryError{"the offset is negative"}
	case q.End < q.Start:
		return nil, &QueryError{"it ends before it starts"}
	case q.Start < minDate || q.End > maxDate:
		return nil, &QueryError{"a date outside the years 1 to 9999"}
	}
	var types []health.Type
	for _, t := range q.Types {
		if t == "" || len(t) > maxTypeName || !utf8.ValidString(string(t)) {
			return nil, &QueryError{"a name that cannot be a type"}
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return json.Marshal(struct {
		Start  string        `json:"startDate"`
		End    string        `json:"endDate"`
		Types  []health.Type `json:"types"`
		Limit  int           `json:"limit"`
		Offset int           `json:"offset,omitzero"`
	}{time.Unix(q.Start, 0).UTC().Format(appDate), time.Unix(q.End, 0).UTC().Format(appDate), types, limit, q.Offset})
}
