package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
)

func TestBuiltForDarwinkit(t *testing.T) {
	for flags, want := range map[string]bool{
		"":                                          false,
		"all=-d=variablemakethreshold=0":            true,
		"all=-l -d=variablemakethreshold=0":         true,
		"all=-d=panic,variablemakethreshold=0":      true,
		"all=-N -l":                                 true, // a debugger's build
		"-d=variablemakethreshold=0":                false,
		"healthsync/...=-d=variablemakethreshold=0": false,
		"all=-d=variablemakethreshold=01":           false,
		"all=-d=variablemakethreshold=32":           false,
		"all=-l":                                    false,
	} {
		info := &debug.BuildInfo{}
		if flags != "" {
			info.Settings = []debug.BuildSetting{{Key: "-compiler", Value: "gc"}, {Key: "-gcflags", Value: flags}}
		}
		if got := builtForDarwinkit(info); got != want {
			t.Errorf("%q: %v, want %v", flags, got, want)
		}
	}
	if k, v, ok := strings.Cut(SoundFlag, "="); !ok || !builtForDarwinkit(&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: k, Value: v}}}) {
		t.Error("SoundFlag is not what the check wants")
	}
}

func TestAvailableElsewhere(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("macOS has it")
	}
	var u *UnavailableError
	if err := Available(); !errors.As(err, &u) || u.Platform != runtime.GOOS || u.Unsound {
		t.Errorf("Available = %v", err)
	}
	if _, err := Show(t.Context(), Window{}); !errors.As(err, &u) {
		t.Errorf("Show = %v", err)
	}
	if _, err := Scan(t.Context(), Child{}); !errors.As(err, &u) {
		t.Errorf("Scan = %v", err)
	}
}

func TestFailureCodes(t *testing.T) {
	for code, want := range map[int]Outcome{-11815: InUse, -11804: InUse, -11817: InUse, -11808: NoCamera, -11814: NoCamera, -11852: Denied, -11836: Denied, -11800: Failed, 0: Failed} {
		if e := failure(domainAVFoundation, code, "text"); e.Outcome != want || e.Detail != "text" {
			t.Errorf("%d: %v, want %v", code, e, want)
		}
		if e := failure("NSOSStatusErrorDomain", code, ""); e.Outcome != Failed {
			t.Errorf("%d of another domain: %v", code, e)
		}
	}
	// 0: the system is to ask; 3: authorized.
	for status, want := range map[int]Outcome{0: "", 1: Restricted, 2: Denied, 3: "", 7: Denied} {
		var e *Error
		asks, err := refusal(status)
		if asks != (status == 0) || (want == "") != (err == nil) || want != "" && (!errors.As(err, &e) || e.Outcome != want) {
			t.Errorf("status %d: %v, %v", status, asks, err)
		}
	}
}

// A window that is called off by its parent says so, by a person says closed.
// Simulated time: a child that is left alone for three seconds kills itself.
func TestWhoCalledItOff(t *testing.T) {
	wait := func(ctx context.Context, _ Window) (string, error) { <-ctx.Done(); return "", ctx.Err() }
	for want, orphaned := range map[Outcome]bool{Orphaned: true, Closed: false} {
		synctest.Test(t, func(t *testing.T) {
			stdin, parent := io.Pipe()
			defer parent.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if orphaned {
				parent.Close()
			} else {
				cancel()
			}
			var out bytes.Buffer
			var e *Error
			if err := Serve(ctx, stdin, &out, wait, Window{}); !errors.As(err, &e) || e.Outcome != want {
				t.Errorf("%v, want %s", err, want)
			}
			if out.String() != fmt.Sprintf("{\"outcome\":%q}\n", want) {
				t.Errorf("said %q", out.String())
			}
		})
	}
}
