package camera

import (
	"runtime/debug"
	"slices"
	"strings"
)

// SoundFlag is the build flag without which darwinkit v0.5.0 corrupts memory
// on Go 1.25 and later.
//
// darwinkit hands libffi pointers to argument lists as integers, so the
// compiler believes that they do not outlive the call and, since Go 1.25, puts
// small ones on the stack (https://github.com/progrium/darwinkit/issues/286;
// stackfault_test.go reproduces it and its cure). It must hold for all
// packages, because darwinkit's generic functions are compiled into ours.
const SoundFlag = "-gcflags=all=-d=variablemakethreshold=0"

// builtForDarwinkit reports whether a program with this build information may
// use darwinkit. Without optimisation (-N, a debugger's build) nothing of
// variable size is put on the stack either.
func builtForDarwinkit(info *debug.BuildInfo) bool {
	for _, s := range info.Settings {
		// The last pattern that matches a package wins (go help build), so
		// several -gcflags make it hard to tell: only the plain form counts.
		if s.Key != "-gcflags" {
			continue
		}
		flags, all := strings.CutPrefix(s.Value, "all=")
		if !all {
			return false
		}
		words := strings.Fields(flags)
		return slices.Contains(words, "-N") || slices.ContainsFunc(words, func(w string) bool {
			list, ok := strings.CutPrefix(w, "-d=")
			return ok && slices.Contains(strings.Split(list, ","), "variablemakethreshold=0")
		})
	}
	return false
}

// Available reports whether this program has a camera window: nil, or an
// [*UnavailableError]. It does not ask whether there is a camera.
func Available() error {
	if err := platform(); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || !builtForDarwinkit(info) {
		return &UnavailableError{Unsound: true}
	}
	return nil
}
