package problem_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/menubar/camera"
)

// Each way in which a camera window ends has a code of its own.
func TestCameraOutcomes(t *testing.T) {
	seen := map[problem.Code]bool{}
	for _, o := range camera.Outcomes() {
		e := problem.From(fmt.Errorf("scan: %w", &camera.Error{Outcome: o, Detail: "the lens cap"}), time.Now())
		if e.Exit() != problem.ExitCamera {
			t.Errorf("%v ends with %d (%s)", o, e.Exit(), e.Code)
		}
		if seen[e.Code] {
			t.Errorf("%v shares %s with another outcome", o, e.Code)
		}
		seen[e.Code] = true
		if !strings.Contains(e.Detail, "The lens cap") {
			t.Errorf("%v: detail %q", o, e.Detail)
		}
	}
}

func TestUnsoundBuildSaysHowToBuild(t *testing.T) {
	e := problem.From(&camera.UnavailableError{Unsound: true}, time.Now())
	if e.Code != problem.NotOnThisBuild || !strings.Contains(e.Remedy.String(), camera.SoundFlag) {
		t.Errorf("%s, %q", e.Code, e.Remedy)
	}
	if e := problem.From(&camera.UnavailableError{Platform: "plan9"}, time.Now()); e.Code != problem.CameraUnavailable || e.Remedy.Command == "" {
		t.Errorf("%s, %q", e.Code, e.Remedy)
	}
}
