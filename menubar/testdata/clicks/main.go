// Command clicks shows a menu and prints every action that is clicked. A line
// on its standard input changes the State.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/menubar"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	var s atomic.Pointer[state.State]
	s.Store(&state.State{At: time.Now(), Link: state.LinkConnected, Paired: true, Device: "Ana_s <i>Phone</i> & co"})
	changed := make(chan struct{}, 1)
	go func() {
		defer cancel()
		for sc := bufio.NewScanner(os.Stdin); sc.Scan(); {
			n := *s.Load()
			n.Device = sc.Text()
			n.Sync = nil
			if sc.Text() == "syncing" {
				n.Sync = &state.Progress{}
			}
			s.Store(&n)
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	actions := make(chan problem.Action, 10000)
	go func() {
		for a := range actions {
			fmt.Println(a.Name, a.Arg)
		}
	}()
	_ = menubar.New(menubar.Source{
		State: func() state.State { return *s.Load() }, Changed: changed, Now: time.Now, Opened: func() {},
		Do: func(a problem.Action) { actions <- a }, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}).Run(ctx)
}
