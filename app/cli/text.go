package cli

import (
	"fmt"
	"time"

	"healthsync/app/problem"
	"healthsync/app/words"
)

func declined() error { return problem.New(problem.Declined, "", nil) }

// printable makes text from another device safe for a terminal.
func printable(s string) string { return words.Safe(s, 100) }

// deviceName is the iPhone's name fit for a terminal: it is anyone's text.
func deviceName(name string) string {
	if name == "" {
		return "the iPhone"
	}
	return printable(name)
}

// seconds writes how long something took: never 0.0 s.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%.1f s", max(d, 100*time.Millisecond).Seconds())
}
