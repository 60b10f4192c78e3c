package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// stateKey is the engine's place in the store's State. It is written in the
// same transaction as the page that it belongs to.
const stateKey = "engine"

// memory is what the engine knows beside what is covered. Losing it loses no
// sample: it only costs requests to learn it again.
type memory struct {
	Version int `json:"v"`
	// Deep is when the whole look-back, and all that is uncertain, was last
	// read; 0 before a first run was done.
	Deep int64 `json:"deep,omitempty"`
	// Ran is when the last run was done.
	Ran   int64                       `json:"ran,omitempty"`
	Types map[health.Type]*typeMemory `json:"types,omitempty"`
	Full  *fullMemory                 `json:"full,omitempty"`
	// Blamed are the types over which the app stopped since it last answered.
	Blamed []health.Type `json:"blamed,omitempty"`
}

// typeMemory is what is known of a type.
type typeMemory struct {
	// Alive says that the phone has served a sample of the type.
	Alive bool `json:"alive,omitempty"`
	// Quiet spans were read and held nothing. That is either so or a missing
	// permission: they are read again from time to time.
	Quiet store.Spans `json:"quiet,omitempty"`
	// Uncertain are spans that held nothing although samples of them are stored,
	// or that could not be read whole. They do not count as read.
	Uncertain store.Spans `json:"uncertain,omitempty"`
	// Lost are seconds that the phone could not serve. They are tried again
	// once a day.
	Lost store.Spans `json:"lost,omitempty"`
	// Suspect is the end of a question for the type over which the phone went
	// away; 0 for none.
	Suspect int64 `json:"suspect,omitempty"`
	// Stopped says that it did so over the type itself.
	Stopped *stop `json:"stopped,omitempty"`
}

// stop is when a version of the app stopped over a type.
type stop struct {
	App string `json:"app"`
	At  int64  `json:"at"`
}

// fullMemory is a full run that is not finished.
type fullMemory struct {
	Began int64                       `json:"began"`
	Done  map[health.Type]store.Spans `json:"done"`
	// Found is set in a verification.
	Found *found `json:"found,omitempty"`
}

const (
	memoryVersion = 2
	// maxQuiet bounds a type's list of quiet spans; beyond it the oldest are
	// joined, which only means that more is read again.
	maxQuiet = 24
	// fullLife is how long an unfinished full run may be taken up again.
	fullLife = 7 * day
)

func loadMemory(ctx context.Context, db Store) (*memory, error) {
	m := &memory{}
	text, ok, err := db.State(ctx, stateKey)
	if err != nil {
		return nil, err
	}
	if ok && (json.Unmarshal([]byte(text), m) != nil || m.Version != memoryVersion) {
		// Of another version, or damaged: what is covered is in the store's own
		// tables, and the rest can be learned again.
		m = &memory{}
	}
	m.Version = memoryVersion
	if m.Types == nil {
		m.Types = map[health.Type]*typeMemory{}
	}
	return m, nil
}

// Forgotten is the State that makes the next run know nothing of those before:
// for a database that goes on with another iPhone.
func Forgotten() map[string]string { return map[string]string{stateKey: ""} }

// of gives the memory of a type, new where there is none.
func (m *memory) of(t health.Type) *typeMemory {
	tm := m.Types[t]
	if tm == nil {
		tm = &typeMemory{}
		m.Types[t] = tm
	}
	return tm
}

func (m *memory) state() (map[string]string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("engine: write down what is known: %w", err)
	}
	return map[string]string{stateKey: string(text)}, nil
}

// quiet adds a quiet span.
func (t *typeMemory) quiet(s store.Span) {
	if t.Quiet = t.Quiet.Plus(s); len(t.Quiet) > maxQuiet {
		t.Quiet = store.Spans{{From: t.Quiet[0].From, To: t.Quiet[1].To}}.Plus(t.Quiet[2:]...)
	}
}

// speak notes that a span was read with samples of the type in the answer: in
// that very answer the permission was there.
func (t *typeMemory) speak(s store.Span) {
	t.Alive = true
	t.Lost, t.Quiet, t.Uncertain = t.Lost.Minus(s), t.Quiet.Minus(s), t.Uncertain.Minus(s)
}

// cleared notes that the app does not stop over the type.
func (t *typeMemory) cleared() { t.Suspect, t.Stopped = 0, nil }

// Silent gives the types that the phone used to serve and of which it now gives
// nothing where samples are stored: what the last runs left uncertain.
func Silent(ctx context.Context, db Store) ([]health.Type, error) {
	m, err := loadMemory(ctx, db)
	if err != nil {
		return nil, err
	}
	var out []health.Type
	for t, tm := range m.Types {
		if tm.Alive && len(tm.Uncertain) > 0 {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out, nil
}
