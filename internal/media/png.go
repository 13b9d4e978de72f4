package media

import (
	"bufio"
	"encoding/binary"
	"io"
)

// pngKept are the optional chunks that say how a PNG is to be shown, and
// those that make it move. Every other one goes: texts, EXIF, times, and what
// programs put in for themselves.
var pngKept = map[string]bool{
	"tRNS": true, "gAMA": true, "cHRM": true, "sRGB": true, "iCCP": true, "cICP": true, "sBIT": true,
	"bKGD": true, "hIST": true, "pHYs": true, "sPLT": true, "mDCV": true, "cLLI": true,
	"acTL": true, "fcTL": true, "fdAT": true,
}

// walkPNG copies a PNG from r to w without what is not needed to show it, up
// to its end, and tells how many bytes a pixel takes while it is decoded.
func walkPNG(r *bufio.Reader, w io.Writer) (bytesPerPixel float64, err error) {
	start, err := r.Peek(29) // signature and IHDR
	if err != nil {
		return 0, err
	}
	bytesPerPixel = pngBytes(start[24], start[28])
	if _, err := io.CopyN(w, r, 8); err != nil {
		return 0, err
	}
	for {
		head, err := r.Peek(8)
		if err != nil {
			return 0, err
		}
		length := int64(binary.BigEndian.Uint32(head))
		name := string(head[4:])
		if length > 1<<31-1 {
			return 0, errDamaged
		}
		to := w
		if optional := name[0]&0x20 != 0; optional && !pngKept[name] {
			to = io.Discard
		}
		if _, err := io.CopyN(to, r, 8+length+4); err != nil { // length, name, data, checksum
			return 0, err
		}
		if name == "IEND" {
			return bytesPerPixel, nil
		}
	}
}

// pngBytes tells from the bits of a sample and the interlace method how many
// bytes a pixel takes while it is decoded.
func pngBytes(depth, interlace byte) float64 {
	n := 4.0
	if depth == 16 {
		n = 8
	}
	if interlace != 0 {
		n *= 1.5 // the last pass, half of the picture, lies beside it
	}
	return n
}
