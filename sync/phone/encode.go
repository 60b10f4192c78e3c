package phone

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"healthsync/sync/health"
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
	b := append(make([]byte, 0, 256), `{"startDate":"`...)
	b = appendDate(b, q.Start)
	b = append(b, `","endDate":"`...)
	b = appendDate(b, q.End)
	b = append(b, `","types":`...)
	lead := byte('[')
	for i, t := range q.Types {
		if t == "" || len(t) > maxTypeName || !utf8.ValidString(string(t)) {
			return nil, &QueryError{"a name that cannot be a type"}
		}
		if slices.Contains(q.Types[:i], t) {
			continue
		}
		b = append(b, lead)
		b = appendQuoted(b, []byte(t))
		lead = ','
	}
	b = append(b, `],"limit":`...)
	b = strconv.AppendInt(b, int64(limit), 10)
	if q.Offset > 0 {
		b = append(b, `,"offset":`...)
		b = strconv.AppendInt(b, int64(q.Offset), 10)
	}
	return append(b, '}'), nil
}

// object writes a flat JSON object of strings, given as name, value, name, ...
func object(pairs ...string) []byte {
	lead := byte('{')
	var b []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		b = append(b, lead)
		b = appendQuoted(b, []byte(pairs[i]))
		b = append(b, ':')
		b = appendQuoted(b, []byte(pairs[i+1]))
		lead = ','
	}
	return append(b, '}')
}
