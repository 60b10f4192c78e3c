package menubar

import (
	"context"

	"fyne.io/systray"
)

// label and markup leave a text as it is: macOS reads nothing into one.
func label(s string) string  { return s }
func markup(s string) string { return s }

// picture is the icon in the form of this system.
func (t *Tray) picture(i Icon) ([]byte, error) { return i.Template() }

// notice is the picture beside a notification: macOS shows the app's own.
func (i Icon) notice() (any, error) { return "", nil }

func (t *Tray) setIcon(png []byte) { systray.SetTemplateIcon(png, png) }

// run shows the status item. systray.Quit does not call onExit on macOS, but a
// logout does (https://github.com/fyne-io/systray/issues/128).
func (t *Tray) run(ctx context.Context) error {
	build := func() { t.build(); t.redraw() }
	loop(ctx, systray.Run, systray.Quit, build, func(ctx context.Context) { t.forget(); t.draw(ctx) })
	return nil
}
