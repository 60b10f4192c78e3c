package menubar

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/gen2brain/beeep"

	"healthsync/app/agent/notify"
	"healthsync/menubar/center"
)

// Notifier shows notifications by what the system has for it: the notification
// centre inside HealthSync.app, the desktop's own means elsewhere.
type Notifier struct {
	show      func(ctx context.Context, key, title, body string) error // the centre's, nil where there is none
	otherwise func(notify.Notice) error
}

// NewNotifier prepares notifications under our own name. clicked gets the
// key of one that was clicked, where the system tells. It is to be called
// before the icon is there: on macOS a click may be what starts the app.
func NewNotifier(clicked func(key string)) *Notifier {
	beeep.AppName = "HealthSync" // the library has no other way
	n := &Notifier{otherwise: byBeeep}
	if c, err := center.Open(clicked); err == nil {
		n.show = c.Show
	}
	return n
}

// patience is how long the notification centre may take.
const patience = 10 * time.Second

// Notify shows one. It may wait for the system; an error means that it was not
// shown.
func (n *Notifier) Notify(x notify.Notice) error {
	if n.show == nil {
		return n.otherwise(x)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch err := n.show(ctx, x.Key, x.Title, x.Body); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil // macOS asks the person just now, and shows it when they agree
	case errors.Is(err, center.ErrDenied):
		return err // by another name it would come against their wish
	}
	return n.otherwise(x)
}

// byBeeep shows a notification by the desktop's own means: D-Bus, or an installed
// tool.
func byBeeep(x notify.Notice) error {
	icon, err := IconConnected.notice()
	if err != nil {
		return err
	}
	return beeep.Notify(quoted(x.Title), markup(quoted(x.Body)), icon)
}

// quoted leaves of a text what every back-end shows as it is. AppleScript does
// not know the escapes that Go writes for control and invisible characters, so
// a text with one of them would not be shown at all; notify-send,
// terminal-notifier and kdialog read a text that begins with "-" as an option,
// and terminal-notifier one that begins with a bracket as a property list.
func quoted(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r): // U+00A0 and U+202F too
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	if s != "" && strings.ContainsRune("-[({<@", rune(s[0])) {
		s = "· " + s
	}
	return s
}
