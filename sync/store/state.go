package store

import "context"

const (
	getState    = `SELECT value FROM state WHERE key = ?1`
	putState    = `INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)`
	removeState = `DELETE FROM state WHERE key = ?1`
)

func setState(w *conn, state map[string]string) error {
	for key, value := range state {
		sql := putState
		if value == "" {
			sql = removeState
		}
		s, err := w.stmt(sql)
		if err != nil {
			return err
		}
		s.BindText(1, key)
		if value != "" {
			s.BindText(2, value)
		}
		if err := s.Run(); err != nil {
			return err
		}
	}
	return nil
}

// State gives what a Change left under key; false where there is nothing.
func (s *Store) State(ctx context.Context, key string) (string, bool, error) {
	var value string
	var ok bool
	err := s.read(ctx, "read", func(c *conn) error {
		q, err := c.stmt(getState)
		if err != nil {
			return err
		}
		q.BindText(1, key)
		if ok, err = q.Step(); err == nil && ok {
			value = q.Text(0)
			q.Reset()
		}
		return err
	})
	return value, ok && err == nil, err
}
