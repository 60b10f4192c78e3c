package format

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"healthsync/sync/aggregate"
)

// rowJSON is a row as JSON shows it.
type rowJSON struct {
	Date    string  `json:"date"`
	Type    string  `json:"type"`
	Total   float64 `json:"total"`
	Average float64 `json:"average"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Count   int     `json:"count"`
}

// Rows writes figures: columns date,type,total,average,min,max,count with
// commas, unless a delimiter was chosen. A day or week is written as its first
// date, an hour with its offset from UTC.
func Rows(w io.Writer, o Options, by aggregate.By, rows []aggregate.Row) error {
	buf := bufio.NewWriter(w)
	layout := time.DateOnly
	if by == aggregate.Hourly {
		layout = time.RFC3339
	}
	switch o.Kind {
	case CSV, TSV:
		c := csv.NewWriter(buf)
		c.Comma = columnDelimiter(o, ',')
		if err := c.Write([]string{"date", "type", "total", "average", "min", "max", "count"}); err != nil {
			return err
		}
		for _, r := range rows {
			row := []string{r.Date.Format(layout), string(r.Type), figure(r.Total), figure(r.Average), figure(r.Min),
				figure(r.Max), strconv.Itoa(r.Count)}
			if err := c.Write(row); err != nil {
				return err
			}
		}
		c.Flush()
		if err := c.Error(); err != nil {
			return err
		}
	case JSON, NDJSON:
		if err := rowsJSON(buf, o, layout, rows); err != nil {
			return err
		}
	default:
		return &KindError{string(o.Kind)}
	}
	return buf.Flush()
}

func rowsJSON(w io.Writer, o Options, layout string, rows []aggregate.Row) error {
	enc := json.NewEncoder(w)
	out := make([]rowJSON, 0, len(rows))
	for _, r := range rows {
		out = append(out, rowJSON{r.Date.Format(layout), string(r.Type), rounded(r.Total), rounded(r.Average),
			rounded(r.Min), rounded(r.Max), r.Count})
	}
	if o.Kind == JSON {
		return enc.Encode(struct {
			Schema int       `json:"schema"`
			Status string    `json:"status"`
			Rows   []rowJSON `json:"aggregations"`
			Count  int       `json:"count"`
			Cut    bool      `json:"cut,omitzero"`
		}{o.Schema, "ok", out, len(out), o.cut()})
	}
	for _, r := range out {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// figure writes a sum or mean with at most four decimals: more would be the
// noise of adding floating-point numbers up.
func figure(v float64) string { return Number(rounded(v)) }

func rounded(v float64) float64 {
	r, err := strconv.ParseFloat(fmt.Sprintf("%.4f", v), 64)
	if err != nil {
		return v
	}
	return r
}
