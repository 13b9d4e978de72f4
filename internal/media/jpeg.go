package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"github.com/disintegration/imaging"
)

// JPEG markers (ITU T.81, table B.1).
const (
	markSOF0  = 0xc0
	markSOF2  = 0xc2 // progressive
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markSOF15 = 0xcf
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markAPP0  = 0xe0
	markAPP1  = 0xe1
	markAPP2  = 0xe2
	markAPP14 = 0xee
	markAPP15 = 0xef
	markCOM   = 0xfe
)

// maxScans bounds the passes over the whole picture that a progressive JPEG
// makes the decoder do. Real ones have about ten.
const maxScans = 100

var (
	headEXIF  = []byte("Exif\x00")
	headXMP   = []byte("http://ns.adobe.com/x") // xap and xmp/extension
	headICC   = []byte("ICC_PROFILE\x00")
	headJFIF  = []byte("JFIF\x00")
	headAdobe = []byte("Adobe")
)

// jpegWalk copies a JPEG from r to w, leaving out what is not needed to show
// it: every application's segment but those of JFIF, the colour profile and
// Adobe's colour transform, comments, and all behind the end.
type jpegWalk struct {
	r     *bufio.Reader
	w     io.Writer
	facts facts
	scans int
	buf   [1 << 16]byte
}

func walkJPEG(r *bufio.Reader, w io.Writer) (facts, error) {
	j := &jpegWalk{r: r, w: w}
	var soi [2]byte
	if _, err := io.ReadFull(r, soi[:]); err != nil {
		return facts{}, err
	}
	if _, err := w.Write(soi[:]); err != nil {
		return facts{}, err
	}
	mark, err := j.next()
	for err == nil && mark != markEOI {
		mark, err = j.segment(mark)
	}
	if err != nil {
		return facts{}, err
	}
	_, err = w.Write([]byte{0xff, markEOI})
	return j.facts, err
}

// next finds the next marker, over bytes that belong to nothing.
func (j *jpegWalk) next() (byte, error) {
	for {
		b, err := j.r.ReadByte()
		for err == nil && b != 0xff {
			b, err = j.r.ReadByte()
		}
		for err == nil && b == 0xff {
			b, err = j.r.ReadByte()
		}
		if err != nil || b != 0 {
			return b, err
		}
	}
}

// segment deals with the segment of the marker and returns the next marker.
func (j *jpegWalk) segment(mark byte) (byte, error) {
	if mark >= markRST0 && mark <= markRST7 || mark == 0x01 {
		return j.next()
	}
	if mark < markSOF0 || mark == markSOI {
		return 0, errDamaged
	}
	var length [2]byte
	if _, err := io.ReadFull(j.r, length[:]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(length[:])) - 2
	if n < 0 {
		return 0, errDamaged
	}
	data := j.buf[:n]
	if _, err := io.ReadFull(j.r, data); err != nil {
		return 0, err
	}
	if data = j.keep(mark, data); data != nil {
		if err := writeSegment(j.w, mark, data); err != nil {
			return 0, err
		}
	}
	if mark == markSOS {
		return j.pixels()
	}
	return j.next()
}

// keep learns from a segment and returns what to keep of it, or nil.
func (j *jpegWalk) keep(mark byte, data []byte) []byte {
	switch {
	case mark == markAPP0 && bytes.HasPrefix(data, headJFIF) && len(data) >= 14:
		data = data[:14]
		data[12], data[13] = 0, 0 // the size of a tiny picture that may follow
		return data
	case mark == markAPP1 && bytes.HasPrefix(data, headEXIF):
		j.facts.tells = true
		if j.facts.orientation == 0 {
			j.facts.orientation = exifOrientation(data)
		}
		return nil
	case mark == markAPP1 && bytes.HasPrefix(data, headXMP):
		j.facts.tells = true
		return nil
	case mark == markAPP2 && bytes.HasPrefix(data, headICC):
		j.facts.addProfile(data)
		return data
	case mark == markAPP14 && bytes.HasPrefix(data, headAdobe):
		return data
	case mark >= markAPP0 && mark <= markAPP15, mark == markCOM:
		return nil
	case mark >= markSOF0 && mark <= markSOF15 && mark != markDHT && mark != markJPG && mark != markDAC:
		j.facts.bytesPerPixel = sampleBytes(data, mark == markSOF2)
	}
	return data
}

// pixels copies the compressed data of one scan and returns the marker that
// ends it.
func (j *jpegWalk) pixels() (byte, error) {
	if j.scans++; j.scans > maxScans {
		return 0, errTooCostly
	}
	for {
		part, err := j.r.ReadSlice(0xff)
		if err != nil && err != bufio.ErrBufferFull {
			return 0, err
		}
		complete := err == nil // part ends with 0xff
		if complete {
			part = part[:len(part)-1]
		}
		if _, err := j.w.Write(part); err != nil {
			return 0, err
		}
		if !complete {
			continue
		}
		b := byte(0xff)
		for b == 0xff {
			if b, err = j.r.ReadByte(); err != nil {
				return 0, err
			}
		}
		if inside := b == 0 || b >= markRST0 && b <= markRST7; !inside {
			return b, nil
		}
		if _, err := j.w.Write([]byte{0xff, b}); err != nil {
			return 0, err
		}
	}
}

// sampleBytes tells from a frame header how many bytes a pixel takes while it
// is decoded and turned.
func sampleBytes(sof []byte, progressive bool) float64 {
	if len(sof) < 6 || len(sof) < 6+3*int(sof[5]) {
		return 4
	}
	samples, most := 0, 1
	for i := range int(sof[5]) {
		factors := sof[6+3*i+1]
		n := int(factors>>4) * int(factors&15)
		samples += n
		most = max(most, n)
	}
	perPixel := float64(samples) / float64(most)
	if progressive {
		return perPixel * 6 // the coefficients, of four bytes each, stay until the end
	}
	return perPixel * 2
}

// addProfile keeps a segment of the colour profile.
func (f *facts) addProfile(data []byte) {
	const (
		header = 14 // "ICC_PROFILE\0", number, count
		space  = 16 // offset in the profile (ICC.1, 7.2)
	)
	if len(f.profile) == 0 && len(data) >= header+space+4 {
		f.profileSpace = string(data[header+space : header+space+4])
	}
	if len(f.profile)+len(data) > maxProfile {
		f.profileSpace = "" // too large to carry over
		return
	}
	var b bytes.Buffer
	_ = writeSegment(&b, markAPP2, data) // a Buffer takes everything
	f.profile = append(f.profile, b.Bytes()...)
}

func writeSegment(w io.Writer, mark byte, data []byte) error {
	n := len(data) + 2
	if _, err := w.Write([]byte{0xff, mark, byte(n >> 8), byte(n)}); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// exifOrientation reads the orientation, 1 to 8, from an EXIF segment: tag
// 0x0112 of the first directory (Exif 2.32, 4.6.4). It returns 0 when there
// is none.
func exifOrientation(data []byte) int {
	const start = 6 // of the TIFF header, behind "Exif\0\0"
	if len(data) < start+8 {
		return 0
	}
	tiff := data[start:]
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 0
		}
		const tagOrientation, typeShort = 0x0112, 3
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}

// encodeJPEG writes img as JPEG with the given colour profile segments.
func encodeJPEG(w io.Writer, img image.Image, quality int, profile []byte) error {
	if _, err := w.Write(append([]byte{0xff, markSOI}, profile...)); err != nil {
		return fmt.Errorf("encoding a JPEG: %w", err)
	}
	buffered := bufio.NewWriterSize(&skipper{w: w, skip: 2}, 64<<10)
	err := jpeg.Encode(buffered, img, &jpeg.Options{Quality: quality})
	if err = errors.Join(err, buffered.Flush()); err != nil {
		return fmt.Errorf("encoding a JPEG: %w", err)
	}
	return nil
}

// skipper leaves out the first bytes of what is written to w.
type skipper struct {
	w    io.Writer
	skip int
}

func (s *skipper) Write(b []byte) (int, error) {
	n := min(s.skip, len(b))
	s.skip -= n
	m, err := s.w.Write(b[n:])
	return n + m, err
}

// upright turns a picture as its EXIF orientation asks.
func upright(img image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return img
	}
	switch m := img.(type) {
	case *image.YCbCr:
		return turnYCbCr(m, orientation)
	case *image.Gray:
		w, h := m.Rect.Dx(), m.Rect.Dy()
		out := image.NewGray(turned(w, h, orientation))
		turnPlane(out.Pix, out.Stride, out.Rect.Dx(), out.Rect.Dy(), m.Pix, m.Stride, w, h, orientation)
		return out
	}
	switch orientation {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img)
	case 7:
		return imaging.Transverse(img)
	default:
		return imaging.Rotate90(img)
	}
}

// turned is the size of a picture after the turn: from 5 on, width and height
// change places.
func turned(w, h, orientation int) image.Rectangle {
	if orientation >= 5 {
		w, h = h, w
	}
	return image.Rect(0, 0, w, h)
}

// turnYCbCr turns the three planes as they are: a third of the memory that
// the same picture takes in RGB.
func turnYCbCr(m *image.YCbCr, orientation int) *image.YCbCr {
	ratio := m.SubsampleRatio
	if orientation >= 5 {
		switch ratio {
		case image.YCbCrSubsampleRatio422:
			ratio = image.YCbCrSubsampleRatio440
		case image.YCbCrSubsampleRatio440:
			ratio = image.YCbCrSubsampleRatio422
		case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
			// Their mirror images do not exist.
			return turnYCbCr(fullColour(m), orientation)
		}
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewYCbCr(turned(w, h, orientation), ratio)
	turnPlane(out.Y, out.YStride, out.Rect.Dx(), out.Rect.Dy(), m.Y, m.YStride, w, h, orientation)
	cw, ch := chromaSize(m.SubsampleRatio, w, h)
	ow, oh := chromaSize(ratio, out.Rect.Dx(), out.Rect.Dy())
	turnPlane(out.Cb, out.CStride, ow, oh, m.Cb, m.CStride, cw, ch, orientation)
	turnPlane(out.Cr, out.CStride, ow, oh, m.Cr, m.CStride, cw, ch, orientation)
	return out
}

// fullColour gives each pixel a colour sample of its own.
func fullColour(m *image.YCbCr) *image.YCbCr {
	out := image.NewYCbCr(m.Rect, image.YCbCrSubsampleRatio444)
	for y := range m.Rect.Dy() {
		copy(out.Y[y*out.YStride:], m.Y[y*m.YStride:y*m.YStride+m.Rect.Dx()])
		for x := range m.Rect.Dx() {
			c := m.COffset(x, y)
			out.Cb[y*out.CStride+x], out.Cr[y*out.CStride+x] = m.Cb[c], m.Cr[c]
		}
	}
	return out
}

func chromaSize(ratio image.YCbCrSubsampleRatio, w, h int) (int, int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return (w + 1) / 2, h
	case image.YCbCrSubsampleRatio420:
		return (w + 1) / 2, (h + 1) / 2
	case image.YCbCrSubsampleRatio440:
		return w, (h + 1) / 2
	case image.YCbCrSubsampleRatio411:
		return (w + 3) / 4, h
	case image.YCbCrSubsampleRatio410:
		return (w + 3) / 4, (h + 1) / 2
	}
	return w, h
}

// turnPlane fills dst, of dw by dh samples, with the w by h samples of src as
// the orientation asks.
func turnPlane(dst []byte, dstStride, dw, dh int, src []byte, srcStride, w, h, orientation int) {
	// The source of dst(0,0), and the steps in src for one to the right and
	// one down in dst.
	right, down := w-1, (h-1)*srcStride
	var start, dx, dy int
	switch orientation {
	case 2:
		start, dx, dy = right, -1, srcStride
	case 3:
		start, dx, dy = right+down, -1, -srcStride
	case 4:
		start, dx, dy = down, 1, -srcStride
	case 5:
		start, dx, dy = 0, srcStride, 1
	case 6:
		start, dx, dy = down, -srcStride, 1
	case 7:
		start, dx, dy = right+down, -srcStride, -1
	case 8:
		start, dx, dy = right, srcStride, -1
	}
	for y := range dh {
		from, row := start+y*dy, dst[y*dstStride:]
		for x := range dw {
			row[x] = src[from+x*dx]
		}
	}
}
