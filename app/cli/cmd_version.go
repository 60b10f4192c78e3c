package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  healthsync version\n  healthsync version --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runVersion(env) },
	}
}

// buildInfo says which build this is.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Protocols are the versions of the iPhone app's protocol it speaks.
	Protocols []int `json:"protocols"`
}

// build reads what is known of this build. A build that was not stamped
// (main.version) has what the Go command recorded.
func (e *Env) build() buildInfo {
	b := buildInfo{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Protocols: []int{1, 2}}
	module := ""
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, s := range bi.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		if bi.Main.Version != "(devel)" {
			module = bi.Main.Version
		}
	}
	b.Version = cmp.Or(e.Version, module, "development")
	return b
}

// String is the line that `version` prints.
func (b buildInfo) String() string {
	changed := ""
	if b.Modified {
		changed = ", changed since its last commit"
	}
	return fmt.Sprintf("healthsync %s (%s, %s%s)", b.Version, b.Platform, b.Go, changed)
}

func runVersion(env *Env) error {
	b := env.build()
	if env.JSON {
		return env.printJSON(b)
	}
	env.printf("%s\nSpeaks protocol 1 and 2 of iOS Health Sync.\n", b)
	return nil
}
