package bonjour

import (
	"cmp"
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// Browser looks for phones. The zero value looks on [Interfaces]; its methods
// may be called at the same time, but then they wait for each other.
type Browser struct {
	// Interfaces lists where to look; it is asked before each round. nil means
	// the function [Interfaces].
	Interfaces func() ([]net.Interface, error)

	turn sync.Mutex // one search at a time
	last time.Time  // when the last round asked
}

// Browse looks for the length of window, or until ctx is done, and lists what
// it has found, by name. A phone that answers late, or whose answer is lost, is
// missing: five seconds and more make that unlikely. The error is nil or a
// [NetworkError]; a ctx that is done is none.
func (b *Browser) Browse(ctx context.Context, window time.Duration) ([]Instance, error) {
	r := roster{}
	err := b.search(ctx, window, func(i Instance) { r.see(i) })
	list := make([]Instance, 0, len(r.known))
	for _, e := range r.known {
		list = append(list, e.instance)
	}
	slices.SortFunc(list, func(a, b Instance) int { return cmp.Compare(identity(a), identity(b)) })
	return list, err
}

// Find looks until match accepts an instance, at most for the length of window.
// ok is false if none was accepted; the error is nil or a [NetworkError]. match
// may be asked about one instance several times; it must not block.
func (b *Browser) Find(ctx context.Context, window time.Duration, match func(Instance) bool) (it Instance, ok bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = b.search(ctx, window, func(i Instance) {
		if !ok && match(i) {
			it, ok = i, true
			cancel()
		}
	})
	if ok {
		err = nil
	}
	return it, ok, err
}

// search asks and listens until window is over or ctx done. found is called
// from one goroutine at a time.
func (b *Browser) search(ctx context.Context, window time.Duration, found func(Instance)) error {
	var turn sync.Mutex
	once := func(i Instance) {
		turn.Lock()
		defer turn.Unlock()
		found(i)
	}
	listening, stop := b.listen(ctx, func(n news) {
		if !n.gone {
			once(n.instance)
		}
	})
	defer stop()
	return b.rounds(ctx, window, listening, once)
}

// listen hears what is said until stop is called, which waits for its end. It
// reports whether it can: where it cannot, the rounds cannot either, and say
// why.
func (b *Browser) listen(ctx context.Context, tell func(news)) (listening bool, stop func()) {
	e, err := openEar(b.Interfaces)
	if err != nil {
		return false, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.run(ctx, nil, tell, func(error) {}) // it ends with ctx
	}()
	return true, func() {
		cancel()
		<-done
	}
}

// rounds makes one round after the other until window is over or ctx done. The
// window begins when the first round may ask. An error ends it only if it is
// the first round's: interfaces come and go.
func (b *Browser) rounds(ctx context.Context, window time.Duration, listening bool, found func(Instance)) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	list := b.Interfaces
	if list == nil {
		list = Interfaces
	}
	if !sleep(ctx, time.Until(b.last.Add(apart))) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, window)
	defer cancel()
	for n := 0; ctx.Err() == nil; n++ {
		length := laterRound
		switch n {
		case 0:
			length = firstRound
		case 1:
			length = secondRound
		}
		ifaces, err := list()
		if err == nil {
			err = b.round(ctx, length, ifaces, listening, found)
		}
		if err != nil {
			if n == 0 {
				return err
			}
			sleep(ctx, apart)
		}
	}
	return nil
}

func (b *Browser) round(ctx context.Context, length time.Duration, ifaces []net.Interface, listening bool, found func(Instance)) error {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	b.last = time.Now()
	err := round(ctx, ifaces, listening, found)
	if err == nil {
		<-ctx.Done() // the library may have given up before
	}
	return err
}

// sleep reports false if ctx is done first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
