package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/health"
	"healthsync/sync/phone"
	"healthsync/sync/simulator"
	"healthsync/sync/store"
)

// The fault model of the phone, on the wire: the simulated iPhone over TLS, the
// real client, the real database. Each seed is a history (ties at the edges of
// pages among it) and a phone that cuts pages, refuses (429, 423, 5xx), stalls,
// resets, tells a wrong hasMore, answers {}, loses a permission in mid-run and
// gives it back, and whose samples come and go meanwhile. In the end the database
// is equal to the phone's truth.
//
// HEALTHSYNC_FAULT_RUNS is how many seeds are tried, HEALTHSYNC_FAULT_SEED the
// first of them.
func TestFaultsOnTheWire(t *testing.T) {
	runs, first := 200, 1
	if raceEnabled || testing.Short() {
		runs = 25
	}
	if n, err := strconv.Atoi(os.Getenv("HEALTHSYNC_FAULT_RUNS")); err == nil {
		runs = n
	}
	if n, err := strconv.Atoi(os.Getenv("HEALTHSYNC_FAULT_SEED")); err == nil {
		first = n
	}
	seeds := make(chan int)
	var group sync.WaitGroup
	var mu sync.Mutex
	sum, requests := map[string]int{}, int64(0)
	for range 32 { // most of the time somebody waits for a phone that stalls
		group.Go(func() {
			for seed := range seeds {
				if t.Failed() {
					continue
				}
				w := newWire(t, uint64(seed))
				w.live()
				w.phone.Stop()
				mu.Lock()
				requests += w.phone.Meters().Requests
				for name, n := range w.happened {
					sum[name] += n
				}
				mu.Unlock()
			}
		})
	}
	for seed := first; seed < first+runs; seed++ {
		seeds <- seed
	}
	close(seeds)
	group.Wait()
	t.Logf("%d runs, %d requests: %v", runs, requests, sum)
}

// wire is one seed.
type wire struct {
	t       *testing.T
	seed    uint64
	dir     string
	client  *phone.Client
	phone   *simulator.Phone
	history *simulator.History
	types   []health.Type
	page    int

	app string

	mu       sync.Mutex // the phone answers while the client is looked at
	luck     *rand.Rand
	faulty   bool
	changing bool
	now      int64
	next     uint64
	lost     map[health.Type]bool // permission
	deleted  map[store.Key]bool
	happened map[string]int
}

func newWire(t *testing.T, seed uint64) *wire {
	w := &wire{
		t: t, seed: seed, dir: t.TempDir(), luck: rand.New(rand.NewPCG(seed, 77)), now: benchNow,
		lost: map[health.Type]bool{}, deleted: map[store.Key]bool{}, happened: map[string]int{},
	}
	all := []health.Type{health.Steps, health.HeartRate, health.Weight, health.SleepAnalysis, health.BloodOxygen}
	w.types = all[:1+w.luck.IntN(len(all))]
	w.page = 15 + w.luck.IntN(60)
	w.history = simulator.NewHistory()
	for _, typ := range w.types {
		for range 1 + w.luck.IntN(4) {
			w.cluster(typ)
		}
	}
	p, err := simulator.New(simulator.Options{
		History: w.history, Types: w.types, NoRateLimit: true, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		EndInclusive: w.luck.IntN(2) == 0, Script: w.script,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	w.phone = p
	w.client = pairedClient(t, p)
	return w
}

// pairedClient pairs with a simulated phone; its requests are not paced, and it
// is not patient.
func pairedClient(t *testing.T, p *simulator.Phone) *phone.Client {
	t.Helper()
	q, err := p.Payload("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := simulator.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewCSR(key, pki.CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	conf := phone.Config{Version: 2, Host: q.Host, Port: q.Port, Dialer: &trust.Dialer{Trust: trust.Pairing(q.Leaf, q.CA)}}
	pairing, err := phone.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := pairing.Pair(t.Context(), phone.PairRequest{Code: q.Code, ClientName: "test", CSR: csr, CA: q.CA})
	if err != nil {
		t.Fatal(err)
	}
	own := &tls.Certificate{Certificate: [][]byte{issued.Client.Raw}, PrivateKey: key}
	conf.Dialer = &trust.Dialer{Trust: trust.Mutual(issued.CA, own)}
	conf.Pacer, conf.Timeout = phone.Unpaced(), 2*time.Second
	client, err := phone.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// cluster adds samples over some time, or within one second.
func (w *wire) cluster(typ health.Type) {
	end := w.now - w.luck.Int64N(2000)*day - 1
	length := []int64{1, 1, 3600, day, 30 * day, year, 5 * year}[w.luck.IntN(7)]
	var list []health.Sample
	for range 1 + w.luck.IntN(150) {
		list = append(list, w.sample(typ, end-w.luck.Int64N(length)))
	}
	w.history.Insert(list...)
}

func (w *wire) sample(typ health.Type, at int64) health.Sample {
	w.next++
	x := health.Sample{Type: typ, Start: at, End: at + w.luck.Int64N(600), Unit: "count", Source: "Ana's Apple Watch"}
	x.Value = float64(w.luck.IntN(200))
	copy(x.ID[:], fmt.Sprintf("%08x%08x", w.seed, w.next))
	if typ == health.SleepAnalysis {
		x.Value = float64(w.luck.IntN(6))
	}
	return x
}

// script draws what happens with a request.
func (w *wire) script(r simulator.Request) (faults []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now++
	w.now++
	if w.changing {
		w.change()
	}
	for typ := range w.lost {
		faults = append(faults, "permission-lost:"+string(typ))
	}
	if len(faults) > 1 { // one fault, a list of types
		list := ""
		for typ := range w.lost {
			list += "," + string(typ)
		}
		faults = []string{"permission-lost:" + list[1:]}
	}
	if !w.faulty || r.Path != "/api/v1/health/data" || w.luck.IntN(5) > 0 {
		return faults
	}
	// A stall costs the client's whole patience.
	all := []string{
		"cut-page", "cut-page:" + strconv.Itoa(w.luck.IntN(4000)), "rate-limited", "locked", "http-500", "http:503",
		"wrong-hasmore", "wrong-hasmore", "hang-up", "reset", "not-json", "empty-json",
	}
	if w.luck.IntN(40) == 0 {
		all = []string{"stall", "stall-page"}
	}
	f := all[w.luck.IntN(len(all))]
	name, _, _ := strings.Cut(f, ":")
	w.happened[name]++
	return append(faults, f)
}

// change has samples come and go within the look-back, and permissions.
func (w *wire) change() {
	typ := w.types[w.luck.IntN(len(w.types))]
	switch w.luck.IntN(12) {
	case 0, 1:
		w.history.Insert(w.sample(typ, w.now-w.luck.Int64N(10*day)))
		w.happened["insert"]++
	case 2:
		list := w.history.Samples(typ)
		list = slices.DeleteFunc(list, func(x health.Sample) bool { return x.Start < w.now-10*day })
		if len(list) > 0 {
			x := list[w.luck.IntN(len(list))]
			w.history.Delete(typ, x.ID)
			w.deleted[store.Key{Type: typ, ID: x.ID}] = true
			w.happened["delete"]++
		}
	case 3:
		w.happened["permission"]++
		if w.lost[typ] {
			delete(w.lost, typ)
		} else {
			w.lost[typ] = true
		}
	}
}

// react judges as the commands do, without their patience.
func (w *wire) react(_ context.Context, err error, attempt int) Reaction {
	var empty *phone.EmptyAnswerError
	var disabled *phone.TypeNotEnabledError
	var failure *trust.Failure
	switch {
	case errors.As(err, &empty):
		return Narrow
	case errors.As(err, &disabled) && attempt == 1:
		return AskTypes
	case attempt < 3:
		return Again
	case errors.As(err, &failure):
		return Gone
	}
	return Stop
}

// live syncs through all of it, and then looks.
func (w *wire) live() {
	w.faulty, w.changing = true, true
	for range 1 + w.luck.IntN(3) {
		w.untilDone()
		w.mu.Lock()
		w.now += w.luck.Int64N(3 * day)
		w.mu.Unlock()
	}
	w.faulty, w.changing = false, false
	clear(w.lost)
	// What was silent is proven by and by; with another version of the app a type
	// that was blamed for a failure gets another chance.
	w.app = "next"
	for range 14 {
		w.now += 3 * day
		w.untilDone()
		if w.differs() == "" {
			break
		}
	}
	if d := w.differs(); d != "" {
		w.t.Errorf("seed %d: %s", w.seed, d)
	}
}

// untilDone runs syncs until one ends well, as a phone in a pocket would have
// it.
func (w *wire) untilDone() {
	for i := 0; ; i++ {
		if i == 8 {
			w.mu.Lock()
			w.faulty = false // enough of it
			w.mu.Unlock()
		}
		db := w.open()
		ctx, cancel := context.WithCancel(w.t.Context())
		var after int
		w.mu.Lock()
		faulty, now := w.faulty, w.now
		if faulty && w.luck.IntN(3) == 0 {
			after = 1 + w.luck.IntN(20)
		}
		w.mu.Unlock()
		n := 0
		_, err := Sync(ctx, w.client, db, Options{
			Now: clock(now), React: w.react, App: w.app, page: w.page, Progress: func(Progress) {
				if n++; n == after {
					cancel() // the person stops it
				}
			},
		})
		cancel()
		if e := db.Close(); e != nil {
			w.t.Fatal(e)
		}
		if err == nil {
			return
		}
		if i > 30 {
			w.t.Fatalf("seed %d: does not come to an end: %v", w.seed, err)
		}
		w.mu.Lock()
		w.now += 60
		w.mu.Unlock()
	}
}

func (w *wire) open() *store.Store {
	db, err := store.Open(w.t.Context(), filepath.Join(w.dir, "health.db"), store.Options{Now: clock(benchNow)})
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

// differs says in what the database is not the phone's truth.
func (w *wire) differs() string {
	db := w.open()
	defer db.Close()
	here := map[store.Key]health.Sample{}
	err := db.Query(w.t.Context(), store.Filter{}, func(x *health.Sample) error {
		here[store.Key{Type: x.Type, ID: x.ID}] = *x
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, typ := range w.types {
		list := w.history.Samples(typ)
		for _, x := range list {
			k := store.Key{Type: typ, ID: x.ID}
			got, ok := here[k]
			if !ok {
				return fmt.Sprintf("%s at %s is missing (%d of %d of its type are there)", typ, date(x.Start), len(here), len(list))
			}
			if got.Start != x.Start || got.End != x.End || got.Value != x.Value || got.Unit != x.Unit || got.Source != x.Source {
				return fmt.Sprintf("%v is stored as %v", x, got)
			}
			delete(here, k)
		}
		if len(list) == 0 { // as silent as a type without permission: nothing is buried
			for k := range here {
				if k.Type == typ && w.deleted[k] {
					delete(here, k)
				}
			}
		}
	}
	for k, x := range here {
		return fmt.Sprintf("%s at %s is not on the phone (deleted: %v)", k.Type, date(x.Start), w.deleted[k])
	}
	if err := db.Check(w.t.Context()); err != nil {
		return err.Error()
	}
	return ""
}
