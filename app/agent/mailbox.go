package agent

import "sync"

// mailbox is a queue without a limit: who puts something in never waits, and
// nothing is lost. What comes in fast is small and is taken out at once.
type mailbox struct {
	mu     sync.Mutex
	list   []Message
	signal chan struct{} // has room for one
}

func newMailbox() *mailbox { return &mailbox{signal: make(chan struct{}, 1)} }

func (b *mailbox) put(m Message) {
	b.mu.Lock()
	b.list = append(b.list, m)
	b.mu.Unlock()
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// take empties the box.
func (b *mailbox) take() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.list
	b.list = nil
	return all
}
