package appleexport

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File is the XML of an export, opened.
type File struct {
	io.Reader
	// Name is that inside the archive or folder. The Health app names it in
	// the language of the iPhone: export.xml, Export.xml, 导出.xml.
	Name string
	// Size is that of the XML in bytes, for a progress bar.
	Size int64

	close []io.Closer
}

// Close closes the file, and the archive that it is in.
func (f *File) Close() error {
	var err error
	for _, c := range f.close {
		err = errors.Join(err, c.Close())
	}
	return err
}

// Open opens an export: a zip archive as the Health app shares it, the XML
// alone, or the folder that the archive was unpacked to. Which of them it is,
// and which of several XML files is the export, is seen by their contents. The
// error is the file system's, or a [*FormatError].
func Open(name string) (*File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("open the export: %w", err)
	}
	if info.IsDir() {
		return openFolder(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the export: %w", err)
	}
	var magic [4]byte
	n, err := f.ReadAt(magic[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("open the export: %w", err), f.Close())
	}
	// "PK\3\4" begins an archive, "PK\5\6" an empty one.
	if bytes.HasPrefix(magic[:n], []byte("PK")) {
		file, err := openZip(f, info.Size())
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		file.close = append(file.close, f)
		return file, nil
	}
	return &File{Reader: f, Name: filepath.Base(name), Size: info.Size(), close: []io.Closer{f}}, nil
}

// candidate is a file that may be the export.
type candidate struct {
	name string
	open func() (io.ReadCloser, error)
	size int64
}

// choose takes the one that begins as an export does. The clinical document
// (export_cda.xml) lies beside it and is larger at times.
func choose(all []candidate) (*File, error) {
	for _, c := range all {
		r, err := c.open()
		if err != nil {
			return nil, fmt.Errorf("open the export: %s: %w", c.name, err)
		}
		head := make([]byte, 64<<10)
		n, err := io.ReadFull(r, head)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.Join(fmt.Errorf("open the export: %s: %w", c.name, err), r.Close())
		}
		head = head[:n]
		if bytes.Contains(head, []byte("<HealthData")) || bytes.Contains(head, []byte("<!DOCTYPE HealthData")) {
			return &File{Reader: io.MultiReader(bytes.NewReader(head), r), Name: c.name, Size: c.size,
				close: []io.Closer{r}}, nil
		}
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("open the export: %s: %w", c.name, err)
		}
	}
	return nil, &FormatError{Reason: "no file in it is the XML of HealthData"}
}

func isXML(name string) bool { return strings.EqualFold(path.Ext(name), ".xml") }

func openZip(r io.ReaderAt, size int64) (*File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("open the export: %w", err)
	}
	var all []candidate
	for _, f := range z.File {
		if isXML(f.Name) {
			all = append(all, candidate{path.Base(f.Name), f.Open, int64(f.UncompressedSize64)})
		}
	}
	return choose(all)
}

func openFolder(dir string) (*File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the export: %w", err)
	}
	const unpacked = "apple_health_export"
	isUnpacked := func(e os.DirEntry) bool { return e.IsDir() && e.Name() == unpacked }
	if slices.ContainsFunc(entries, isUnpacked) {
		return openFolder(filepath.Join(dir, unpacked))
	}
	var all []candidate
	for _, e := range entries {
		if !isXML(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("open the export: %w", err)
		}
		open := func() (io.ReadCloser, error) { return os.Open(filepath.Join(dir, e.Name())) }
		all = append(all, candidate{e.Name(), open, info.Size()})
	}
	return choose(all)
}
