package menubar

import (
	"context"
	"sync"
	"time"
)

// settled is how long after the start everything is drawn once more: what is
// set while AppKit makes the status item may be lost.
const settled = 100 * time.Millisecond

// loop runs the event loop of a toolkit whose setters wait for it, and so hang
// for ever when it has ended: drawing ends first, then quit. run calls ready
// when the loop runs, and exit when the system ends it (at logout).
func loop(ctx context.Context, run func(ready, exit func()), quit, build func(), draw func(context.Context)) {
	drawing, stop := context.WithCancel(ctx)
	defer stop()
	var drawn sync.WaitGroup
	run(func() {
		build()
		drawn.Go(func() {
			select {
			case <-drawing.Done():
			case <-time.After(settled):
				draw(drawing)
			}
		})
		go func() {
			<-ctx.Done()
			drawn.Wait()
			quit()
		}()
	}, stop)
}
