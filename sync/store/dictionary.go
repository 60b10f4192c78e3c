package store

import (
	"sync"

	"healthsync/sync/civil"
	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// origin is a row of the table of that name.
type origin struct{ source, unit string }

// dictionary remembers the small tables that samples point into. Their rows
// are only ever added, so what it knows stays true, also where another
// process writes; what it does not know it looks up.
type dictionary struct {
	mu        sync.RWMutex
	types     map[health.Type]int64
	typeNames map[int64]health.Type
	origins   map[origin]int64
	originOf  map[int64]origin
	metas     map[string]int64
	metaOf    map[int64]string
	units     map[string]int64
	zones     map[string]*civil.Zone // by name; nil for one that is not known here
}

// dictionaryLimit bounds the memory: a phone whose samples each had a
// metadata of their own would fill it. Beyond, it starts anew.
const dictionaryLimit = 4096

func newDictionary() *dictionary {
	d := &dictionary{}
	d.forget()
	return d
}

// forget empties it: after a transaction that was taken back it may know rows
// that are not there.
func (d *dictionary) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.types, d.typeNames = map[health.Type]int64{}, map[int64]health.Type{}
	d.origins, d.originOf = map[origin]int64{}, map[int64]origin{}
	d.metas, d.metaOf = map[string]int64{}, map[int64]string{}
	d.units = map[string]int64{}
	d.zones = map[string]*civil.Zone{}
}

// learn keeps a pair in two maps, both emptied when full.
func learn[K comparable](d *dictionary, ids map[K]int64, names map[int64]K, k K, id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(ids) >= dictionaryLimit {
		clear(ids)
		clear(names)
	}
	ids[k], names[id] = id, k
}

func known[K comparable, V any](d *dictionary, m map[K]V, k K) (V, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	v, ok := m[k]
	return v, ok
}

const (
	findType       = `SELECT id FROM type WHERE name = ?1`
	addType        = `INSERT INTO type (name) VALUES (?1) RETURNING id`
	findOrigin     = `SELECT id FROM origin WHERE source = ?1 AND unit = ?2`
	addOrigin      = `INSERT INTO origin (source, unit) VALUES (?1, ?2) RETURNING id`
	nameOrigin     = `SELECT source, unit FROM origin WHERE id = ?1`
	findMetadata   = `SELECT id FROM metadata WHERE json = ?1`
	addMetadata    = `INSERT INTO metadata (json) VALUES (?1) RETURNING id`
	nameMetadata   = `SELECT json FROM metadata WHERE id = ?1`
	findUnit       = `SELECT id FROM unit WHERE name = ?1`
	addUnit        = `INSERT INTO unit (name) VALUES (?1) RETURNING id`
	withoutMeaning = `?` // what a damaged reference reads as
)

// number runs a statement of one whole number; false for no row.
func number(c *conn, sql string, bind func(*sqlite.Stmt)) (int64, bool, error) {
	s, err := c.stmt(sql)
	if err != nil {
		return 0, false, err
	}
	bind(s)
	row, err := s.Step()
	if err != nil || !row {
		return 0, false, err
	}
	n := s.Int(0)
	// To its end: RETURNING has written before, but a statement under way
	// would hold the transaction open.
	for row && err == nil {
		row, err = s.Step()
	}
	return n, true, err
}

// findOrAdd looks for a row and makes it where add is not "".
func findOrAdd(c *conn, find, add string, bind func(*sqlite.Stmt)) (int64, bool, error) {
	id, ok, err := number(c, find, bind)
	if err != nil || ok || add == "" {
		return id, ok, err
	}
	return number(c, add, bind)
}

// typeID gives a type's number; false where it has none and make is false.
func (d *dictionary) typeID(c *conn, t health.Type, make bool) (int64, bool, error) {
	if id, ok := known(d, d.types, t); ok {
		return id, true, nil
	}
	add := addType
	if !make {
		add = ""
	}
	id, ok, err := findOrAdd(c, findType, add, func(s *sqlite.Stmt) { s.BindText(1, string(t)) })
	if ok && err == nil {
		learn(d, d.types, d.typeNames, t, id)
	}
	return id, ok, err
}

func (d *dictionary) originID(c *conn, o origin) (int64, error) {
	if id, ok := known(d, d.origins, o); ok {
		return id, nil
	}
	id, _, err := findOrAdd(c, findOrigin, addOrigin, func(s *sqlite.Stmt) {
		s.BindText(1, o.source)
		s.BindText(2, o.unit)
	})
	if err == nil {
		learn(d, d.origins, d.originOf, o, id)
	}
	return id, err
}

func (d *dictionary) metadataID(c *conn, json string) (int64, error) {
	if id, ok := known(d, d.metas, json); ok {
		return id, nil
	}
	id, _, err := findOrAdd(c, findMetadata, addMetadata, func(s *sqlite.Stmt) { s.BindText(1, json) })
	if err == nil {
		learn(d, d.metas, d.metaOf, json, id)
	}
	return id, err
}

// unitID gives the number of a unit of daily totals.
func (d *dictionary) unitID(c *conn, unit string) (int64, error) {
	if id, ok := known(d, d.units, unit); ok {
		return id, nil
	}
	id, _, err := findOrAdd(c, findUnit, addUnit, func(s *sqlite.Stmt) { s.BindText(1, unit) })
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.units) >= dictionaryLimit {
			clear(d.units)
		}
		d.units[unit] = id
	}
	return id, err
}

// facts is what the table type says of the samples of a type: how many
// tombstones there are, how long the longest lasts (seconds), and whether one is
// dated by a zone of its own.
type facts struct {
	buried, longest int64
	zoned           bool
}

const listFacts = `SELECT id, deleted, longest, zoned FROM type`

// readFacts gives those of all types by their numbers.
func readFacts(c *conn) (map[int64]facts, error) {
	s, err := c.stmt(listFacts)
	if err != nil {
		return nil, err
	}
	out := map[int64]facts{}
	for {
		row, err := s.Step()
		if err != nil || !row {
			return out, err
		}
		out[s.Int(0)] = facts{s.Int(1), s.Int(2), s.Int(3) != 0}
	}
}

// origin gives the row of a number. That there is none is damage, which is
// for Check to tell: a reader shows the sample all the same.
func (d *dictionary) origin(c *conn, id int64) (origin, error) {
	if o, ok := known(d, d.originOf, id); ok {
		return o, nil
	}
	s, err := c.stmt(nameOrigin)
	if err != nil {
		return origin{}, err
	}
	s.BindInt(1, id)
	row, err := s.Step()
	if err != nil || !row {
		return origin{withoutMeaning, withoutMeaning}, err
	}
	o := origin{s.Text(0), s.Text(1)}
	s.Reset()
	learn(d, d.origins, d.originOf, o, id)
	return o, nil
}

func (d *dictionary) metadata(c *conn, id int64) (string, error) {
	if m, ok := known(d, d.metaOf, id); ok {
		return m, nil
	}
	s, err := c.stmt(nameMetadata)
	if err != nil {
		return "", err
	}
	s.BindInt(1, id)
	row, err := s.Step()
	if err != nil || !row {
		return "", err
	}
	m := s.Text(0)
	s.Reset()
	learn(d, d.metas, d.metaOf, m, id)
	return m, nil
}

// hash is the hash of a stored row.
func (d *dictionary) hash(c *conn, start int64, id *health.UUID, duration int64, value float64, originID, metadataID int64) (uint64, error) {
	o, err := d.origin(c, originID)
	if err != nil {
		return 0, err
	}
	json := ""
	if metadataID != 0 {
		if json, err = d.metadata(c, metadataID); err != nil {
			return 0, err
		}
	}
	return hashSample(id, start, duration, value, hashOrigin(o), hashMetadata(json)), nil
}
