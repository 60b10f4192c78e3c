package cli

import (
	"strings"

	"healthsync/menubar/login"
)

// launchArgs gives the arguments of a start. The Finder and the login items
// start the program inside HealthSync.app without any, and mean the menu-bar
// app; a person who types its name means the help. They start it by its full
// path and without a terminal, unlike the link that a shell finds.
func launchArgs(argv []string, terminal bool) []string {
	if len(argv) == 0 {
		return nil
	}
	args := argv[1:]
	if len(args) > 0 && strings.HasPrefix(args[0], "-psn_") { // a process serial number, from older Finders
		args = args[1:]
	}
	if len(args) == 0 && !terminal && login.InBundle(argv[0]) {
		return []string{"menubar"}
	}
	return args
}
