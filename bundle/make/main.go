// Command make checks and packs HealthSync.app; bundle.mk calls it.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"healthsync/bundle"
	"healthsync/bundle/licenses"
)

const usage = `usage: go run ./bundle/make COMMAND

  check APP FLAG      read an app back; FLAG is one that its code must be built with
  zip APP OUT SECONDS pack the app, with this time (Unix) on every entry; prints its SHA-256
  sum FILE            print the SHA-256 of a file
  third-party GO      write THIRD_PARTY.md anew
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // main alone exits, and this is one
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New(usage)
	}
	switch command, args := args[0], args[1:]; {
	case command == "check" && len(args) == 2:
		return bundle.Check(args[0], args[1])
	case command == "zip" && len(args) == 3:
		seconds, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return err
		}
		sum, err := bundle.Zip(args[0], args[1], time.Unix(seconds, 0))
		if err == nil {
			fmt.Printf("%s  %s\n", sum, args[1])
		}
		return err
	case command == "sum":
		sum, err := bundle.Sum(args[0])
		if err == nil {
			fmt.Println(sum)
		}
		return err
	case command == "third-party":
		text, err := licenses.Generate(args[0], ".")
		if err != nil {
			return err
		}
		return os.WriteFile("THIRD_PARTY.md", text, 0o644)
	}
	return errors.New(usage)
}
