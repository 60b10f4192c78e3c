package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"healthsync/app/problem"
)

// A clipboard whose owner does not answer, as another device out of reach.
func TestClipboardDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "xclip"), []byte("#!/bin/sh\nexec /bin/sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("DISPLAY", ":0")
	t.Setenv("WAYLAND_DISPLAY", "")
	testOnlyWait := clipboardWait
	defer func() { clipboardWait = testOnlyWait }()
	clipboardWait = 50 * time.Millisecond
	_, err := payloadFromClipboard(t.Context(), &Env{}, false)
	var e *problem.Error
	if !errors.As(err, &e) || e.Code != problem.ClipboardEmpty || e.Sentence != "The clipboard does not answer" {
		t.Errorf("%v", err)
	}
}
