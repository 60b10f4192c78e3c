//go:build !unix

package vault

import (
	"context"
	"io/fs"
)

// lock says that there is no file vault on this system: neither the lock nor
// the permissions that it rests on.
func (v *file) lock(_ context.Context, f Fact) (unlock func(), err error) {
	return nil, &UnavailableError{f, NotInBuild}
}

func ownedByUs(fs.FileInfo) bool { return false }
