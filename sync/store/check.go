package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"healthsync/sync/health"
)

// checkFindings bounds what Check reports of a damaged file.
const checkFindings = 10

// rules are the store's own, each a query for the number of rows that break
// it.
var rules = []struct{ sql, finding string }{
	{`SELECT count(*) FROM sample WHERE length(id) <> 16 OR type NOT IN (SELECT id FROM type)
		OR origin NOT IN (SELECT id FROM origin)
		OR metadata IS NOT NULL AND metadata NOT IN (SELECT id FROM metadata)`, "samples that point nowhere"},
	{`SELECT count(*) FROM deleted_sample d JOIN sample s ON s.type = d.type AND s.start = d.start AND s.id = d.id`,
		"samples both live and deleted"},
	{`SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY type, id HAVING count(*) > 1)`, "samples stored twice"},
}

// Check reads the whole file and compares it with itself: SQLite's integrity
// check, then the store's own rules, then the rows with the ledger. A finding
// is a *CorruptError, or an *AlteredError where the file is sound but rows are
// not as the phone served them, or not as many as are counted. It takes a few seconds for a million samples.
func (s *Store) Check(ctx context.Context) error {
	return s.read(ctx, "check", func(c *conn) error {
		if err := s.integrity(c, "integrity_check"); err != nil {
			return err
		}
		for _, r := range rules {
			n, err := c.Int(r.sql)
			if err != nil {
				return err
			}
			if n > 0 {
				return &CorruptError{Path: s.path, Detail: fmt.Sprintf("%d %s", n, r.finding)}
			}
		}
		return s.altered(c)
	})
}

// altered compares the rows with the ledger, where there is one, and with the
// counts of the types.
func (s *Store) altered(c *conn) error {
	wrong, err := miscounted(c)
	if err != nil {
		return err
	}
	var days []Divergence
	var older *OlderError
	if err = s.needs(c, ledgerSchema); err == nil {
		days, err = s.audit(c, nil)
	}
	if err != nil && !errors.As(err, &older) {
		return err
	}
	if len(days) == 0 && len(wrong) == 0 {
		return nil
	}
	return &AlteredError{Path: s.path, Days: days, Miscounted: wrong}
}

const (
	wrongCounts = `SELECT name FROM type t WHERE live <> (SELECT count(*) FROM sample WHERE type = t.id)
		OR deleted <> (SELECT count(*) FROM deleted_sample WHERE type = t.id) ORDER BY name`
	rightCounts = `UPDATE type AS t SET live = n.live, deleted = n.deleted
		FROM (SELECT id, (SELECT count(*) FROM sample WHERE type = type.id) AS live,
			(SELECT count(*) FROM deleted_sample WHERE type = type.id) AS deleted FROM type) AS n
		WHERE n.id = t.id AND (n.live <> t.live OR n.deleted <> t.deleted)`
)

// Miscounted gives the types of which there are not as many rows as are
// counted: another program took some out, or put some in.
func (s *Store) Miscounted(ctx context.Context) (types []health.Type, err error) {
	err = s.read(ctx, "check", func(c *conn) error {
		types, err = miscounted(c)
		return err
	})
	return types, err
}

func miscounted(c *conn) (types []health.Type, err error) {
	q, err := c.stmt(wrongCounts)
	if err != nil {
		return nil, err
	}
	for {
		row, err := q.Step()
		if err != nil || !row {
			return types, err
		}
		types = append(types, health.Type(q.Text(0)))
	}
}

// recount puts the counts of all types right.
func recount(c *conn) error {
	q, err := c.stmt(rightCounts)
	if err != nil {
		return err
	}
	return q.Run()
}

// integrity runs one of SQLite's two checks.
func (s *Store) integrity(c *conn, check string) error {
	q, err := c.stmt(pragma(check, checkFindings))
	if err != nil {
		return err
	}
	var findings []string
	for {
		row, err := q.Step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		findings = append(findings, q.Text(0))
	}
	if len(findings) == 1 && findings[0] == "ok" {
		return nil
	}
	return &CorruptError{Path: s.path, Detail: strings.Join(findings, "; ")}
}
