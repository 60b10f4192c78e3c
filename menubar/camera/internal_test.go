package camera

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
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
}

func TestAuthorization(t *testing.T) {
	for status, want := range map[int]Outcome{1: Restricted, 2: Denied, 7: Denied} {
		var e *Error
		if asks, err := refusal(status); asks || !errors.As(err, &e) || e.Outcome != want {
			t.Errorf("status %d: %v, %v", status, asks, err)
		}
	}
	if asks, err := refusal(0); !asks || err != nil {
		t.Error("not determined: the system is to be asked")
	}
	if asks, err := refusal(3); asks || err != nil {
		t.Error("authorized: go on")
	}
}

// A window that is called off by its parent says so, by a person says closed.
func TestWhoCalledItOff(t *testing.T) {
	wait := func(ctx context.Context, _ Window) (string, error) { <-ctx.Done(); return "", ctx.Err() }
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_ = w.Close()
	var e *Error
	if err := Serve(t.Context(), r, io.Discard, wait, Window{}); !errors.As(err, &e) || e.Outcome != Orphaned {
		t.Errorf("parent gone: %v", err)
	}
	r, w, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := Serve(ctx, r, &out, wait, Window{}); !errors.As(err, &e) || e.Outcome != Closed {
		t.Errorf("interrupted: %v", err)
	}
	if out.String() != "{\"outcome\":\"closed\"}\n" {
		t.Errorf("said %q", out.String())
	}
}
