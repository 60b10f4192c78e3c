// Package state is one snapshot of how things stand: the pairing, its
// certificates, the iPhone, the local database and the last sync. `status`
// prints it, `diagnose` begins with it and the menu draws it.
//
// [Snapshot] changes nothing, but for what a verified iPhone told about itself.
package state

import (
	"time"

	"healthsync/app/problem"
)

// Link says how this computer and the iPhone stand to each other.
type Link string

// The links, worst to best.
const (
	LinkNotPaired    Link = "not-paired"
	LinkAttention    Link = "attention" // a person must act
	LinkNotFound     Link = "not-found"
	LinkNotSharing   Link = "not-sharing"
	LinkLocked       Link = "locked"
	LinkDisconnected Link = "disconnected"
	LinkConnected    Link = "connected"
)

// Words is the link as `status` and the menu say it.
func (l Link) Words() string {
	switch l {
	case LinkNotPaired:
		return "Not configured"
	case LinkAttention:
		return "Needs attention"
	case LinkNotFound:
		return "Not found"
	case LinkNotSharing:
		return "Not sharing"
	case LinkLocked:
		return "Locked"
	case LinkConnected:
		return "Connected"
	}
	return "Disconnected"
}

// LinkOf gives the link that an error means.
func LinkOf(err *problem.Error) Link {
	if err == nil {
		return LinkConnected
	}
	switch err.Code {
	case problem.NotPaired:
		return LinkNotPaired
	case problem.PhoneNotFound, problem.HostUnreachable, problem.TimedOut:
		return LinkNotFound
	case problem.ConnRefused:
		return LinkNotSharing
	case problem.PhoneLocked:
		return LinkLocked
	}
	if err.Exit() == problem.ExitUnreachable || err.Exit() == problem.ExitPhoneBusy {
		return LinkDisconnected
	}
	return LinkAttention
}

// Credential is a certificate or token in short.
type Credential struct {
	Name   string `json:"name"`   // "client", "server", "ca", "token"
	Status string `json:"status"` // as `cert info` says it
	// NotBefore is when its life began; zero if unknown.
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	DaysLeft  int       `json:"daysLeft"`
	// Advisory is set where the end is told but not enforced: the pinned
	// certificate of protocol 1.
	Advisory bool `json:"advisory,omitempty"`
}

// State is one immutable picture of the whole: what `status` prints and the
// menu draws.
type State struct {
	At       time.Time `json:"at"`
	Link     Link      `json:"link"`
	Paired   bool      `json:"paired"`
	Device   string    `json:"device,omitempty"`
	Host     string    `json:"host,omitempty"`
	Port     int       `json:"port,omitempty"`
	Protocol int       `json:"protocol,omitempty"`
	// PairedAt is when the pairing was made: another moment, another pairing.
	PairedAt time.Time `json:"pairedAt,omitzero"`
	// Credentials are the certificates and the token, the one that ends first
	// at the front.
	Credentials []Credential `json:"credentials,omitempty"`
	// SharedTypes is how many types the iPhone shares; -1 where it did not say.
	SharedTypes int `json:"sharedTypes"`
	// Latency is the time of one request on a connection that stood, 0 if none
	// was answered.
	Latency time.Duration `json:"latencyNanoseconds,omitempty"`
	// Skew is how far the iPhone's clock is ahead.
	Skew time.Duration `json:"clockSkewNanoseconds,omitempty"`
	// LastSync is when a sync last did all it set out to do, LastAdded what it
	// brought, Samples what is stored in all.
	LastSync  time.Time `json:"lastSync,omitzero"`
	LastAdded int       `json:"lastAdded"`
	Samples   int64     `json:"samples"`
	// CompleteTo is up to when everything is stored that the iPhone has, and
	// CompleteFrom from when on; zero: never synced, and from the beginning.
	// Behind are types that are not read as far as the others. Late is how many
	// samples came after their time had been read, in the last week.
	CompleteFrom time.Time `json:"completeFrom,omitzero"`
	CompleteTo   time.Time `json:"completeTo,omitzero"`
	Behind       []string  `json:"behind,omitempty"`
	Late         int       `json:"lateArrivals"`
	// Conditions are the root causes, worst first.
	Conditions []problem.JSON `json:"conditions"`
	// Sync is the sync that is under way, nil if there is none.
	Sync *Progress `json:"sync,omitempty"`
	// FailingSince is when syncing by itself first failed after it last
	// worked; zero while it works.
	FailingSince time.Time `json:"failingSince,omitzero"`
	// App is set in the pictures that the menu-bar app takes.
	App *App `json:"app,omitempty"`
	// Menu is what only the menu shows.
	Menu MenuState `json:"-"`
}

// Problem is the condition that keeps the iPhone from being asked, or, where it
// answered, what it sends from being stored; nil where neither is so.
func (s *State) Problem() *problem.Error {
	for _, c := range s.Conditions {
		if e := c.Error(); c.Severity == problem.Severe && (s.Link != LinkConnected ||
			e.Exit() == problem.ExitStorage) {
			return e
		}
	}
	return nil
}
