package media

import (
	"bufio"
	"encoding/binary"
	"io"
)

var errAnimatedWebP = &RefusedError{"Animated WebP pictures cannot be used. Save it as GIF or MP4 and upload that."}

// Bits of the first byte of a VP8X chunk (RFC 9649, 2.7).
const (
	webpAnimated = 1 << 1
	webpXMP      = 1 << 2
	webpEXIF     = 1 << 3
)

// webpKept are the chunks that show a still picture.
var webpKept = map[string]bool{"VP8X": true, "VP8 ": true, "VP8L": true, "ALPH": true, "ICCP": true}

// walkWebP copies a still WebP from r to w, without EXIF, XMP and chunks of
// other names, up to its end, and returns the length that its header has to
// tell. That stands before what it counts, so it takes a walk to find it and
// one to write it.
func walkWebP(r *bufio.Reader, w io.Writer, length int64) (int64, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4
	binary.LittleEndian.PutUint32(head[4:], uint32(length))
	if _, err := w.Write(head[:]); err != nil {
		return 0, err
	}
	kept := int64(4)
	for left >= 8 {
		start, err := r.Peek(8)
		if err != nil {
			return 0, err
		}
		name := string(start[:4])
		n := int64(binary.LittleEndian.Uint32(start[4:]))
		n += 8 + n&1
		left -= n
		to := w
		if webpKept[name] {
			kept += n
		} else {
			to = io.Discard
		}
		switch name {
		case "ANIM", "ANMF":
			return 0, errAnimatedWebP
		case "VP8X":
			err = webpFeatures(r, to, n)
		default:
			_, err = io.CopyN(to, r, n)
		}
		if err != nil {
			return 0, err
		}
	}
	return kept, nil
}

// webpFeatures copies a VP8X chunk of n bytes and takes back that there is
// EXIF and XMP.
func webpFeatures(r *bufio.Reader, w io.Writer, n int64) error {
	if n <= 8 {
		return errDamaged
	}
	start, err := r.Peek(9)
	if err != nil {
		return err
	}
	if start[8]&webpAnimated != 0 {
		return errAnimatedWebP
	}
	start[8] &^= webpEXIF | webpXMP
	_, err = io.CopyN(w, r, n)
	return err
}
