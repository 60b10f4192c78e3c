package problem_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/menubar/camera"
)

// The camera's child process speaks by its exit status, which the command
// gives it by way of the table: both must mean the same.
func TestCameraOutcomesAreExitStatuses(t *testing.T) {
	seen := map[problem.Code]bool{}
	for _, o := range camera.Outcomes() {
		e := problem.From(fmt.Errorf("scan: %w", &camera.Error{Outcome: o, Detail: "the lens cap"}), time.Now())
		if int(e.Exit()) != int(o) {
			t.Errorf("%v ends with %d (%s), want %d", o, e.Exit(), e.Code, o)
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
