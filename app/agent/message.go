package agent

import (
	"time"

	"healthsync/app/agent/notify"
	"healthsync/app/config"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/engine"
)

// Message is something that has happened. The agent's one goroutine takes them
// one at a time.
type Message interface{ message() }

// The messages.
type (
	// Looked brings a picture of how things stand.
	Looked struct {
		State state.State
		// Problem keeps the iPhone from being asked; nil if it answered, or if
		// nobody asked it.
		Problem *problem.Error
		// Offline says that the iPhone was left alone.
		Offline bool
		Config  config.Config
		// Broken is why the settings cannot be read; Config is then of no use.
		Broken *problem.Error
		Menu   MenuFacts
	}
	// MenuFacts are what a look tells for the menu alone.
	MenuFacts struct {
		Login, LoginKnown bool
		Today             []state.Figure
	}
	// Moved says that the iPhone was followed to another address.
	Moved struct{ Move state.Move }
	// Progressed tells how far the sync is.
	Progressed struct{ Progress engine.Progress }
	// SyncDone ends a sync. Holder is set where another process was syncing
	// already.
	SyncDone struct {
		Result  engine.Result
		Problem *problem.Error
		Holder  string
	}
	// Woke says that the computer was asleep.
	Woke struct{}
	// NetworkChanged says that an interface or an address came or went.
	NetworkChanged struct{}
	// FilesChanged says that another process changed the settings, the
	// pairing or the database.
	FilesChanged struct{}
	// Asked says that somebody wants to know how things stand now:
	// `healthsync status` was run or, InPassing, the menu was opened.
	Asked struct{ InPassing bool }
	// FreshWanted says that somebody wants a sync now: one that is under way
	// reads the newest days next.
	FreshWanted struct{}
	// Clicked is a click in the menu.
	Clicked struct{ Action problem.Action }
	// Done ends an action.
	Done struct {
		Action  problem.Action
		Problem *problem.Error
		// Cancelled says that the person thought better of it: nothing is drawn.
		Cancelled bool
	}
	// Unasked says that no window could put a question to the person.
	Unasked struct{ Question state.Question }
	// Ticked says that time has passed, no more.
	Ticked struct{}
)

func (Looked) message()         {}
func (Moved) message()          {}
func (Progressed) message()     {}
func (SyncDone) message()       {}
func (Woke) message()           {}
func (NetworkChanged) message() {}
func (FilesChanged) message()   {}
func (Asked) message()          {}
func (FreshWanted) message()    {}
func (Clicked) message()        {}
func (Done) message()           {}
func (Unasked) message()        {}
func (Ticked) message()         {}

// Effect is something to be done. None of them is waited for:
// what comes of it is a message.
type Effect interface{ effect() }

// The effects.
type (
	// Look takes a picture; Offline leaves the iPhone alone.
	Look struct{ Offline bool }
	// StartSync starts one, StopSync ends it after the page in hand.
	StartSync struct{}
	StopSync  struct{}
	// Freshen has the sync that is under way read the newest days next.
	Freshen struct{}
	// Run does what an action asks for.
	Run struct{ Action problem.Action }
	// Ask puts a question to the person, in a window where there is one.
	Ask struct{ Question state.Question }
	// Say shows a notification.
	Say struct{ Notice notify.Notice }
	// Save keeps the memory.
	Save struct{ Memory Memory }
	// Leave ends the app.
	Leave struct{}
)

func (Look) effect()      {}
func (StartSync) effect() {}
func (StopSync) effect()  {}
func (Freshen) effect()   {}
func (Run) effect()       {}
func (Ask) effect()       {}
func (Say) effect()       {}
func (Save) effect()      {}
func (Leave) effect()     {}

// Memory is what outlives the process. It holds no secret and no health value.
type Memory struct {
	Schema int         `json:"schema"`
	Said   notify.Said `json:"said,omitempty"`
	// FailingSince is state.State's.
	FailingSince time.Time `json:"failingSince,omitzero"`
	// RenewRefused is the end of the certificate that the iPhone would not
	// renew, RenewTried when it was last asked to.
	RenewRefused time.Time `json:"renewRefused,omitzero"`
	RenewTried   time.Time `json:"renewTried,omitzero"`
}
