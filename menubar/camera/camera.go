// Package camera scans a QR code with the Mac's camera, in a window of its own.
//
// The window lives in a short-lived child: the same program, started again as
// `healthsync scan --camera`. An Objective-C exception (a camera that another
// program took at that moment, say) cannot be caught on its way through Go; in
// a child it is a crash of the child. The child has the main thread and the event
// loop to itself, and its end puts the camera's light out, whatever happened.
//
//   - [Scan] is the parent's half, used by the command line and by the menu.
//   - [Serve] is the child's half, around [Show], the window.
//
// The package knows nothing of pairing: which codes are ours is the caller's
// to say. Only the text of an accepted code leaves the child.
package camera

import (
	"time"
)

// Patience is how long the window looks for a code before it gives up.
const Patience = 2 * time.Minute

// Outcome is how a scan ended without a code. The child tells its parent by it.
type Outcome string

// The outcomes.
const (
	NoCamera   Outcome = "no camera"  // none is there, or it was unplugged
	Denied     Outcome = "denied"     // the person said no, now or earlier
	Restricted Outcome = "restricted" // a profile or Screen Time says no; the person cannot change it
	InUse      Outcome = "in use"     // another program holds the camera for itself
	Closed     Outcome = "closed"     // the person closed the window
	TimedOut   Outcome = "timed out"  // no code of ours within Patience
	Orphaned   Outcome = "orphaned"   // the program that asked is gone
	Failed     Outcome = "failed"     // anything else; the child may have crashed
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{NoCamera, Denied, Restricted, InUse, Closed, TimedOut, Orphaned, Failed}
}

// Error is a scan that found nothing.
type Error struct {
	Outcome Outcome
	// Detail is the system's own text about it, or ""; it holds nothing of
	// what the camera saw.
	Detail string
}

// Error names the outcome.
func (e *Error) Error() string {
	if e.Detail == "" {
		return "camera: " + string(e.Outcome)
	}
	return "camera: " + string(e.Outcome) + ": " + e.Detail
}

// UnavailableError says that this program cannot scan with a camera anywhere.
type UnavailableError struct {
	// Platform is set where there is no camera window for it.
	Platform string
	// Unsound is set on macOS when the program was built without the flag
	// that darwinkit needs, see [SoundFlag].
	Unsound bool
}

// Error says why.
func (e *UnavailableError) Error() string {
	if e.Unsound {
		return "camera: built without " + SoundFlag + ", which darwinkit needs"
	}
	return "camera: no window for " + e.Platform
}

// Window is what the child is asked to do.
type Window struct {
	// Check looks at the text of a code. "" accepts it and ends the scan;
	// anything else is shown under the picture, and the scan goes on. It is
	// called on a thread of the camera's, one call at a time.
	Check func(payload string) (hint string)
	// Patience is how long to look; 0 means [Patience].
	Patience time.Duration
}

// The words in the window.
const (
	Title = "Scan the Pairing Code"
	// Aim is shown while it looks.
	Aim = "Hold the QR code that your iPhone shows inside the frame."
	// Asking is shown beside the system's own question.
	Asking = "macOS asks whether HealthSync may use the camera. " +
		"The picture is only searched for a QR code; nothing of it is kept."
	// PreviewLabel is what VoiceOver calls the picture.
	PreviewLabel = "Camera picture. Hold the iPhone's QR code towards the camera."
)
