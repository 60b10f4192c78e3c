package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"healthsync/menubar/camera"
)

// Toolchain compiles for macOS: on a Mac with its own tools, elsewhere with
// clang and lld against an SDK.
type Toolchain struct {
	// SDK is the root of a macOS SDK (it holds usr and System), "" on a Mac.
	SDK string
	// Extra is a folder of further frameworks, for an SDK that lacks one.
	Extra string
	// Go is the go command.
	Go string
}

var archs = []string{"arm64", "amd64"}

// env is what the go command needs to compile for arch.
func (t Toolchain) env(arch string) ([]string, error) {
	env := append(os.Environ(), "CGO_ENABLED=1", "GOOS=darwin", "GOARCH="+arch)
	if t.SDK == "" {
		if runtime.GOOS != "darwin" {
			return nil, fmt.Errorf("bundle: on %s a macOS SDK is needed: make app SDKROOT=/path/to/MacOSX.sdk", runtime.GOOS)
		}
		return append(env, "MACOSX_DEPLOYMENT_TARGET="+MinimumMacOS), nil
	}
	for _, tool := range []string{"clang", "ld64.lld"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("bundle: %s is missing: apt-get install clang-19 lld-19, and put /usr/lib/llvm-19/bin into PATH", tool)
		}
	}
	_, target, err := t.sdkVersion()
	if err != nil {
		return nil, err
	}
	triple := map[string]string{"arm64": "arm64", "amd64": "x86_64"}[arch] + "-apple-macos" + target
	flags := " -target " + triple + " -isysroot " + t.SDK
	if t.Extra != "" {
		flags += " -F" + t.Extra
	}
	flags += " -F" + t.SDK + "/System/Library/Frameworks -fuse-ld=lld -Wno-everything"
	// Go's own "-O2 -g" would have it look for dsymutil. Who sets something else
	// has an SDK whose stubs lack a library (-lnetwork in that of macOS 12).
	ld := cmp.Or(os.Getenv("CGO_LDFLAGS"), "-O2")
	return append(env, "CC=clang"+flags, "CXX=clang++"+flags, "CGO_LDFLAGS="+ld), nil
}

// sdkVersion is the SDK's own version and the one to compile for: what the app
// wants, or the SDK's where that is older (newer functions are looked up by
// name at run time in any case).
func (t Toolchain) sdkVersion() (sdk, target string, err error) {
	raw, err := os.ReadFile(filepath.Join(t.SDK, "SDKSettings.json"))
	if err != nil {
		return "", "", fmt.Errorf("bundle: no macOS SDK: %w", err)
	}
	var s struct{ Version string }
	if err := json.Unmarshal(raw, &s); err != nil || s.Version == "" {
		return "", "", fmt.Errorf("bundle: %s: no version in SDKSettings.json", t.SDK)
	}
	var major, want int
	if _, err := fmt.Sscanf(s.Version, "%d.", &major); err != nil {
		return "", "", fmt.Errorf("bundle: SDK version %q", s.Version)
	}
	_, _ = fmt.Sscanf(MinimumMacOS, "%d.", &want)
	return s.Version, fmt.Sprint(min(major, want)), nil
}

// ldflags are the linker's: no symbols, the version, and the Info.plist inside
// of the program. macOS keeps a bare program off the local network without a
// word when it has none.
func (t Toolchain) ldflags(version, info string) (string, error) {
	ext := "-sectcreate __TEXT __info_plist '" + info + "'"
	if t.SDK != "" {
		sdk, _, err := t.sdkVersion()
		if err != nil {
			return "", err
		}
		ext += " -Wl,-platform_version,macos," + MinimumMacOS + "," + sdk
	}
	return fmt.Sprintf(`-s -w -X healthsync/app/version.Version=%s "-extldflags=%s"`, version, ext), nil
}

// build compiles the program for one architecture into out.
func (t Toolchain) build(arch, version, info, out string) error {
	env, err := t.env(arch)
	if err != nil {
		return err
	}
	ld, err := t.ldflags(version, info)
	if err != nil {
		return err
	}
	cmd := exec.Command(t.Go, "build", "-trimpath", camera.SoundFlag, "-ldflags="+ld, "-o", out, "./app/healthsync")
	cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("bundle: go build for %s: %w", arch, err)
	}
	return nil
}

var protocol = regexp.MustCompile(`@protocol\(([A-Za-z0-9_]*)\)`)

// StandIn writes an AVFoundation of protocol names alone into dir, for an SDK
// that lacks it (Apple's licence keeps complete ones from being passed on). It
// is enough to link: darwinkit sends messages by name. No release is made so.
func (t Toolchain) StandIn(dir, darwinkit string) error {
	src, err := os.ReadFile(filepath.Join(darwinkit, "macos/avfoundation/protocols.gen.m"))
	if err != nil {
		return err
	}
	h := "#pragma once\n#import <Foundation/Foundation.h>\n"
	for _, m := range protocol.FindAllStringSubmatch(string(src), -1) {
		h += "@protocol " + m[1] + " <NSObject>\n@end\n"
	}
	const all = "[ x86_64-macos, arm64-macos, arm64e-macos ]"
	tbd := "--- !tapi-tbd\ntbd-version: 4\ntargets: " + all + "\ninstall-name: /System/Library/Frameworks/AVFoundation.framework/Versions/A/AVFoundation\n" +
		"current-version: 2\nexports:\n  - targets: " + all + "\n    symbols: []\n...\n"
	fw := filepath.Join(dir, "AVFoundation.framework")
	if err := os.MkdirAll(filepath.Join(fw, "Headers"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fw, "Headers/AVFoundation.h"), []byte(h), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(fw, "AVFoundation.tbd"), []byte(tbd), 0o644)
}

// Complete reports whether the SDK has every framework that the program links.
func (t Toolchain) Complete() bool {
	if t.SDK == "" {
		return true
	}
	_, err := os.Stat(filepath.Join(t.SDK, "System/Library/Frameworks/AVFoundation.framework"))
	return err == nil
}

// moduleDir is where a module's source lies.
func (t Toolchain) moduleDir(path string) (string, error) {
	out, err := exec.Command(t.Go, "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		return "", fmt.Errorf("bundle: go list -m %s: %w", path, err)
	}
	return strings.TrimSpace(string(out)), nil
}
