// Command make builds, packs and checks HealthSync.app; bundle.mk calls it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"healthsync/bundle"
	"healthsync/bundle/icon"
	"healthsync/bundle/licenses"
)

const usage = `usage: go run ./bundle/make COMMAND [flags]

  app          build HealthSync.app and check it
  info         write the stamped Info.plist, for a bare program
  check APP    read an app back
  zip          pack the app; prints its SHA-256
  cask         write the Homebrew cask of a zip into a tap
  icon FILE    draw the icon as PNG, 1024 pixels
  third-party  write THIRD_PARTY.md anew
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // main alone exits, and this is one
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var (
		a     bundle.App
		c     bundle.Cask
		stamp = f.Int64("time", 0, "seconds since 1970 to stamp the archive with")
		out   = f.String("out", "", "the archive")
		tap   = f.String("tap", "", "the folder of the tap")
	)
	f.StringVar(&a.Toolchain.SDK, "sdk", "", "root of a macOS SDK, where this is no Mac")
	f.StringVar(&a.Toolchain.Extra, "sdk-extra", "", "folder of frameworks that the SDK lacks")
	f.StringVar(&a.Toolchain.Go, "go", "go", "the go command")
	f.StringVar(&a.Describe, "describe", "development", "git describe --tags")
	f.StringVar(&a.Build, "build", "0", "a number that grows")
	f.StringVar(&a.Dir, "dir", ".build", "where it is made")
	f.StringVar(&c.Archive, "url", "", "where the archive will be, with #{version} for its version")
	f.StringVar(&c.Homepage, "homepage", "", "the project's page")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "app":
		return a.Make()
	case "info":
		_, err := a.Info()
		return err
	case "check":
		return bundle.Check(f.Arg(0))
	case "zip":
		sum, err := bundle.Zip(a.Path(), *out, time.Unix(*stamp, 0))
		if err == nil {
			fmt.Printf("%s  %s\n", sum, *out)
		}
		return err
	case "cask":
		c.Version = bundle.Release(a.Describe)
		sum, err := bundle.Sum(*out)
		if err != nil {
			return err
		}
		c.SHA256 = sum
		return c.Tap(*tap)
	case "icon":
		var b bytes.Buffer
		if err := png.Encode(&b, icon.Draw(1024)); err != nil {
			return err
		}
		return os.WriteFile(f.Arg(0), b.Bytes(), 0o644)
	case "third-party":
		text, err := licenses.Generate(a.Toolchain.Go, ".")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Clean("THIRD_PARTY.md"), text, 0o644)
	}
	return errors.New(usage)
}
