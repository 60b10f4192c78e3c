package camera

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// firstPicture is how long a camera may take to deliver one.
const firstPicture = 8 * time.Second

// Sizes in points; the picture is 16:9, as the cameras of Macs are.
const (
	width, height = 640, 360
	strip         = 64  // under the picture, for the sentence
	aim           = 280 // the side of the frame to aim with
)

// screen is what only macOS has (window_darwin.go). What follows from it is
// decided in this file, and tested everywhere.
type screen interface {
	// permission is AVAuthorizationStatus; ask puts the system's question, whose
	// answer comes by access.
	permission() int
	ask()
	// open shows the window with a sentence and, so far, no picture; start lets
	// the camera run. Both are called on the main thread.
	open(text string)
	start() error
	// taken reports whether another program holds the camera for itself.
	taken() bool
	// say shows another sentence; stop ends the event loop. Any thread.
	say(text string)
	stop()
}

// scan is the course of one window. ready, access and start are called on the
// main thread, the other methods on any.
type scan struct {
	Window
	on screen

	pending *time.Timer // for the first picture

	once    sync.Once
	payload string
	err     error
}

// run lets loop, the event loop, run until finish.
func (s *scan) run(ctx context.Context, loop func()) (string, error) {
	stop := context.AfterFunc(ctx, func() { s.finish("", ctx.Err()) })
	defer stop()
	loop()
	return s.payload, s.err
}

// finish ends the event loop with the first outcome that is known.
func (s *scan) finish(payload string, err error) {
	s.once.Do(func() {
		s.payload, s.err = payload, err
		s.on.stop()
	})
}

// ready is the first moment a window may open.
func (s *scan) ready() {
	asks, err := refusal(s.on.permission())
	if err != nil {
		s.finish("", err)
		return
	}
	time.AfterFunc(cmp.Or(s.Patience, Patience), func() { s.finish("", &Error{Outcome: TimedOut}) })
	if asks {
		s.on.open(Asking)
		s.on.ask()
		return
	}
	s.on.open(Aim)
	s.start()
}

// access is the person's answer to the system's question.
func (s *scan) access(granted bool) {
	if !granted {
		s.finish("", &Error{Outcome: Denied})
		return
	}
	s.on.say(Aim)
	s.start()
}

func (s *scan) start() {
	s.pending = time.AfterFunc(firstPicture, func() {
		if s.on.taken() {
			s.finish("", &Error{Outcome: InUse})
		}
	})
	if err := s.on.start(); err != nil {
		s.pending.Stop()
		s.finish("", err)
	}
}

// pictured is called at the first picture.
func (s *scan) pictured() { s.pending.Stop() }

// saw takes the text of a code and reports whether it is the one.
func (s *scan) saw(text string) bool {
	if hint := s.Check(text); hint != "" {
		s.on.say(hint)
		return false
	}
	s.finish(text, nil)
	return true
}

func (s *scan) closed() { s.finish("", &Error{Outcome: Closed}) }
