package bundle_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"healthsync/sync/testenv"
)

type macName struct{ name, what, header, usedIn string }

var nameRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) " +
	"\\| (https://developer\\.apple\\.com/documentation/[^ |]+) \\|$")

// The list of docs/mac-names.md.
func macNames(t *testing.T) []macName {
	t.Helper()
	var out []macName
	for _, m := range nameRow.FindAllStringSubmatch(read(t, "../docs/mac-names.md"), -1) {
		out = append(out, macName{m[1], m[2], m[3], m[4]})
	}
	if len(out) < 70 {
		t.Fatalf("%d rows were read", len(out))
	}
	return out
}

// Our files that name things in strings, by their base names.
var nameFiles = []string{
	"../menubar/camera/window_darwin.go", "../menubar/camera/window_darwin.m", "../menubar/login/login_darwin.go",
	"../app/clipboard/pasteboard.go", "../app/agent/wake/native_darwin.m",
}

func darwinkitDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/progrium/darwinkit").Output()
	if err != nil || len(out) < 2 {
		testenv.Missing(t, "darwinkit's source is not in the module cache; get it with: go mod download")
	}
	return strings.TrimSpace(string(out))
}

// messages maps the Go names of darwinkit's methods to the selectors that they
// send.
func messages(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	method := regexp.MustCompile(`(?m)^func (?:\([^)]*\) )?([A-Z]\w*)\([^\n]*\n(?:[^\n}]*\n)*?[^\n]*objc\.Sel\("([^"]+)"\)`)
	for _, pkg := range []string{"avfoundation", "appkit", "quartzcore", "foundation"} {
		err := fs.WalkDir(os.DirFS(filepath.Join(dir, "macos", pkg)), ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".gen.go") {
				return err
			}
			for _, m := range method.FindAllStringSubmatch(read(t, filepath.Join(dir, "macos", pkg, path)), -1) {
				if !slices.Contains(out[m[1]], m[2]) {
					out[m[1]] = append(out[m[1]], m[2])
				}
			}
			return nil
		})
		must(t, err)
	}
	// Convenience functions that call the above.
	out["NewWindowWithSizeAndStyle"] = []string{"initWithContentRect:styleMask:backing:defer:"}
	out["NewViewWithFrame"] = []string{"initWithFrame:"}
	out["TextField_WrappingLabelWithString"] = []string{"wrappingLabelWithString:"}
	out["Application_SharedApplication"] = []string{"sharedApplication"}
	out["Color_BlackColor"], out["Color_WhiteColor"] = []string{"blackColor"}, []string{"whiteColor"}
	for _, n := range []string{"NewLayer", "NewCaptureSession", "NewCaptureVideoDataOutput"} {
		out[n] = []string{"new"}
	}
	out["ActivateIgnoringOtherApps"] = []string{"activateIgnoringOtherApps:"} // appkit_custom.go
	out["Retain"] = []string{"retain"}
	return out
}

var (
	inString  = regexp.MustCompile(`(?:objc\.Sel\(|(?:yes|send)\([\w.()]+, )"([^"]+)"`)
	goCall    = regexp.MustCompile(`(?:\.|\b)([A-Z]\w+)\(|session\.(StartRunning)\)`)
	byClass   = regexp.MustCompile(`NSClassFromString\(@"(\w+)"\)`)
	valueName = regexp.MustCompile(`@?"(AV[A-Z]\w+|vide|AXImage|public\.\w+|State:/[\w/]+)"`)
	declared  = regexp.MustCompile(`(?s)@interface NSObject \(HS\w+\)[^\n]*\n(.*?)@end`)
	message   = regexp.MustCompile(`(?m)^[-+] \([^)]*\)(\w+:?)`)
)

// Nothing is used that is not listed; nothing is listed that is not used.
func TestMacNamesAreListed(t *testing.T) {
	rows, sent := macNames(t), messages(t, darwinkitDir(t))
	used := map[string]string{}
	for _, file := range nameFiles {
		src := read(t, file)
		base := filepath.Base(file)
		add := func(name string) { used[name] += base + " " }
		for _, m := range inString.FindAllStringSubmatch(src, -1) {
			add(m[1])
		}
		for _, m := range append(byClass.FindAllStringSubmatch(src, -1), valueName.FindAllStringSubmatch(src, -1)...) {
			add(m[1])
		}
		for _, block := range declared.FindAllStringSubmatch(src, -1) {
			for _, m := range message.FindAllStringSubmatch(block[1], -1) {
				add(m[1]) // the first part of the selector
			}
		}
		if strings.Contains(src, "didOutputSampleBuffer:") {
			add("captureOutput:didOutputSampleBuffer:fromConnection:")
		}
		if !strings.HasSuffix(file, ".go") || !strings.Contains(src, "darwinkit") {
			continue
		}
		for _, m := range goCall.FindAllStringSubmatch(src, -1) {
			name := m[1] + m[2]
			selectors := sent[name]
			if len(selectors) == 0 || name == "Stop" || name == "Value" {
				continue // not a message: Go's own, time.Timer.Stop and cgo.Handle.Value
			}
			i := slices.IndexFunc(selectors, func(s string) bool {
				return slices.ContainsFunc(rows, func(r macName) bool { return r.name == s })
			})
			if i < 0 {
				t.Errorf("%s calls %s, which sends %v: not listed", base, name, selectors)
				continue
			}
			add(selectors[i])
		}
	}
	for _, r := range rows {
		first, _, _ := strings.Cut(r.name, ":")
		if where := used[r.name] + used[first] + used[first+":"]; !strings.Contains(where, r.usedIn) {
			t.Errorf("%s is listed for %s and used in %q", r.name, r.usedIn, where)
		}
	}
	for name, where := range used {
		if !slices.ContainsFunc(rows, func(r macName) bool {
			return r.name == name || strings.HasPrefix(r.name, name) && strings.HasSuffix(name, ":")
		}) {
			t.Errorf("%s is used in %s and not listed", name, where)
		}
	}
}

// The numbers of AVError.h, as darwinkit's generator read them there.
func TestErrorNumbers(t *testing.T) {
	enums := read(t, filepath.Join(darwinkitDir(t), "macos/avfoundation/enumtypes.gen.go"))
	ours := read(t, "../menubar/camera/averror.go")
	n := 0
	for _, m := range regexp.MustCompile(`\bav(\w+)\s+= (-118\d\d)`).FindAllStringSubmatch(ours, -1) {
		if !regexp.MustCompile(`Error` + m[1] + `\w*\s+Error = ` + m[2] + `\b`).MatchString(enums) {
			t.Errorf("%s is not %s", m[1], m[2])
		}
		n++
	}
	if n != 7 {
		t.Errorf("%d numbers were compared", n)
	}
}

// SDKROOT names a macOS SDK: every listed name is in the header that is said
// to declare it.
func TestMacNamesAreInTheSDK(t *testing.T) {
	sdk := os.Getenv("SDKROOT")
	if sdk == "" {
		t.Skip("no SDK to look into: SDKROOT=/path/to/MacOSX.sdk")
	}
	looked, missing := 0, map[string]int{}
	for _, r := range macNames(t) {
		path := filepath.Join(sdk, r.header)
		if !strings.HasPrefix(r.header, "/") {
			framework, file, _ := strings.Cut(r.header, "/")
			path = filepath.Join(sdk, "System/Library/Frameworks", framework+".framework", "Headers", file)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			missing[r.header]++
			continue
		}
		looked++
		if !inHeader(string(text), r) {
			t.Errorf("%s declares no %s", r.header, r.name)
		}
	}
	t.Logf("%d names found in headers; not in this SDK: %v", looked, missing)
	if looked < 40 {
		t.Errorf("only %d names could be looked up", looked)
	}
	if inHeader("- (void)close;\n@property BOOL open;", macName{name: "setClose:"}) ||
		inHeader("NSString *AVFoo;", macName{name: "AVFo"}) {
		t.Error("the look-up finds what is not there")
	}
}

func inHeader(text string, r macName) bool {
	has := func(re string) bool { return regexp.MustCompile(re).MatchString(text) }
	// A constant that is written as its value: the header has its name.
	switch {
	case strings.HasPrefix(r.name, "State:/"):
		return has(`kSCDynamicStoreDomainState`) && has(`kSCEntNet`+r.name[strings.LastIndex(r.name, "/")+1:]+`\b`)
	case strings.ContainsAny(r.name, ".") || r.name == "AXImage" || r.name == "vide":
		return has(`\b` + r.what + `\b`)
	}
	parts := strings.Split(strings.TrimSuffix(r.name, ":"), ":")
	whole := true
	for i, p := range parts {
		colon := ""
		if strings.Contains(r.name, ":") {
			colon = `\s*:`
		}
		before := `[)\s]`
		if i == 0 {
			before = `[)\s*]`
		}
		whole = whole && has(before+regexp.QuoteMeta(p)+colon+`(?:\W|$)`)
	}
	if whole {
		return true
	}
	// The setter or getter of a property.
	property := strings.TrimSuffix(r.name, ":")
	if rest, ok := strings.CutPrefix(property, "set"); ok && rest != "" && strings.HasSuffix(r.name, ":") {
		property = strings.ToLower(rest[:1]) + rest[1:]
	}
	if rest, ok := strings.CutPrefix(property, "is"); ok && has(`getter\s*=\s*`+property) {
		property = strings.ToLower(rest[:1]) + rest[1:]
	}
	return has(`@property[^;]*[\s*]` + property + `\b[^;]*;`)
}
