package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Memory is a vault that ends with the process. It is for tests, and so has
// what tests need beside [Vault]: other homes, foreign items and failures.
type Memory struct {
	soft
	mem *memory
}

// NewMemory returns an empty vault of the default home.
func NewMemory() *Memory {
	return newMemory(Options{})
}

func newMemory(o Options) *Memory {
	shared := &memoryData{records: map[string]record{}, strangers: map[foreignKey]Secret{}}
	return memoryHome(shared, o.withDefaults())
}

func memoryHome(shared *memoryData, o Options) *Memory {
	m := &memory{memoryData: shared, namespace: o.Namespace}
	return &Memory{soft: soft{store: m, opts: o}, mem: m}
}

// Home returns the vault of another namespace in the same memory.
func (m *Memory) Home(namespace string) *Memory {
	o := m.opts
	o.Namespace = namespace
	return memoryHome(m.mem.memoryData, o)
}

// SetForeign stores what Foreign will find.
func (m *Memory) SetForeign(service, account string, secret Secret) {
	m.mem.mu.Lock()
	defer m.mem.mu.Unlock()
	m.mem.strangers[foreignKey{service, account}] = secret.clone()
}

// Fail makes every later operation, in every home of this memory, fail with
// err; Fail(nil) ends that.
func (m *Memory) Fail(err error) {
	m.mem.mu.Lock()
	defer m.mem.mu.Unlock()
	m.mem.failure = err
}

type foreignKey struct{ service, account string }

// memoryData is what the homes of one memory share.
type memoryData struct {
	mu        sync.Mutex
	records   map[string]record // by account
	strangers map[foreignKey]Secret
	failure   error
}

// memory is the store of one home.
type memory struct {
	*memoryData
	namespace string
}

var _ store = (*memory)(nil)

func (m *memory) kind() string  { return KindMemory }
func (m *memory) where() string { return "memory" }

func (m *memory) fact(op, name string) Fact { return Fact{Vault: m.where(), Op: op, Name: name} }

// enter takes the lock, unless ctx has ended or a failure is set.
func (m *memory) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	if m.failure != nil {
		defer m.mu.Unlock()
		return nil, m.failure
	}
	return m.mu.Unlock, nil
}

func (m *memory) check(ctx context.Context) error {
	leave, err := m.enter(ctx)
	if err == nil {
		leave()
	}
	return err
}

func (m *memory) load(ctx context.Context, name string) (record, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return record{}, err
	}
	defer leave()
	r, ok := m.records[account(m.namespace, name)]
	if !ok {
		return record{}, &NotFoundError{m.fact("get", name)}
	}
	return record{r.kind, Secret(r.data).clone()}, nil
}

func (m *memory) create(ctx context.Context, name string, r record) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := m.records[account(m.namespace, name)]; ok {
		return &ExistsError{m.fact("new", name)}
	}
	m.records[account(m.namespace, name)] = record{r.kind, Secret(r.data).clone()}
	return nil
}

func (m *memory) replace(ctx context.Context, name string, r record) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if old, ok := m.records[account(m.namespace, name)]; ok && old.kind != r.kind {
		return &KindError{m.fact("set", name), r.kind, old.kind}
	}
	m.records[account(m.namespace, name)] = record{r.kind, Secret(r.data).clone()}
	return nil
}

func (m *memory) drop(ctx context.Context, name string) error {
	return m.remove(ctx, account(m.namespace, name), name)
}

func (m *memory) remove(ctx context.Context, account, name string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := m.records[account]; !ok {
		return &NotFoundError{m.fact("delete", name)}
	}
	delete(m.records, account)
	return nil
}

func (m *memory) list(ctx context.Context) ([]Item, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var items []Item
	for _, account := range slices.Sorted(maps.Keys(m.records)) {
		items = append(items, plainItem(account, m.records[account].kind, m.namespace, m.where()))
	}
	return items, nil
}

func (m *memory) dropItem(ctx context.Context, item Item) error {
	return m.remove(ctx, item.id, item.Name)
}

func (m *memory) foreign(ctx context.Context, service, account string) ([]byte, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	secret, ok := m.strangers[foreignKey{service, account}]
	if !ok {
		return nil, &NotFoundError{m.fact("get foreign", account)}
	}
	return secret.clone(), nil
}
