package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"healthsync/app/files"
)

// Config is what a person can set. The zero value of a field means its
// default, so that a new version's defaults reach old files.
type Config struct {
	Server  Server  `json:"server,omitzero"`
	Sync    Sync    `json:"sync,omitzero"`
	Sources Sources `json:"sources,omitzero"`
	Notify  Notify  `json:"notify,omitzero"`
	Menu    Menu    `json:"menu,omitzero"`
}

// Server is where the iPhone was last. It is a hint: the identity is the
// certificate.
type Server struct {
	Host string `json:"host,omitempty"`
	Port int    `json:"port,omitempty"`
}

// Sync says what is kept in step, and how often.
type Sync struct {
	Interval string   `json:"interval,omitempty"`
	Types    []string `json:"types,omitempty"`
	Since    string   `json:"since,omitempty"`
	Lookback string   `json:"lookback,omitempty"`
}

// Sources says which device counts where two measured at the same time.
type Sources struct {
	// Priority are names of sources, * for any text; those that are not named
	// come after them in the default order of package daily.
	Priority []string `json:"priority,omitempty"`
}

// Notify says when to speak up.
type Notify struct {
	ExpiryDays []int `json:"expiryDays,omitempty"`
}

// Menu says what the menu shows.
type Menu struct {
	Today bool `json:"today,omitempty"`
}

// Defaults of what is not set.
const (
	DefaultInterval = time.Hour
	// DefaultLookback is how far back a sync reads again for late and deleted
	// samples: a watch synchronises days later.
	DefaultLookback = 14 * 24 * time.Hour
)

// InvalidError says what is wrong in a configuration file or a value.
type InvalidError struct {
	Key    string // "" where the file as a whole is not readable
	Value  string
	Accept string // what is accepted
	Path   string
	Err    error
}

func (e *InvalidError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("configuration %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("configuration: %s cannot be %q; use %s", e.Key, e.Value, e.Accept)
}

func (e *InvalidError) Unwrap() error { return e.Err }

// Load reads the file; a missing one is an empty Config. A file that cannot
// be understood is an *InvalidError and is left as it is.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, err
	}
	var c Config
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, &InvalidError{Path: path, Err: ExplainJSON(err)}
	}
	for _, k := range Keys() {
		if v := k.get(&c); v != "" {
			if err := k.set(&c, v); err != nil {
				return Config{}, err
			}
		}
	}
	return c, nil
}

// Save writes the file whole or not at all, readable by its owner only.
func Save(path string, c Config) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return files.WriteAtomic(path, append(raw, '\n'))
}

// Update changes the file under a lock, so that the app and a command do not
// undo each other's change.
func Update(path string, change func(*Config) error) (Config, error) {
	unlock, err := files.LockFile(path)
	if err != nil {
		return Config{}, err
	}
	defer unlock()
	c, err := Load(path)
	if err != nil {
		return Config{}, err
	}
	if err := change(&c); err != nil {
		return Config{}, err
	}
	return c, Save(path, c)
}

// SyncInterval is how often the app syncs by itself; 0 means only when asked.
func (c Config) SyncInterval() time.Duration {
	switch c.Sync.Interval {
	case "":
		return DefaultInterval
	case "manual":
		return 0
	}
	d, _ := parseDuration(c.Sync.Interval)
	return d
}

// SyncLookback is how far back each sync reads again.
func (c Config) SyncLookback() time.Duration {
	if c.Sync.Lookback == "" {
		return DefaultLookback
	}
	d, _ := parseDuration(c.Sync.Lookback)
	return d
}

// SyncSince is the first moment that is wanted, or the zero time for all.
func (c Config) SyncSince() time.Time {
	t, _ := time.ParseInLocation(time.DateOnly, c.Sync.Since, time.Local)
	return t
}

// ExpiryDays are the days before an expiry at which to notify, most first.
func (c Config) ExpiryDays() []int {
	if len(c.Notify.ExpiryDays) == 0 {
		return []int{30, 7, 1}
	}
	return slices.Clone(c.Notify.ExpiryDays)
}
