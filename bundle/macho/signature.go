package macho

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Signature is a program's embedded code signature.
type Signature struct {
	Identifier string
	AdHoc      bool // signed by nobody: the kernel's minimum for arm64
	Hardened   bool // the hardened runtime is on
	Pages      int
}

// Numbers of Security's CSCommonStructures / xnu's cs_blobs.h.
const (
	magicSuperBlob     = 0xfade0cc0
	magicCodeDirectory = 0xfade0c02
	flagAdHoc          = 0x2
	flagRuntime        = 0x10000
	hashSHA256         = 2
)

// readSignature reads the signature at data[at:at+n] and verifies the hash of
// every page of the program: a byte changed after signing, and arm64 Macs kill
// the program at its start.
func readSignature(data []byte, at, n int) (*Signature, error) {
	blob := data[at : at+n]
	u32 := func(b []byte, i int) int {
		if i < 0 || i+4 > len(b) {
			return -1
		}
		return int(binary.BigEndian.Uint32(b[i:]))
	}
	if u32(blob, 0) != magicSuperBlob {
		return nil, errors.New("macho: no signature where one should be")
	}
	for i := range u32(blob, 8) {
		where := u32(blob, 12+8*i+4)
		if where < 0 || u32(blob, where) != magicCodeDirectory {
			continue
		}
		size := u32(blob, where+4)
		if size < 44 || where+size > len(blob) {
			return nil, errors.New("macho: a code directory is cut")
		}
		return verify(data, at, blob[where:where+size])
	}
	return nil, errors.New("macho: a signature without a code directory")
}

func verify(data []byte, signed int, d []byte) (*Signature, error) {
	u32 := func(i int) int { return int(binary.BigEndian.Uint32(d[i:])) }
	flags, hashes, ident, slots, limit := u32(12), u32(16), u32(20), u32(28), u32(32)
	hashSize, hashType, page := int(d[36]), d[37], 1<<d[39]
	if hashType != hashSHA256 || hashSize != sha256.Size {
		return nil, fmt.Errorf("macho: signature of hash type %d", hashType)
	}
	if limit > signed || hashes < 0 || hashes+slots*hashSize > len(d) || ident >= len(d) || slots != (limit+page-1)/page {
		return nil, errors.New("macho: a code directory does not add up")
	}
	for i := range slots {
		sum := sha256.Sum256(data[i*page : min((i+1)*page, limit)])
		if !bytes.Equal(sum[:], d[hashes+i*hashSize:hashes+(i+1)*hashSize]) {
			return nil, fmt.Errorf("macho: page %d was changed after signing", i)
		}
	}
	name, _, _ := bytes.Cut(d[ident:], []byte{0})
	return &Signature{Identifier: string(name), AdHoc: flags&flagAdHoc != 0, Hardened: flags&flagRuntime != 0, Pages: slots}, nil
}
