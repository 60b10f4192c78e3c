package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"healthsync/app/problem"
)

const statusNeedsYes = problem.NeedsYes

func declined() error { return problem.New(problem.Declined, "", nil) }

// jsonWanted reports --json.
func jsonWanted(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	return err == nil && on
}

// printable makes text from another device safe for a terminal: no control
// characters (which could move the cursor or recolour the screen), no marks
// that turn the direction of writing around, 100 characters at most.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 100 {
		s = string(r[:99]) + "…"
	}
	return s
}

// plural writes a number with its noun: 1 sample, 1,204 samples.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(n) + " " + noun + "s"
}

// seconds writes how long something took: never 0.0 s.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%.1f s", max(d, 100*time.Millisecond).Seconds())
}
