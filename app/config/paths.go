// Package config knows where HealthSync keeps its files and what a person can
// set. It holds no secret: those live in the vault.
package config

import (
	"errors"
	"os"
	"path/filepath"
)

// HomeVar is the environment variable that puts everything into one folder,
// for demos, tests and second phones.
const HomeVar = "HEALTHSYNC_HOME"

// Paths are the places of HealthSync's files. All of them are absolute.
type Paths struct {
	// Config is the folder of config.json and pairing.json.
	Config string
	// Data is the folder of health.db, and of the file vault where one was
	// chosen.
	Data string
	// Log is the folder of healthsync.log.
	Log string
	// Home is HEALTHSYNC_HOME made absolute, or "" for the user's own places.
	Home string
}

// ConfigFile is the settings file.
func (p Paths) ConfigFile() string { return filepath.Join(p.Config, "config.json") }

// PairingFile is the record of the pairing, without its secrets.
func (p Paths) PairingFile() string { return filepath.Join(p.Config, "pairing.json") }

// Database is the SQLite file.
func (p Paths) Database() string { return filepath.Join(p.Data, "health.db") }

// LogFile is the log.
func (p Paths) LogFile() string { return filepath.Join(p.Log, "healthsync.log") }

// LockFile guards against two syncs at once.
func (p Paths) LockFile() string { return filepath.Join(p.Data, "sync.lock") }

// PairingLockFile guards against two changes of the pairing at once.
func (p Paths) PairingLockFile() string { return filepath.Join(p.Config, "pairing-turn.lock") }

// ErrNoHome says that nothing tells where a person's files are kept.
var ErrNoHome = errors.New("neither HOME nor " + HomeVar + " is set")

// Locate finds the places by the environment: HEALTHSYNC_HOME, else the
// platform's (Application Support and Logs on macOS, the XDG folders
// elsewhere); [ErrNoHome] where that has none. It creates nothing. ~/.healthsync is never used: it belongs to
// other programs of that name.
func Locate(getenv func(string) string) (Paths, error) {
	if dir := getenv(HomeVar); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Paths{}, err
		}
		return Paths{Config: abs, Data: abs, Log: abs, Home: abs}, nil
	}
	home := getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil || home == "" {
			return Paths{}, ErrNoHome
		}
	}
	return platformPaths(home, getenv), nil
}

// macPaths follows Apple's "File System Programming Guide".
func macPaths(home string, _ func(string) string) Paths {
	support := filepath.Join(home, "Library", "Application Support", "HealthSync")
	return Paths{Config: support, Data: support, Log: filepath.Join(home, "Library", "Logs", "HealthSync")}
}

// xdgPaths follows the XDG Base Directory Specification, which says that
// a relative path in these variables is to be ignored.
func xdgPaths(home string, getenv func(string) string) Paths {
	dir := func(name, fallback string) string {
		base := getenv(name)
		if !filepath.IsAbs(base) {
			base = filepath.Join(home, fallback)
		}
		return filepath.Join(base, "healthsync")
	}
	return Paths{
		Config: dir("XDG_CONFIG_HOME", ".config"),
		Data:   dir("XDG_DATA_HOME", ".local/share"),
		Log:    dir("XDG_STATE_HOME", ".local/state"),
	}
}
