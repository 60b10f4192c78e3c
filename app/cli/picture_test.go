package cli

import (
	"bytes"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"healthsync/pki/pairingcode"
	"healthsync/sync/testenv"
)

// A photograph as an iPhone takes it: HEVC in HEIC, by libheif's encoder and
// decoder. On a Mac the same code calls sips.
func TestHEIC(t *testing.T) {
	encoder := testenv.NeedTool(t, "heif-enc", "libheif-examples")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	payload := pairingcode.Payload{Version: 1, Host: "192.168.1.20", Port: 8443, Code: "WXYZ7K23",
		ExpiresAt: now.Add(time.Minute), Leaf: [32]byte{1, 2, 3}}
	picture, err := pairingcode.EncodePNG(payload, 8)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.png"), filepath.Join(dir, "a.heic")
	code, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	var photo bytes.Buffer
	colours := image.NewRGBA(code.Bounds()) // heif-enc (1.19) does not read a picture of two colours
	draw.Draw(colours, code.Bounds(), code, image.Point{}, draw.Src)
	if err := errors.Join(png.Encode(&photo, colours), os.WriteFile(in, photo.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(encoder, in, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	heic, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	options := convertPicture
	got, err := pairingcode.FindPayload(t.Context(), bytes.NewReader(heic), now, options)
	if err != nil || got.Code != payload.Code {
		t.Errorf("%q, %v", got.Code, err)
	}
	if _, err := pairingcode.FindPayload(t.Context(), bytes.NewReader(heic[:len(heic)/2]), now, options); err == nil {
		t.Error("half a file is read")
	}
	t.Setenv("PATH", dir) // no converter
	var unknown *pairingcode.FormatError
	if _, err := pairingcode.FindPayload(t.Context(), bytes.NewReader(heic), now, options); !errors.As(err, &unknown) {
		t.Errorf("without a converter: %v", err)
	}
}
