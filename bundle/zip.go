package bundle

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Zip packs a folder, itself included, and returns the SHA-256 of the archive
// in hexadecimal. The same content gives the same archive: every entry has the
// given time. Modes are kept, so that the program inside stays executable.
func Zip(folder, out string, at time.Time) (sum string, err error) {
	f, err := os.Create(out)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	w := zip.NewWriter(io.MultiWriter(f, h))
	root := filepath.Dir(filepath.Clean(folder))
	err = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		head, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		head.Name, head.Modified, head.Method = filepath.ToSlash(name), at.UTC(), zip.Deflate
		if e.IsDir() {
			head.Name += "/"
			head.Method = zip.Store
		}
		to, err := w.CreateHeader(head)
		if err != nil || e.IsDir() {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 { // a signature's frameworks may have some
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			_, err = io.Copy(to, strings.NewReader(target))
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = io.Copy(to, from)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Sum is the SHA-256 of a file in hexadecimal.
func Sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
