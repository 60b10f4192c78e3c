package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The file vault: DIR/vault/secrets.json, the folder 0700, the file 0600.
// Anybody who can read the file, a backup of it included, has the secrets in
// it, the Mac's private key among them. It is only ever opened by choice.
const (
	fileFolder = "vault"
	fileName   = "secrets.json"
	asidePart  = ".aside-" // secrets.json.aside-123: a write that was interrupted
	fileSchema = 1
	fileLimit  = 1 << 20 // a vault holds a few kilobytes
)

// fileContent is the file. Sum makes a change of any byte known, which JSON
// alone would not.
type fileContent struct {
	Schema int                 `json:"schema"`
	Sum    string              `json:"sha256"` // of the items' canonical JSON
	Items  map[string]fileItem `json:"items"`  // by account
}

type fileItem struct {
	Kind ItemKind `json:"kind"`
	Data []byte   `json:"data"` // base64
}

func itemsSum(items map[string]fileItem) string {
	text, _ := json.Marshal(items) // sorted by account; nothing in it can fail
	defer clear(text)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// file is the store. It holds nothing: each operation reads the file, each
// change is made under a lock on the folder.
type file struct {
	dir       string // the folder "vault"
	namespace string
	// sole is Options.Sole, former the namespace in which an earlier version
	// wrote.
	sole   bool
	former string
}

var _ store = (*file)(nil)

func newFile(o Options) (Vault, error) {
	if o.Dir == "" {
		return nil, &UnavailableError{Fact{Vault: "file", Op: "open", Detail: "no folder was given for it"}, NoFolder}
	}
	dir, err := filepath.Abs(filepath.Join(o.Dir, fileFolder))
	if err != nil {
		return nil, &FailedError{Fact{Vault: "file", Op: "open", Err: err}}
	}
	v := &file{dir: dir, namespace: o.Namespace}
	if o.Sole {
		v.namespace, v.sole, v.former = "", true, o.Namespace
	}
	return &soft{store: v, opts: o}, nil
}

func (v *file) kind() string  { return KindFile }
func (v *file) where() string { return v.path() }
func (v *file) path() string  { return filepath.Join(v.dir, fileName) }

func (v *file) fact(op, name string) Fact { return Fact{Vault: v.where(), Op: op, Name: name} }

// failed types an error of the file system.
func (v *file) failed(f Fact, err error) error {
	f.Err = err
	if errors.Is(err, fs.ErrPermission) {
		return &DeniedError{f}
	}
	return &FailedError{f}
}

func (v *file) check(ctx context.Context) error {
	_, err := v.read(ctx, v.fact("check", ""))
	return err
}

// read returns the items; none where there is no file. Everything else that
// is not a whole and private vault file is an error, and left as it is.
func (v *file) read(ctx context.Context, f Fact) (map[string]fileItem, error) {
	if err := ctx.Err(); err != nil {
		return nil, stopped(ctx, f, time.Now())
	}
	if err := v.private(f, v.dir, 0o700, fs.ModeDir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	if err := v.private(f, v.path(), 0o600, 0); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	in, err := os.Open(v.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, v.failed(f, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, fileLimit+1))
	defer clear(text)
	if err != nil {
		return nil, v.failed(f, err)
	}
	return v.parse(f, text)
}

func (v *file) parse(f Fact, text []byte) (map[string]fileItem, error) {
	corrupt := func(detail string) error {
		f.Detail = detail // never the parser's words: they quote what they read
		return &CorruptError{f}
	}
	if len(text) > fileLimit {
		return nil, corrupt("larger than a vault can be")
	}
	var version struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(text, &version) != nil {
		return nil, corrupt("not JSON, or cut short")
	}
	if version.Schema > fileSchema {
		f.Detail = fmt.Sprintf("schema %d; this version knows %d", version.Schema, fileSchema)
		return nil, &UnavailableError{f, Newer}
	}
	var content fileContent
	if version.Schema != fileSchema || json.Unmarshal(text, &content) != nil || content.Items == nil {
		return nil, corrupt("not a vault file")
	}
	if itemsSum(content.Items) != content.Sum {
		return nil, corrupt("its checksum does not fit its content")
	}
	return content.Items, nil
}

// private checks that a path is of its type, ours, and closed to others.
func (v *file) private(f Fact, path string, most fs.FileMode, want fs.FileMode) error {
	info, err := os.Lstat(path) // a link would lead to a file that something else controls
	if err != nil {
		return v.failed(f, err)
	}
	if info.Mode().Type() != want {
		f.Detail = fmt.Sprintf("%s is not what it should be but %v", path, info.Mode())
		return &CorruptError{f}
	}
	if !ownedByUs(info) {
		f.Detail = path + " belongs to somebody else"
		return &DeniedError{f}
	}
	if mode := info.Mode().Perm(); mode&^most != 0 {
		return &ExposedError{f, path, uint32(mode)}
	}
	return nil
}

// change reads, edits and writes under the folder's lock. An edit that fails
// writes nothing.
func (v *file) change(ctx context.Context, f Fact, edit func(items map[string]fileItem) error) error {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return v.failed(f, err)
	}
	unlock, err := v.lock(ctx, f)
	if err != nil {
		return err
	}
	defer unlock()
	items, err := v.read(ctx, f)
	if err != nil {
		return err
	}
	if items == nil {
		items = map[string]fileItem{}
	}
	if err := edit(items); err != nil {
		return err
	}
	if err := v.sweep(); err != nil {
		return v.failed(f, err)
	}
	if len(items) == 0 { // an emptied vault leaves nothing to find
		if err := os.Remove(v.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return v.failed(f, err)
		}
		return v.failedOrNil(f, syncFolder(v.dir))
	}
	return v.failedOrNil(f, v.write(items))
}

func (v *file) failedOrNil(f Fact, err error) error {
	if err != nil {
		return v.failed(f, err)
	}
	return nil
}

// sweep removes what an interrupted write left; it may hold secrets. Under the
// lock nobody else's write is under way.
func (v *file) sweep() error {
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), fileName+asidePart) {
			if err := os.Remove(filepath.Join(v.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// write replaces the file whole: written aside, on the disk, then renamed, so
// that at every moment there is either the old file or the new one.
func (v *file) write(items map[string]fileItem) (err error) {
	text, err := json.MarshalIndent(fileContent{fileSchema, itemsSum(items), items}, "", "\t")
	if err != nil {
		return err
	}
	defer clear(text)
	aside, err := os.CreateTemp(v.dir, fileName+asidePart+"*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			aside.Close()
			os.Remove(aside.Name())
		}
	}()
	if _, err = aside.Write(append(text, '\n')); err != nil {
		return err
	}
	if err = aside.Sync(); err != nil {
		return err
	}
	if err = aside.Close(); err != nil {
		return err
	}
	if err = os.Rename(aside.Name(), v.path()); err != nil {
		return err
	}
	return syncFolder(v.dir)
}

// syncFolder puts a rename or removal on the disk.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// find gives the account under which a name is stored. That of a folder of its
// own is the bare name, else the one that an earlier version made of it: with
// the folder's own place, or the place where it was then. Where there are
// several of those, it cannot be known which is meant, and that is an error.
func (v *file) find(f Fact, items map[string]fileItem, name string) (acct string, ok bool, err error) {
	own := account(v.namespace, name)
	if _, ok := items[own]; ok || !v.sole {
		return own, ok, nil
	}
	former := account(v.former, name)
	if _, ok := items[former]; ok {
		return former, true, nil
	}
	var others []string
	for a := range items {
		if _, n, ok := splitAccount(a); ok && n == name {
			others = append(others, a)
		}
	}
	switch len(others) {
	case 0:
		return own, false, nil
	case 1:
		return others[0], true, nil
	}
	f.Detail = fmt.Sprintf("it holds %d of that name, of folders elsewhere", len(others))
	return "", false, &FailedError{f}
}

func (v *file) load(ctx context.Context, name string) (record, error) {
	f := v.fact("get", name)
	items, err := v.read(ctx, f)
	if err != nil {
		return record{}, err
	}
	acct, ok, err := v.find(f, items, name)
	if err != nil {
		return record{}, err
	}
	if !ok {
		return record{}, &NotFoundError{f}
	}
	item := items[acct]
	return record{item.Kind, item.Data}, nil
}

func (v *file) create(ctx context.Context, name string, r record) error {
	f := v.fact("new", name)
	return v.change(ctx, f, func(items map[string]fileItem) error {
		if _, ok, err := v.find(f, items, name); err != nil {
			return err
		} else if ok {
			return &ExistsError{f}
		}
		items[account(v.namespace, name)] = fileItem{r.kind, r.data}
		return nil
	})
}

func (v *file) replace(ctx context.Context, name string, r record) error {
	f := v.fact("set", name)
	return v.change(ctx, f, func(items map[string]fileItem) error {
		acct, ok, err := v.find(f, items, name)
		if err != nil {
			return err
		}
		if ok {
			if old := items[acct]; old.Kind != r.kind {
				return &KindError{f, r.kind, old.Kind}
			}
			delete(items, acct) // it is written anew, under the bare name
		}
		items[account(v.namespace, name)] = fileItem{r.kind, r.data}
		return nil
	})
}

func (v *file) drop(ctx context.Context, name string) error {
	f := v.fact("delete", name)
	items, err := v.read(ctx, f)
	if err != nil {
		return err
	}
	acct, _, err := v.find(f, items, name)
	if err != nil {
		return err
	}
	return v.remove(ctx, f, acct)
}

func (v *file) dropItem(ctx context.Context, item Item) error {
	return v.remove(ctx, v.fact("delete", item.Name), item.id)
}

func (v *file) remove(ctx context.Context, f Fact, account string) error {
	// What is not there needs no folder and no lock to be found absent.
	if items, err := v.read(ctx, f); err != nil {
		return err
	} else if _, ok := items[account]; !ok {
		return &NotFoundError{f}
	}
	return v.change(ctx, f, func(items map[string]fileItem) error {
		if _, ok := items[account]; !ok {
			return &NotFoundError{f}
		}
		delete(items, account)
		return nil
	})
}

func (v *file) list(ctx context.Context) ([]Item, error) {
	items, err := v.read(ctx, v.fact("list", ""))
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, account := range slices.Sorted(maps.Keys(items)) {
		item := plainItem(account, items[account].Kind, v.namespace, v.where())
		item.Own = item.Own || v.sole
		out = append(out, item)
	}
	return out, nil
}

// removeDamaged is [RemoveDamaged].
func (v *file) removeDamaged(ctx context.Context) ([]Item, error) {
	f := v.fact("remove", "")
	if _, err := v.read(ctx, f); err == nil {
		return nil, nil
	}
	unlock, err := v.lock(ctx, f)
	if err != nil {
		return nil, err
	}
	defer unlock()
	_, err = v.read(ctx, f) // another process may have been quicker
	var damaged *CorruptError
	if !errors.As(err, &damaged) {
		return nil, err
	}
	if err := v.sweep(); err != nil {
		return nil, v.failed(f, err)
	}
	if err := os.Remove(v.path()); err != nil { // of a link, the link
		return nil, v.failed(f, err)
	}
	item := Item{Kind: ItemFile, Name: fileName, Namespace: v.namespace, Where: v.where(), Own: true}
	return []Item{item}, v.failedOrNil(f, syncFolder(v.dir))
}

// foreign finds nothing: other programs do not write into this file.
func (v *file) foreign(ctx context.Context, _, account string) ([]byte, error) {
	f := v.fact("get foreign", account)
	if _, err := v.read(ctx, f); err != nil {
		return nil, err
	}
	return nil, &NotFoundError{f}
}
