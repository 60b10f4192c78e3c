package engine

import (
	"context"
	"encoding/json"
	"fmt"

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
	// Again says that samples were stored when this phone's first run began:
	// another's, or its own under another identity.
	Again bool `json:"again,omitempty"`
	// Deep is when the whole look-back, and all that is uncertain, was last
	// read.
	Deep int64 `json:"deep,omitempty"`
	// Ran is when the last run was done.
	Ran int64 `json:"ran,omitempty"`
	// Begin says between which seconds the history begins, while it is being
	// read for the first time; nil where that is not known.
	Begin *store.Span `json:"begin,omitempty"`
	// Sure is a second before which samples were seen, meanwhile; 0 where that
	// is not known.
	Sure  int64                       `json:"sure,omitempty"`
	Types map[health.Type]*typeMemory `json:"types,omitempty"`
	Full  *fullMemory                 `json:"full,omitempty"`
}

// typeMemory is what is known of a type.
type typeMemory struct {
	// Top is samples per second over the newest days.
	Top float64 `json:"top,omitempty"`
	// N samples in Tau seconds, and Alone, are what was known where the
	// history is read down to: see track.
	N     float64 `json:"n,omitempty"`
	Tau   float64 `json:"tau,omitempty"`
	Alone bool    `json:"alone,omitempty"`
	// Alive says that the phone has served a sample of the type.
	Alive bool `json:"alive,omitempty"`
	// Quiet spans were read and held nothing. That is either so or a missing
	// permission: they are read again from time to time.
	Quiet spans `json:"quiet,omitempty"`
	// Doubt are spans that held nothing although samples of them are stored,
	// or many were to be expected. They do not count as read.
	Doubt spans `json:"doubt,omitempty"`
	// Lost are seconds that the phone could not serve. They are tried again
	// once a day.
	Lost spans `json:"lost,omitempty"`
	// Strikes counts the requests for the type over which the phone went away,
	// one after the other; Struck is when the last did, and Single says that
	// that request was for nothing else.
	Strikes int   `json:"strikes,omitempty"`
	Single  bool  `json:"single,omitempty"`
	Struck  int64 `json:"struck,omitempty"`
}

// fullMemory is a full run that is not finished.
type fullMemory struct {
	Began int64                 `json:"began"`
	Done  map[health.Type]spans `json:"done"`
}

const (
	memoryVersion = 1
	// maxQuiet bounds a type's list of quiet spans; beyond it neighbours are
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
func Forgotten() map[string]string {
	return map[string]string{stateKey: fmt.Sprintf(`{"v":%d,"again":true}`, memoryVersion), verifyKey: ""}
}

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

// hush adds a quiet span.
func (t *typeMemory) hush(s store.Span) {
	t.Quiet = t.Quiet.plus(s)
	for len(t.Quiet) > maxQuiet {
		best := 1
		for i := 2; i < len(t.Quiet); i++ {
			if t.Quiet[i].From-t.Quiet[i-1].To < t.Quiet[best].From-t.Quiet[best-1].To {
				best = i
			}
		}
		t.Quiet[best-1].To = t.Quiet[best].To
		t.Quiet = append(t.Quiet[:best], t.Quiet[best+1:]...)
	}
}

// speak notes that a span was read with samples of the type in the answer: in
// that very answer the permission was there.
func (t *typeMemory) speak(s store.Span) {
	t.Alive = true
	t.Strikes = 0
	t.Lost = t.Lost.minus(s)
	t.Quiet = t.Quiet.minus(s)
	t.Doubt = t.Doubt.minus(s)
}
