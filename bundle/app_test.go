package bundle_test

import (
	"archive/zip"
	"bytes"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/bundle"
	"healthsync/menubar/camera"
)

// universal puts two programs into one file, as lipo does: a header of
// big-endian numbers, and the programs on pages of their own (mach-o/fat.h).
func universal(programs map[macho.Cpu][]byte) []byte {
	const page = 1 << 14
	head := []any{macho.MagicFat, uint32(len(programs))}
	var body []byte
	for cpu, p := range programs {
		body = append(body, make([]byte, -len(body)&(page-1))...)
		head = append(head, macho.FatArchHeader{Cpu: cpu, Offset: uint32(page + len(body)), Size: uint32(len(p)), Align: 14})
		body = append(body, p...)
	}
	var out bytes.Buffer
	for _, v := range head {
		_ = binary.Write(&out, binary.BigEndian, v)
	}
	return append(append(out.Bytes(), make([]byte, page-out.Len())...), body...)
}

// hello is a real macOS program by Go alone, so without much of what ours has.
func hello(t *testing.T, arch string, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "main.go"), filepath.Join(dir, "hello")
	must(t, os.WriteFile(source, []byte("package main\n\nfunc main() { println(1) }\n"), 0o600))
	cmd := exec.Command("go", append(append([]string{"build", "-o", out}, flags...), source)...)
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	return []byte(read(t, out))
}

// layApp makes an app of a program and everything that belongs beside it.
func layApp(t *testing.T, program []byte) string {
	t.Helper()
	app := filepath.Join(t.TempDir(), "HealthSync.app")
	for name, data := range map[string][]byte{
		"MacOS/HealthSync": program, "Info.plist": []byte(read(t, "../Info.plist")),
		"Resources/AppIcon.icns": []byte(read(t, "AppIcon.icns")), "Resources/LICENSE": []byte(read(t, "../LICENSE")),
		"Resources/THIRD_PARTY.md": []byte(read(t, "../THIRD_PARTY.md")),
	} {
		path := filepath.Join(app, "Contents", name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, data, 0o755)) //nolint:gosec // a program
	}
	return app
}

// What Check is there for, on programs that have it.
func TestCheckFindsFaults(t *testing.T) {
	arm, intel := hello(t, "arm64", "-trimpath"), hello(t, "amd64", "-trimpath", camera.SoundFlag)
	check := func(program []byte) error { return bundle.Check(layApp(t, program), camera.SoundFlag) }
	err := check(universal(map[macho.Cpu][]byte{macho.CpuArm64: arm, macho.CpuAmd64: intel}))
	for _, want := range []string{
		"CpuArm64: it does not carry this Info.plist", "CpuArm64: it was built without " + camera.SoundFlag,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not found: %s in %v", want, err)
		}
	}
	if err == nil || strings.Contains(err.Error(), "CpuAmd64: it was built without") {
		t.Errorf("built with the flag: %v", err)
	}
	half := universal(map[macho.Cpu][]byte{macho.CpuArm64: arm})
	err = check(half)
	if err == nil || !strings.Contains(err.Error(), "holds nothing for CpuAmd64") {
		t.Errorf("half of it: %v", err)
	}
	for name, program := range map[string][]byte{
		"not universal": arm, "a script": []byte("#!/bin/sh\n"), "cut": half[:1<<15],
	} {
		if check(program) == nil {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
}

// HEALTHSYNC_APP names an app that `make app` has made: nothing is wrong with
// it, and something is with every change.
func TestApp(t *testing.T) {
	app := os.Getenv("HEALTHSYNC_APP")
	if app == "" {
		t.Skip("no app to look at: make app SDKROOT=..., then HEALTHSYNC_APP=$PWD/.build/HealthSync.app")
	}
	must(t, bundle.Check(app, camera.SoundFlag))
	for name, change := range map[string]func(contents string) error{
		"no icon":  func(d string) error { return os.Remove(filepath.Join(d, "Resources/AppIcon.icns")) },
		"no plist": func(d string) error { return os.Remove(filepath.Join(d, "Info.plist")) },
		"another plist": func(d string) error {
			return os.WriteFile(filepath.Join(d, "Info.plist"), []byte("<plist/>"), 0o600)
		},
		"no program": func(d string) error { return os.Chmod(filepath.Join(d, "MacOS/HealthSync"), 0o600) },
		"another program": func(d string) error {
			return os.WriteFile(filepath.Join(d, "MacOS/HealthSync"), hello(t, "arm64"), 0o755)
		}, //nolint:gosec // a program
	} {
		copied := filepath.Join(t.TempDir(), "HealthSync.app")
		must(t, os.CopyFS(copied, os.DirFS(app)))
		must(t, change(filepath.Join(copied, "Contents")))
		if bundle.Check(copied, camera.SoundFlag) == nil {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
}

// The macOS targets with tools that print what they are given: what the shell
// makes of the quotes, no Mac is needed to see.
func TestDarwinTargets(t *testing.T) {
	tools, dir := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nexec >>'" + dir + "'/$(basename \"$0\").log\nfor a; do printf '[%s]' \"$a\"; done\necho\n"
	for _, tool := range []string{"fakego", "codesign"} {
		if err := os.WriteFile(filepath.Join(tools, tool), []byte(script), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	if out, err := runMake(t, dir, "build", "GOOS=darwin", "VERSION=v1.2.3", "GO=fakego"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wd, err := filepath.Abs("..")
	must(t, err)
	log := read(t, filepath.Join(dir, "fakego.log"))
	last := log[strings.LastIndex(strings.TrimSpace(log), "\n")+1:]
	want := fmt.Sprintf("[build][-trimpath][%s][-ldflags=-s -w -X main.version=v1.2.3 "+
		"\"-extldflags=-sectcreate __TEXT __info_plist '%s/%s/Info.plist'\"]"+
		"[-o][%s/healthsync][./app/healthsync]", camera.SoundFlag, wd, dir, dir)
	if strings.TrimSpace(last) != want {
		t.Errorf("go is given\n%s\nwant\n%s", last, want)
	}
	signed := "[--force][--sign][-][--identifier][org.mvneves.healthsync.mac][" + dir + "/healthsync]\n"
	if got := read(t, filepath.Join(dir, "codesign.log")); got != signed {
		t.Errorf("codesign is given %s", got)
	}
}

func TestZip(t *testing.T) {
	app, at := layApp(t, []byte("a program")), time.Unix(1_800_000_000, 0)
	out := filepath.Join(t.TempDir(), "a.zip")
	first, err := bundle.Zip(app, out, at)
	must(t, err)
	if sum, err := bundle.Sum(out); err != nil || sum != first {
		t.Errorf("%s, %v, want %s", sum, err, first)
	}
	r, err := zip.OpenReader(out)
	must(t, err)
	defer r.Close()
	if st, err := fs.Stat(r, "HealthSync.app/Contents/MacOS/HealthSync"); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("the program in the archive: %v, %v", st, err)
	}
	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(filepath.Join(app, "Contents/Info.plist"), later, later))
	if second, err := bundle.Zip(app, out, at); err != nil || second != first {
		t.Errorf("the same content gives %s and %s (%v)", first, second, err)
	}
}
