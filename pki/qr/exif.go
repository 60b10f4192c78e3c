package qr

import "encoding/binary"

// jpegOrientation finds the EXIF orientation (1-8) in a JPEG file; 1 where
// there is none. A telephone stores its photographs as the sensor lies and
// says here how to turn them.
func jpegOrientation(data []byte) int {
	for p := 2; p+4 <= len(data) && data[p] == 0xff; {
		marker := data[p+1]
		if marker == 0xff { // fill byte
			p++
			continue
		}
		if marker == 0xd9 || marker == 0xda { // end, or the scan: what follows is no header
			return 1
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // markers without a length
			p += 2
			continue
		}
		n := int(binary.BigEndian.Uint16(data[p+2:]))
		if n < 2 || p+2+n > len(data) {
			return 1
		}
		segment := data[p+4 : p+2+n]
		if marker == 0xe1 && len(segment) > 6 && string(segment[:6]) == "Exif\x00\x00" {
			return tiffOrientation(segment[6:])
		}
		p += 2 + n
	}
	return 1
}

// tiffOrientation reads tag 0x0112 of the first directory of a TIFF structure
// (TIFF 6.0, page 36); 1 where it is absent or makes no sense.
func tiffOrientation(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(t[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	off := uint64(order.Uint32(t[4:]))
	if off+2 > uint64(len(t)) {
		return 1
	}
	entries := uint64(order.Uint16(t[off:]))
	for i := uint64(0); i < entries; i++ {
		e := off + 2 + 12*i
		if e+12 > uint64(len(t)) {
			return 1
		}
		if order.Uint16(t[e:]) != 0x0112 {
			continue
		}
		if v := order.Uint16(t[e+8:]); v >= 1 && v <= 8 {
			return int(v)
		}
		return 1
	}
	return 1
}
