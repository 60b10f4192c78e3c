package camera

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fakeScreen stands where macOS is not. Its loop ends by stop, as NSApp's does.
type fakeScreen struct {
	status  int
	busy    bool
	broken  error
	stopped chan struct{}
	did     []string
}

func (f *fakeScreen) permission() int  { return f.status }
func (f *fakeScreen) ask()             { f.did = append(f.did, "ask") }
func (f *fakeScreen) open(text string) { f.did = append(f.did, "open "+text) }
func (f *fakeScreen) start() error     { f.did = append(f.did, "start"); return f.broken }
func (f *fakeScreen) taken() bool      { return f.busy }
func (f *fakeScreen) say(text string)  { f.did = append(f.did, "say "+text) }
func (f *fakeScreen) stop()            { close(f.stopped) }

// Every way in which a window can end, with what it showed on the way.
func TestWindow(t *testing.T) {
	const ours, foreign, hint = "ours", "https://example.com", "not ours"
	inUse := &Error{Outcome: InUse, Detail: "cannot be opened"}
	looking := []string{"open " + Aim, "start"}
	for name, c := range map[string]struct {
		screen fakeScreen
		do     func(s *scan, cancel func()) // after ready
		after  time.Duration
		want   Outcome
		did    []string
	}{
		"found": {screen: fakeScreen{status: authorizationAuthorized}, do: func(s *scan, _ func()) {
			s.pictured()
			if s.saw(foreign) || !s.saw(ours) {
				t.Error("the wrong code was accepted")
			}
			s.closed() // comes too late
		}, want: "", did: append(slices.Clone(looking), "say "+hint)},
		"allowed when asked": {screen: fakeScreen{status: authorizationNotDetermined}, do: func(s *scan, _ func()) {
			s.access(true)
			s.saw(ours)
		}, want: "", did: []string{"open " + Asking, "ask", "say " + Aim, "start"}},
		"denied when asked": {screen: fakeScreen{status: authorizationNotDetermined}, do: func(s *scan, _ func()) { s.access(false) },
			want: Denied, did: []string{"open " + Asking, "ask"}},
		"never answered": {screen: fakeScreen{status: authorizationNotDetermined}, after: Patience, want: TimedOut, did: []string{"open " + Asking, "ask"}},
		"denied before":  {screen: fakeScreen{status: authorizationDenied}, want: Denied},
		"restricted":     {screen: fakeScreen{status: restricted}, want: Restricted},
		"no camera":      {screen: fakeScreen{status: authorizationAuthorized, broken: &Error{Outcome: NoCamera}}, want: NoCamera, did: looking},
		"in use":         {screen: fakeScreen{status: authorizationAuthorized, broken: inUse}, want: InUse, did: looking},
		"no picture, because another program has it": {screen: fakeScreen{status: authorizationAuthorized, busy: true}, after: firstPicture, want: InUse, did: looking},
		"no picture, for no known reason":            {screen: fakeScreen{status: authorizationAuthorized}, after: Patience, want: TimedOut, did: looking},
		"a picture, and then nothing": {screen: fakeScreen{status: authorizationAuthorized, busy: true}, do: func(s *scan, _ func()) { s.pictured() },
			after: Patience, want: TimedOut, did: looking},
		"closed": {screen: fakeScreen{status: authorizationAuthorized}, do: func(s *scan, _ func()) { s.closed(); s.saw(ours) }, want: Closed, did: looking},
		"unplugged": {screen: fakeScreen{status: authorizationAuthorized}, do: func(s *scan, _ func()) {
			s.finish("", failure(domainAVFoundation, avDeviceWasDisconnected, ""))
		}, want: NoCamera, did: looking},
		"called off": {screen: fakeScreen{status: authorizationAuthorized}, do: func(_ *scan, cancel func()) { cancel() }, want: Failed, did: looking},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := c.screen
			f.stopped = make(chan struct{})
			s := &scan{on: &f, Window: Window{Check: func(text string) string {
				if text == ours {
					return ""
				}
				return hint
			}}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begin := time.Now()
			text, err := s.run(ctx, func() {
				s.ready()
				if c.do != nil {
					c.do(s, cancel)
				}
				<-f.stopped
			})
			var e *Error
			switch {
			case c.want == "":
				if err != nil || text != ours {
					t.Errorf("%s: %q, %v", name, text, err)
				}
			case name == "called off":
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", name, err)
				}
			case !errors.As(err, &e) || e.Outcome != c.want || text != "":
				t.Errorf("%s: %q, %v", name, text, err)
			}
			if took := time.Since(begin); took != c.after {
				t.Errorf("%s: after %v, want %v", name, took, c.after)
			}
			if !slices.Equal(f.did, c.did) {
				t.Errorf("%s: %q, want %q", name, f.did, c.did)
			}
		})
	}
}

// Frame and sentences have room: some 6.5 points a letter and 17 a line, as the
// system font of 13 points has them.
func TestLayout(t *testing.T) {
	if aim+2*24 > height || height+strip > 700 { // 24: the frame's corners; 700: the smallest Mac's screen has 800
		t.Errorf("%d in %d, %d in all", aim, height, height+strip)
	}
	for _, text := range []string{Aim, Asking} {
		if lines := len(text)*13/2/(width-32) + 1; lines*17 > strip-16 {
			t.Errorf("%d lines: %s", lines, text)
		}
	}
}
