package menubar

import (
	"context"
	"sync"
	"time"

	"fyne.io/systray"
)

// label is the text as it is: AppKit reads nothing into a title.
func label(s string) string { return s }

// picture is the icon in the form of this system.
func (t *Tray) picture(i Icon) ([]byte, error) { return i.Template() }

func (t *Tray) setIcon(png []byte) { systray.SetTemplateIcon(png, png) }

// settled is how long after the start the icon is set once more: what is set
// while AppKit makes the status item may be lost.
const settled = 100 * time.Millisecond

// run shows the status item. Setters called after the loop has ended hang for
// ever (performSelectorOnMainThread:waitUntilDone:), so drawing ends first.
func (t *Tray) run(ctx context.Context) error {
	drawing, stop := context.WithCancel(ctx)
	defer stop()
	var drawn sync.WaitGroup
	ready := func() {
		t.build()
		t.redraw()
		drawn.Go(func() {
			select {
			case <-drawing.Done():
				return
			case <-time.After(settled):
			}
			t.forget()
			t.draw(drawing)
		})
		go func() {
			<-ctx.Done()
			drawn.Wait()
			systray.Quit()
		}()
	}
	// systray.Quit does not call onExit on macOS, but a logout does
	// (https://github.com/fyne-io/systray/issues/128); ours is after Run.
	systray.Run(ready, stop)
	return nil
}
