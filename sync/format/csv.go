package format

import (
	"encoding/csv"
	"io"

	"healthsync/sync/health"
)

type csvWriter struct {
	w    *csv.Writer
	row  []string
	meta bool
}

func newCSV(w io.Writer, comma rune, metadata bool) (*csvWriter, error) {
	c := &csvWriter{w: csv.NewWriter(w), meta: metadata}
	c.w.Comma = comma
	head := []string{"id", "type", "value", "unit", "startDate", "endDate", "sourceName"}
	if metadata {
		head = append(head, "metadata")
	}
	return c, c.w.Write(head)
}

func (c *csvWriter) Write(s *health.Sample) error {
	c.row = append(c.row[:0], s.ID.String(), string(s.Type), Number(s.Value), s.Unit, Date(s.Start), Date(s.End),
		s.Source)
	if c.meta {
		c.row = append(c.row, s.Metadata)
	}
	return c.w.Write(c.row)
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}
