package vault

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"healthsync/pki/atomicfile"
)

// The file vault is DIR/vault/secrets.json, the folder 0700, the file 0600.
// Anybody who can read the file, or a backup of it, has the secrets in it, the
// private key among them. It is only ever opened by choice.
const (
	fileFolder = "vault"
	fileName   = "secrets.json"
	fileSchema = 1
	fileLimit  = 1 << 20 // a vault holds a few kilobytes
)

type fileContent struct {
	Schema int                 `json:"schema"`
	Items  map[string]fileItem `json:"items"` // by name
}

type fileItem struct {
	Kind ItemKind `json:"kind"`
	Data []byte   `json:"data"` // the secret, or the key as PKCS#8 in PEM; base64
}

// file is the file vault. It holds nothing: each operation reads the file, each
// change is made under a lock on the folder.
type file struct{ dir string }

var _ Vault = (*file)(nil)

// FilePath is where the file vault of a home keeps its secrets.
func FilePath(home string) string { return filepath.Join(home, fileFolder, fileName) }

func openFile(home string) (Vault, error) {
	f := Failure{Vault: "file", Op: "open"}
	if home == "" {
		f.Detail = "no folder was given for it"
		return nil, &UnavailableError{f, NoFolder}
	}
	dir, err := filepath.Abs(filepath.Join(home, fileFolder))
	if err != nil {
		f.Err = err
		return nil, &FailedError{f}
	}
	return &file{dir}, nil
}

func (v *file) Kind() string  { return KindFile }
func (v *file) Where() string { return v.path() }
func (v *file) path() string  { return filepath.Join(v.dir, fileName) }

func (v *file) op(op, name string) Failure { return Failure{Vault: v.path(), Op: op, Name: name} }

// failed types an error of the file system; nil stays nil.
func failed(f Failure, err error) error {
	f.Err = err
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return &DeniedError{f}
	}
	return &FailedError{f}
}

// read returns the items; none where there is no file. Everything else that is
// not a whole and private vault file is an error, and left as it is.
func (v *file) read(ctx context.Context, f Failure) (map[string]fileItem, error) {
	if ctx.Err() != nil {
		return nil, stopped(ctx, f, time.Now())
	}
	err := private(f, v.dir, fs.ModeDir|0o700)
	if err == nil {
		err = private(f, v.path(), 0o600)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(v.path())
		err = failed(f, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]fileItem{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return parseFile(f, text)
}

// private checks that a path is a file or folder of ours and closed to others.
func private(f Failure, path string, want fs.FileMode) error {
	info, err := os.Lstat(path) // a link would lead to a file that something else controls
	if err != nil {
		return failed(f, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode(); {
	case mode.Type() != want.Type():
		f.Detail = fmt.Sprintf("%s is a %v", path, mode)
		return &CorruptError{f}
	case !ok || int(owner.Uid) != os.Geteuid():
		f.Detail = path + " belongs to somebody else"
		return &DeniedError{f}
	case mode.Perm()&^want.Perm() != 0:
		return &ExposedError{f, path, uint32(mode.Perm())}
	case mode.IsRegular() && info.Size() > fileLimit:
		f.Detail = "larger than a vault can be"
		return &CorruptError{f}
	}
	return nil
}

// parseFile never tells the parser's own words: they quote what was read.
func parseFile(f Failure, text []byte) (map[string]fileItem, error) {
	var version struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(text, &version) != nil {
		f.Detail = "not JSON, or cut short"
		return nil, &CorruptError{f}
	}
	if version.Schema > fileSchema {
		f.Detail = fmt.Sprintf("schema %d; this version knows %d", version.Schema, fileSchema)
		return nil, &UnavailableError{f, Newer}
	}
	var content fileContent
	if version.Schema != fileSchema || json.Unmarshal(text, &content) != nil || content.Items == nil {
		f.Detail = "not a vault file"
		return nil, &CorruptError{f}
	}
	return content.Items, nil
}

// lock takes the folder for a change. The lock is on the folder itself, so that
// no lock file stays behind.
func (v *file) lock(ctx context.Context, f Failure) (unlock func(), err error) {
	start := time.Now()
	d, err := os.Open(v.dir)
	if err != nil {
		return nil, failed(f, err)
	}
	if err := atomicfile.Lock(ctx, d); err != nil {
		d.Close()
		if ctx.Err() != nil {
			f.Detail = "another process is changing it"
			return nil, stopped(ctx, f, start)
		}
		return nil, failed(f, err)
	}
	return func() { d.Close() }, nil
}

// change reads, edits and writes under the lock. An edit that fails writes
// nothing.
func (v *file) change(ctx context.Context, f Failure, edit func(items map[string]fileItem) error) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return failed(f, err)
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
	if err := edit(items); err != nil {
		return err
	}
	if err := atomicfile.RemoveLeftovers(v.path()); err != nil { // they may hold secrets
		return failed(f, err)
	}
	if len(items) == 0 { // an emptied vault leaves nothing to find
		if err := os.Remove(v.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed(f, err)
		}
		return failed(f, atomicfile.SyncFolder(v.dir))
	}
	text, err := json.MarshalIndent(fileContent{fileSchema, items}, "", "\t")
	if err != nil {
		return failed(f, err)
	}
	defer clear(text)
	return failed(f, atomicfile.Write(v.path(), append(text, '\n')))
}

func (v *file) Check(ctx context.Context) error {
	_, err := v.read(ctx, v.op("check", ""))
	return err
}

// load reads the item of a name and a kind.
func (v *file) load(ctx context.Context, f Failure, kind ItemKind) ([]byte, error) {
	if err := f.checkName(); err != nil {
		return nil, err
	}
	items, err := v.read(ctx, f)
	if err != nil {
		return nil, err
	}
	item, ok := items[f.Name]
	if !ok {
		return nil, &NotFoundError{f}
	}
	if err := f.checkKind(item.Kind, kind); err != nil {
		return nil, err
	}
	return item.Data, nil
}

func (v *file) Get(ctx context.Context, name string) (Secret, error) {
	return v.load(ctx, v.op("get", name), ItemSecret)
}

func (v *file) Set(ctx context.Context, name string, secret Secret) error {
	f := v.op("set", name)
	if err := checkSecret(f, secret); err != nil {
		return err
	}
	return v.change(ctx, f, func(items map[string]fileItem) error {
		if old, ok := items[name]; ok && old.Kind != ItemSecret {
			return f.checkKind(old.Kind, ItemSecret)
		}
		items[name] = fileItem{ItemSecret, secret}
		return nil
	})
}

func (v *file) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	f := v.op("get", name)
	text, err := v.load(ctx, f, ItemKey)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return parseKey(text, f)
}

func (v *file) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	f := v.op("new", name)
	signer, text, err := newKey(f)
	if err != nil {
		return nil, err
	}
	err = v.change(ctx, f, func(items map[string]fileItem) error {
		if _, ok := items[name]; ok {
			return &ExistsError{f}
		}
		items[name] = fileItem{ItemKey, text}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return signer, nil
}

func (v *file) Delete(ctx context.Context, name string) error {
	if err := v.op("delete", name).checkName(); err != nil {
		return err
	}
	return v.remove(ctx, name)
}

func (v *file) remove(ctx context.Context, name string) error {
	f := v.op("delete", name)
	// What is not there needs no folder and no lock to be found absent.
	if items, err := v.read(ctx, f); err != nil {
		return err
	} else if _, ok := items[name]; !ok {
		return &NotFoundError{f}
	}
	return v.change(ctx, f, func(items map[string]fileItem) error {
		if _, ok := items[name]; !ok {
			return &NotFoundError{f}
		}
		delete(items, name)
		return nil
	})
}

func (v *file) List(ctx context.Context) ([]Item, error) {
	items, err := v.read(ctx, v.op("list", ""))
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, name := range slices.Sorted(maps.Keys(items)) {
		item := Item{Kind: items[name].Kind, Name: name, Where: v.path(), Own: true}
		item.remove = func(ctx context.Context) error { return v.remove(ctx, name) }
		out = append(out, item)
	}
	return out, nil
}

// removeDamaged is [RemoveDamaged].
func (v *file) removeDamaged(ctx context.Context) ([]Item, error) {
	f := v.op("remove", "")
	ctx, cancel := limited(ctx)
	defer cancel()
	unlock, err := v.lock(ctx, f)
	if err != nil {
		return nil, err
	}
	defer unlock()
	_, err = v.read(ctx, f)
	if !errors.As(err, new(*CorruptError)) {
		return nil, err
	}
	if err := errors.Join(atomicfile.RemoveLeftovers(v.path()),
		os.Remove(v.path())); err != nil { // of a link, the link
		return nil, failed(f, err)
	}
	item := Item{Kind: ItemFile, Name: fileName, Where: v.path(), Own: true}
	return []Item{item}, failed(f, atomicfile.SyncFolder(v.dir))
}
