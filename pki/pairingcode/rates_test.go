package pairingcode

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// setsVar names folders of pictures (separated by colons); ratesVar, how often
// each scene is made. With either, TestRates prints how many are read beside
// zbarimg on the same files; docs/qr-reading.md keeps the figures. onlyVar picks
// scenes by a part of their name, keepVar is a folder to leave the pictures in.
const (
	setsVar  = "HEALTHSYNC_QR_SETS"
	ratesVar = "HEALTHSYNC_QR_SCENES"
	onlyVar  = "HEALTHSYNC_QR_ONLY"
	keepVar  = "HEALTHSYNC_QR_KEEP"
)

func TestRates(t *testing.T) {
	if os.Getenv(setsVar) == "" && os.Getenv(ratesVar) == "" {
		t.Skipf("measures only with %s=dir:dir or %s=count", setsVar, ratesVar)
	}
	zbar := testenv.NeedTool(t, "zbarimg", "zbar-tools")
	fmt.Printf("%-34s %8s %8s %8s %9s %9s\n", "pictures", "count", "ours", "zbarimg", "median", "slowest")
	var total, ours, theirs int
	line := func(name string, n, a, b int, times []time.Duration) {
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		var median, slowest time.Duration
		if len(times) > 0 {
			median, slowest = times[len(times)/2], times[len(times)-1]
		}
		fmt.Printf("%-34s %8d %8d %8d %9s %9s\n", name, n, a, b, median.Round(time.Millisecond),
			slowest.Round(time.Millisecond))
		total, ours, theirs = total+n, ours+a, theirs+b
	}
	if sets := os.Getenv(setsVar); sets != "" {
		for _, dir := range filepath.SplitList(sets) {
			measureSet(t, zbar, dir, line)
		}
	}
	if n, _ := strconv.Atoi(os.Getenv(ratesVar)); n > 0 {
		measureScenes(t, zbar, n, line)
	}
	line("all", total, ours, theirs, nil)
}

// measureSet reads a folder in the manner of zxing's black-box tests: pictures
// with the expected text beside them where it is known.
func measureSet(t *testing.T, zbar, dir string, line func(string, int, int, int, []time.Duration)) {
	var n, ours, theirs int
	var times []time.Duration
	var missed []string
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) == 0 {
		t.Errorf("no files in %s", dir)
	}
	for _, f := range files {
		switch strings.ToLower(filepath.Ext(f)) {
		case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff":
		default:
			continue
		}
		n++
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := os.ReadFile(strings.TrimSuffix(f, filepath.Ext(f)) + ".txt")
		start := time.Now()
		texts := textsIn(data)
		times = append(times, time.Since(start))
		good := false
		for _, c := range texts {
			good = good || wantErr != nil || plainText(c) == plainText(string(want))
		}
		if len(texts) > 0 && !good {
			t.Logf("%s: read %q, want %q", f, texts[0], want)
		}
		// zbarimg's text may be in another encoding: whatever it reads counts.
		out, _ := exec.Command(zbar, "-q", "--raw", "-Sdisable", "-Sqrcode.enable", f).Output()
		z := len(bytes.TrimSpace(out)) > 0
		if good {
			ours++
		} else {
			missed = append(missed, filepath.Base(f)+map[bool]string{true: "(zbarimg reads it)"}[z])
		}
		if z {
			theirs++
		}
	}
	line(filepath.Join(filepath.Base(filepath.Dir(dir)), filepath.Base(dir)), n, ours, theirs, times)
	if len(missed) > 0 {
		t.Logf("%s: not read: %s", dir, strings.Join(missed, " "))
	}
}

// textsIn gives what is read from a picture; a miss is counted, not told.
func textsIn(data []byte) []string {
	img, err := decodePicture(context.Background(), data, nil)
	if err != nil {
		return nil
	}
	texts, _ := search(context.Background(), img, func(string) bool { return true })
	return texts
}

func plainText(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\x00", "").Replace(s))
}

func measureScenes(t *testing.T, zbar string, count int, line func(string, int, int, int, []time.Duration)) {
	dir := t.TempDir()
	only := os.Getenv(onlyVar)
	for _, s := range scenes() {
		if !strings.Contains(s.name, only) {
			continue
		}
		var ours, theirs int
		var times []time.Duration
		var missed []string
		for seed := range uint64(count) {
			p := samplePayload(1+int(seed%2), seeded(seed))
			var b bytes.Buffer
			if err := jpeg.Encode(&b, s.make(seed, p), &jpeg.Options{Quality: 80}); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "scene.jpg")
			if keep := os.Getenv(keepVar); keep != "" {
				file = filepath.Join(keep, fmt.Sprintf("%s %d.jpg", s.name, seed))
			}
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			got, err := FindPayload(t.Context(), bytes.NewReader(b.Bytes()), now, nil)
			times = append(times, time.Since(start))
			if err == nil && got == p {
				ours++
			} else {
				missed = append(missed, strconv.FormatUint(seed, 10))
			}
			out, _ := exec.Command(zbar, "-q", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
			for _, text := range strings.Split(string(out), "\n") {
				if got, err := ParsePayload(text); err == nil && got == p {
					theirs++
					break
				}
			}
		}
		line(s.name, count, ours, theirs, times)
		if len(missed) > 0 {
			t.Logf("%s: not read: seeds %s", s.name, strings.Join(missed, " "))
		}
	}
}
