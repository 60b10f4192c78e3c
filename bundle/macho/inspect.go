package macho

import (
	"bytes"
	"debug/gosym"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"strings"
)

// Slice is what a program for one architecture says of itself.
type Slice struct {
	Arch       string // as Go names it
	MinOS, SDK string // of LC_BUILD_VERSION
	UUID       string
	Libraries  []string
	// InfoPlist is the embedded __TEXT,__info_plist, nil when there is none.
	InfoPlist []byte
	Signature *Signature // nil when unsigned
	Size      int
	Data      []byte
}

// Load commands that debug/macho does not name (mach-o/loader.h).
const (
	lcUUID          = 0x1b
	lcCodeSignature = 0x1d
	lcBuildVersion  = 0x32
)

// Inspect reads a program, universal or not.
func Inspect(data []byte) ([]Slice, error) {
	if len(data) >= 4 && binary.BigEndian.Uint32(data) == macho.MagicFat {
		fat, err := macho.NewFatFile(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("macho: %w", err)
		}
		var out []Slice
		for _, a := range fat.Arches {
			if a.Offset%(1<<pageAlign) != 0 {
				return nil, fmt.Errorf("macho: slice %v at %#x is not aligned", a.Cpu, a.Offset)
			}
			s, err := inspect(data[a.Offset : a.Offset+a.Size])
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
		return out, nil
	}
	s, err := inspect(data)
	if err != nil {
		return nil, err
	}
	return []Slice{s}, nil
}

func inspect(data []byte) (Slice, error) {
	f, err := macho.NewFile(bytes.NewReader(data))
	if err != nil {
		return Slice{}, fmt.Errorf("macho: %w", err)
	}
	s := Slice{Size: len(data), Data: data, Arch: map[macho.Cpu]string{macho.CpuArm64: "arm64", macho.CpuAmd64: "amd64"}[f.Cpu]}
	if s.Libraries, err = f.ImportedLibraries(); err != nil {
		return Slice{}, fmt.Errorf("macho: %w", err)
	}
	if sec := f.Section("__info_plist"); sec != nil && sec.Seg == "__TEXT" {
		if s.InfoPlist, err = sec.Data(); err != nil {
			return Slice{}, fmt.Errorf("macho: %w", err)
		}
	}
	for _, l := range f.Loads {
		raw := l.Raw()
		switch u32 := f.ByteOrder.Uint32; u32(raw) {
		case lcUUID:
			s.UUID = fmt.Sprintf("%x", raw[8:24])
		case lcBuildVersion:
			s.MinOS, s.SDK = version(u32(raw[12:])), version(u32(raw[16:]))
		case lcCodeSignature:
			at, n := int(u32(raw[8:])), int(u32(raw[12:]))
			if at < 0 || n < 0 || at+n > len(data) {
				return Slice{}, fmt.Errorf("macho: the signature lies outside of the file")
			}
			if s.Signature, err = readSignature(data, at, n); err != nil {
				return Slice{}, err
			}
		}
	}
	return s, nil
}

// version writes xxxx.yy.zz in nibbles (mach-o/loader.h) as macOS does.
func version(v uint32) string {
	s := fmt.Sprintf("%d.%d", v>>16, v>>8&0xff)
	if v&0xff != 0 {
		s += fmt.Sprintf(".%d", v&0xff)
	}
	return s
}

// Functions lists the Go functions in a program; also a stripped one knows
// their names, for its stack traces.
func (s Slice) Functions() ([]string, error) {
	f, err := macho.NewFile(bytes.NewReader(s.Data))
	if err != nil {
		return nil, err
	}
	table, text := f.Section("__gopclntab"), f.Section("__text")
	if table == nil || text == nil {
		return nil, fmt.Errorf("macho: no Go program")
	}
	raw, err := table.Data()
	if err != nil {
		return nil, err
	}
	t, err := gosym.NewTable(nil, gosym.NewLineTable(raw, text.Addr))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, fn := range t.Funcs {
		names = append(names, fn.Name)
	}
	return names, nil
}

// SystemLibrary reports whether a library is part of every macOS.
func SystemLibrary(path string) bool {
	return (strings.HasPrefix(path, "/usr/lib/") || strings.HasPrefix(path, "/System/Library/Frameworks/")) && !strings.Contains(path, "..")
}
