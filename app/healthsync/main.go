// Command healthsync keeps an iPhone's health data on its owner's own computer.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"healthsync/app/cli"
)

// version is stamped by the build from git (the Makefile's -ldflags -X).
var version string

func main() {
	// zeroconf writes to the standard logger where an address family is missing,
	// in the middle of what a command prints. What matters comes as an error.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.OSEnv(version))
	stop()
	os.Exit(code)
}
