// Command clocked is healthsync with a clock that a test can set: the file
// that CLOCK_FILE names has the seconds that it is ahead.
package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"healthsync/app/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := cli.OSEnv("")
	env.Now = func() time.Time {
		raw, _ := os.ReadFile(os.Getenv("CLOCK_FILE"))
		n, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
		return time.Now().Add(time.Duration(n) * time.Second)
	}
	code := cli.Main(ctx, env)
	stop()
	os.Exit(code)
}
