package agent

import (
	"fmt"

	"healthsync/app/state"
)

// Phase is where the app stands with the iPhone.
type Phase int

// The phases.
const (
	// Starting: paired, or perhaps not; nothing was asked yet.
	Starting Phase = iota
	NotPaired
	Connected
	Locked
	NotSharing
	NotFound
	Disconnected
	// Attention: a person must act.
	Attention
	// Syncing: samples are on their way.
	Syncing
	// Ending: the app quits. Nothing leads out of it.
	Ending
)

var phaseNames = [...]string{"starting", "not paired", "connected", "locked", "not sharing", "not found",
	"disconnected", "attention", "syncing", "ending"}

// String is the phase's name in logs and tests.
func (p Phase) String() string { return phaseNames[p] }

// Link is the phase as a State says it. A sync says how it goes beside it.
func (p Phase) Link() state.Link {
	return [...]state.Link{
		"", state.LinkNotPaired, state.LinkConnected, state.LinkLocked, state.LinkNotSharing, state.LinkNotFound,
		state.LinkDisconnected, state.LinkAttention, state.LinkConnected, state.LinkDisconnected,
	}[p]
}

// Event is what moves the app from one phase to another.
type Event int

// The events. The first eight are what a look at things has found.
const (
	SawUnpaired Event = iota
	SawConnected
	SawLocked
	SawNotSharing
	SawNotFound
	SawDisconnected
	SawAttention
	// Paired anew, or another pairing: what was known is of no use.
	Paired
	SyncBegan
	SyncEnded
	Quit
)

var eventNames = [...]string{"saw unpaired", "saw connected", "saw locked", "saw not sharing", "saw not found",
	"saw disconnected", "saw attention", "paired", "sync began", "sync ended", "quit"}

// String is the event's name in logs and tests.
func (e Event) String() string { return eventNames[e] }

// sawLink is the event of having found the link so.
func sawLink(l state.Link) Event {
	switch l {
	case state.LinkNotPaired:
		return SawUnpaired
	case state.LinkConnected:
		return SawConnected
	case state.LinkLocked:
		return SawLocked
	case state.LinkNotSharing:
		return SawNotSharing
	case state.LinkNotFound:
		return SawNotFound
	case state.LinkAttention:
		return SawAttention
	}
	return SawDisconnected
}

// TransitionError says that an event makes no sense in a phase. It is a
// latecomer (a look that was under way when the pairing ended) or a mistake of
// the program; the phase stays.
type TransitionError struct {
	Phase Phase
	Event Event
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("%s while %s", e.Event, e.Phase)
}

// next is the table of phases.
func next(p Phase, e Event) (Phase, error) {
	switch {
	case p == Ending && e != Quit:
		return p, &TransitionError{p, e}
	case e == Quit:
		return Ending, nil
	case e == SawUnpaired:
		return NotPaired, nil
	case e == Paired:
		return Starting, nil
	case e == SyncEnded:
		if p == Syncing {
			return Connected, nil
		}
	case p == NotPaired:
		// a look or a sync of the pairing that has ended
	case e == SyncBegan:
		if p != Syncing {
			return Syncing, nil
		}
	case p == Syncing:
		return p, nil // the sync itself will tell how it went
	default:
		return [...]Phase{SawConnected: Connected, SawLocked: Locked, SawNotSharing: NotSharing, SawNotFound: NotFound,
			SawDisconnected: Disconnected, SawAttention: Attention}[e], nil
	}
	return p, &TransitionError{p, e}
}
