package agent

import (
	"log/slog"
	"time"

	"healthsync/app/agent/notify"
)

// notes shows notifications, one after the other, in a goroutine of its own:
// the daemon may be slow or not there at all.
type notes struct {
	queue chan notify.Notice
	show  func(notify.Notice) error
	log   *slog.Logger
	mute  bool // the last one could not be shown
	done  chan struct{}
}

func newNotes(o Options) *notes {
	n := &notes{queue: make(chan notify.Notice, 64), show: o.Notify, log: o.Log, done: make(chan struct{})}
	go n.run()
	return n
}

func (n *notes) say(x notify.Notice) {
	select {
	case n.queue <- x:
	default: // sixty-four that nobody could be shown
	}
}

func (n *notes) run() {
	defer close(n.done)
	for x := range n.queue {
		n.log.Info("notification", "key", x.Key)
		err := n.show(x)
		switch {
		case err != nil && !n.mute:
			n.log.Warn("notifications cannot be shown here; the menu says the same", "err", err)
		case err == nil && n.mute:
			n.log.Info("notifications can be shown again")
		}
		n.mute = err != nil
	}
}

// close waits a moment for what is being shown.
func (n *notes) close() {
	close(n.queue)
	select {
	case <-n.done:
	case <-time.After(500 * time.Millisecond):
	}
}
