package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"healthsync/app/problem"
	"healthsync/pki/vault"
)

// output is where an answer goes: standard output, or a file that appears
// under its name only when it is whole.
type output struct {
	io.Writer
	file *os.File
	path string // where the file goes when it is whole; "" for what is written to directly
}

// openOutput opens what --output names. A file that is there keeps its mode,
// and a link stays one: what it leads to is replaced, as curl -o and a shell's >
// would write to it. A new file can be read by its owner alone, because it is
// health data. A device or a pipe is written to.
func (e *Env) openOutput(path string) (*output, error) {
	if path == "" || path == "-" {
		return &output{Writer: e.Stdout}, nil
	}
	target, err := resolved(path)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	if st, err := os.Stat(target); err == nil {
		if !st.Mode().IsRegular() {
			f, err := os.OpenFile(target, os.O_WRONLY, 0)
			return &output{Writer: f, file: f}, err
		}
		if err := e.notOurs(path); err != nil {
			return nil, err
		}
		mode = st.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	var aside *fs.PathError
	if errors.As(err, &aside) {
		return nil, &fs.PathError{Op: "create", Path: path, Err: aside.Err} // by the name that the person knows
	}
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &output{Writer: f, file: f, path: target}, nil
}

// notOurs refuses to replace a file in which HealthSync keeps its own things: the
// database, the pairing, the settings, the log, the secrets of the file vault.
func (e *Env) notOurs(path string) error {
	there, err := os.Stat(path)
	if err != nil {
		return nil //nolint:nilerror // nothing is there to be replaced
	}
	p, err := e.paths()
	if err != nil {
		return nil //nolint:nilerror // a Mac without a home has no such files
	}
	for _, own := range []string{p.Database(), p.Database() + "-wal", p.Database() + "-shm", p.PairingFile(),
		p.ConfigFile(), p.LogFile(), vault.FilePath(p.Data)} {
		if st, err := os.Stat(own); err == nil && os.SameFile(st, there) {
			out := problem.New(problem.FileExists, path+" is a file of HealthSync itself.", fs.ErrExist)
			out.Remedy = problem.Remedy{Text: "choose another name"}
			return out
		}
	}
	return nil
}

// resolved follows links to where a file is or would be made.
func resolved(path string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil //nolint:nilerror // no link, or nothing there yet
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: errors.New("too many links")}
}

// maxLinks is how many links Linux follows (path_resolution(7)).
const maxLinks = 40

// close keeps the file if the answer is whole, and removes it if not.
func (o *output) close(whole bool) error {
	if o.file == nil {
		return nil
	}
	var err error
	if whole && o.path != "" {
		err = o.file.Sync()
	}
	err = errors.Join(err, o.file.Close())
	switch {
	case o.path == "":
	case whole && err == nil:
		err = os.Rename(o.file.Name(), o.path)
	default:
		err = errors.Join(err, os.Remove(o.file.Name()))
	}
	return err
}

// writeOutput writes a file that was made in memory as openOutput's are.
func (e *Env) writeOutput(path string, data []byte) error {
	o, err := e.openOutput(path)
	if err != nil {
		return err
	}
	_, err = o.Write(data)
	return errors.Join(err, o.close(err == nil))
}
