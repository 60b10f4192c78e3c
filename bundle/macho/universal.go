// Package macho joins macOS programs of two architectures into one and reads
// them back, so that a build can be looked at where there is no Mac.
package macho

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"errors"
	"fmt"
)

// pageAlign is 2^14: pages of 16 KiB, as lipo aligns slices for arm64.
const pageAlign = 14

// Universal joins one program per architecture (what lipo -create does).
func Universal(slices ...[]byte) ([]byte, error) {
	if len(slices) < 2 {
		return nil, errors.New("macho: a universal program has two slices")
	}
	var head, body bytes.Buffer
	put := func(v uint32) { _ = binary.Write(&head, binary.BigEndian, v) }
	put(macho.MagicFat)
	put(uint32(len(slices)))
	seen := map[macho.Cpu]bool{}
	const unit = 1 << pageAlign
	at := unit
	for _, s := range slices {
		f, err := macho.NewFile(bytes.NewReader(s))
		if err != nil {
			return nil, fmt.Errorf("macho: slice: %w", err)
		}
		if seen[f.Cpu] {
			return nil, fmt.Errorf("macho: two slices for %v", f.Cpu)
		}
		seen[f.Cpu] = true
		for _, v := range []uint32{uint32(f.Cpu), f.SubCpu, uint32(at), uint32(len(s)), pageAlign} {
			put(v)
		}
		body.Write(make([]byte, at-unit-body.Len()))
		body.Write(s)
		at += (len(s) + unit - 1) &^ (unit - 1)
	}
	out := append(head.Bytes(), make([]byte, unit-head.Len())...)
	return append(out, body.Bytes()...), nil
}
