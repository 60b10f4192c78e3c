package pairingcode

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// setsVar names folders of pictures (separated by colons) in the manner of
// zxing's black-box tests, with the expected text beside a picture where it is
// known; ratesVar, how often each scene is made. With either, TestRates prints
// how many are read beside zbarimg on the same files; docs/qr-reading.md keeps
// the figures. onlyVar picks scenes by a part of their name.
const (
	setsVar  = "HEALTHSYNC_QR_SETS"
	ratesVar = "HEALTHSYNC_QR_SCENES"
	onlyVar  = "HEALTHSYNC_QR_ONLY"
)

func TestRates(t *testing.T) {
	if os.Getenv(setsVar) == "" && os.Getenv(ratesVar) == "" {
		t.Skipf("measures only with %s=dir:dir or %s=count", setsVar, ratesVar)
	}
	m := rates{t: t, zbar: testenv.NeedTool(t, "zbarimg", "zbar-tools")}
	fmt.Printf("%-34s %8s %8s %8s %9s %9s\n", "pictures", "count", "ours", "zbarimg", "median", "slowest")
	m.foreign = true
	for _, dir := range filepath.SplitList(os.Getenv(setsVar)) {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			switch strings.ToLower(filepath.Ext(f)) {
			case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff":
				want, err := os.ReadFile(strings.TrimSuffix(f, filepath.Ext(f)) + ".txt")
				m.measure(f, filepath.Base(f), func(text string) bool { return err != nil || bare(text) == bare(string(want)) })
			}
		}
		m.line(filepath.Join(filepath.Base(filepath.Dir(dir)), filepath.Base(dir)))
	}
	m.foreign = false
	count, _ := strconv.ParseUint(os.Getenv(ratesVar), 10, 32)
	file := filepath.Join(t.TempDir(), "scene.jpg")
	for _, s := range scenes() {
		for seed := range count {
			if !strings.Contains(s.name, os.Getenv(onlyVar)) {
				break
			}
			p := samplePayload(1+int(seed%2), seeded(seed))
			var b bytes.Buffer
			if err := jpeg.Encode(&b, s.picture(seed, p), &jpeg.Options{Quality: 80}); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			m.measure(file, fmt.Sprintf("%s, seed %d", s.name, seed), func(text string) bool {
				got, err := ParsePayload(text)
				return err == nil && got == p
			})
		}
		m.line(s.name)
	}
	m.tally = m.total
	m.line("all")
}

func bare(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\x00", "").Replace(s))
}

type tally struct{ n, ours, theirs int }

type rates struct {
	t       *testing.T
	zbar    string
	foreign bool // the pictures are of other codes than ours
	times   []time.Duration
	tally   // since the last line
	total   tally
}

// measure reads a picture with both readers.
func (m *rates) measure(file, name string, good func(text string) bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	start := time.Now()
	var texts []string
	if img, err := decodePicture(m.t.Context(), data, nil); err == nil {
		texts, _ = search(m.t.Context(), img, good)
	}
	m.times = append(m.times, time.Since(start))
	m.n++
	if slices.ContainsFunc(texts, good) {
		m.ours++
	} else {
		m.t.Logf("%s: not read, but %q", name, texts)
	}
	out, _ := exec.Command(m.zbar, "-q", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	// zbarimg's text may be in another encoding: of a foreign code whatever it
	// reads counts.
	if m.foreign && len(bytes.TrimSpace(out)) > 0 || slices.ContainsFunc(strings.Split(string(out), "\n"), good) {
		m.theirs++
	}
}

// line prints what was measured since the last one.
func (m *rates) line(name string) {
	if m.n == 0 {
		return
	}
	var median, slowest time.Duration
	if slices.Sort(m.times); len(m.times) > 0 {
		median, slowest = m.times[len(m.times)/2], m.times[len(m.times)-1]
	}
	fmt.Printf("%-34s %8d %8d %8d %9s %9s\n", name, m.n, m.ours, m.theirs,
		median.Round(time.Millisecond), slowest.Round(time.Millisecond))
	m.total = tally{m.total.n + m.n, m.total.ours + m.ours, m.total.theirs + m.theirs}
	m.tally, m.times = tally{}, nil
}
