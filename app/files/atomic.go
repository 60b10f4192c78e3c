// Package files holds what several processes share: files that are replaced as
// a whole ([WriteAtomic]), locks that say who holds them ([Take]), and the log.
package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"healthsync/pki/atomicfile"
)

// WriteAtomic replaces a file as a whole ([atomicfile.Write]).
func WriteAtomic(path string, data []byte) error { return atomicfile.Write(path, data) }

// LockFile waits for an exclusive lock beside path.
func LockFile(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Lock(context.Background(), f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
