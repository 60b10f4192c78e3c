// Command healthsync keeps an iPhone's health data on its owner's own computer.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"healthsync/app/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.OSEnv())
	stop()
	os.Exit(code)
}
