package clipboard

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

func TestLocalFiles(t *testing.T) {
	got := localFiles("# from a file manager\r\nfile:///home/ana/QR%20code.png\r\nfile://localhost/tmp/a.png\r\nfile://server/share/b.png\r\nhttps://example.com/c.png\r\nfile:d.png\r\n\r\nnot an address %zz\r\n")
	if !slices.Equal(got, []string{"/home/ana/QR code.png", "/tmp/a.png"}) {
		t.Errorf("%q", got)
	}
}

// The real clipboard of a real display: what was copied comes back, each kind
// as what it is.
func TestX11(t *testing.T) {
	xvfb := testenv.NeedTool(t, "Xvfb", "xvfb")
	xclip := testenv.NeedTool(t, "xclip", "xclip")
	display := startX(t, xvfb)
	t.Setenv("DISPLAY", display)
	t.Setenv("WAYLAND_DISPLAY", "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := Text(ctx); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty clipboard: %v", err)
	}
	set := func(target string, data []byte) {
		cmd := exec.Command(xclip, "-selection", "clipboard", "-in", "-target", target)
		cmd.Stdin = bytes.NewReader(data)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
	}
	set("UTF8_STRING", []byte("{\"v\":1} é"))
	if got, err := Text(ctx); got != "{\"v\":1} é" {
		t.Errorf("text: %q, %v", got, err)
	}
	if _, err := Image(ctx); !errors.Is(err, ErrEmpty) {
		t.Errorf("a picture in text: %v", err)
	}
	set("image/png", []byte("\x89PNG\r\n\x1a\n..."))
	if got, err := Image(ctx); string(got) != "\x89PNG\r\n\x1a\n..." {
		t.Errorf("picture: %q, %v", got, err)
	}
	if _, err := Files(ctx); !errors.Is(err, ErrEmpty) {
		t.Errorf("files in a picture: %v", err)
	}
	set("text/uri-list", []byte("file:///tmp/QR%20code.png\r\n"))
	if got, err := Files(ctx); !slices.Equal(got, []string{"/tmp/QR code.png"}) {
		t.Errorf("files: %q, %v", got, err)
	}
}

// startX starts a display of its own, at a number that the server chooses.
func startX(t *testing.T, xvfb string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(xvfb, "-displayfd", "3", "-screen", "0", "64x64x24", "-nolisten", "tcp", "-fbdir",
		filepath.Clean(t.TempDir()))
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = r.Close() })
	_ = w.Close()
	if err := r.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	n, err := r.Read(buf)
	number, nerr := strconv.Atoi(string(bytes.TrimSpace(buf[:n])))
	if err != nil || nerr != nil {
		t.Fatalf("Xvfb gives no display: %v", errors.Join(err, nerr))
	}
	return ":" + strconv.Itoa(number)
}
