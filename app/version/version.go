// Package version says which build this is.
package version

import (
	"runtime"
	"runtime/debug"
)

// Version is stamped by the build from git (the Makefile's -ldflags -X); a
// build without a stamp takes what the Go command recorded.
var Version = ""

// Info describes the build.
type Info struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Protocols are the versions of the iPhone app's protocol it speaks.
	Protocols []int `json:"protocols"`
}

// Get reads what is known of this build.
func Get() Info {
	i := Info{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Protocols: []int{1, 2}}
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, s := range bi.Settings {
			switch s.Key {
			case "vcs.revision":
				i.Revision = s.Value
			case "vcs.modified":
				i.Modified = s.Value == "true"
			}
		}
		if i.Version == "" && bi.Main.Version != "(devel)" {
			i.Version = bi.Main.Version
		}
	}
	if i.Version == "" {
		i.Version = "development"
	}
	return i
}
