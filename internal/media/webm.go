package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"time"
)

// Elements of a WebM file (RFC 9559, 5.1).
const (
	ebmlHeader    = 0x1a45dfa3
	ebmlDocType   = 0x4282
	webmSegment   = 0x18538067
	webmInfo      = 0x1549a966
	webmScale     = 0x2ad7b1 // nanoseconds a tick
	webmDuration  = 0x4489   // in ticks
	webmTracks    = 0x1654ae6b
	webmTrack     = 0xae
	webmTrackType = 0x83
	webmVideo     = 0xe0
	webmWidth     = 0xb0
	webmHeight    = 0xba
	webmShownW    = 0x54b0
	webmShownH    = 0x54ba
	webmShownUnit = 0x54b2
	webmCluster   = 0x1f43b675

	ebmlVoid        = 0xec // free space
	webmTags        = 0x1254c367
	webmAttachments = 0x1941a469
	webmTitle       = 0x7ba9
	webmDate        = 0x4461
	webmFileName    = 0x7384
	webmFileBefore  = 0x3c83ab
	webmFileAfter   = 0x3e83bb
)

var errMatroska = &RefusedError{"Matroska (MKV) videos cannot be used. Save it as MP4 and upload that."}

// keepWebM puts a WebM video into the folder work, after wiping the elements
// that tell where, when and by whom it was made.
func keepWebM(f *os.File, size int64, work string) (record, error) {
	p := &webm{r: io.NewSectionReader(f, 0, size), size: size, left: maxBoxes, scale: 1e6}
	if err := p.parse(); err != nil {
		return record{}, videoError(err)
	}
	for _, e := range p.findTelling() {
		if err := e.wipe(f); err != nil {
			return record{}, fmt.Errorf("removing a video's private data: %w", err)
		}
	}
	return keepVideo(f, size, typeWebM, p.movie(), work)
}

// findTelling walks through the whole file for what is to be wiped, as far as
// elements tell where they end.
func (p *webm) findTelling() (telling []element) {
	look := &webm{r: p.r, size: p.size, left: 20 * maxBoxes}
	var visit func(e element) (bool, error)
	visit = func(e element) (bool, error) {
		switch e.id {
		case webmSegment, webmInfo:
			return true, look.each(e.start, e.end, visit)
		case webmTags, webmAttachments, webmTitle, webmDate, webmFileName, webmFileBefore, webmFileAfter:
			telling = append(telling, e)
		}
		return !e.open, nil
	}
	// What is damaged behind its pictures plays all the same.
	_ = look.each(0, p.size, visit)
	return telling
}

// wipe makes the element one of free space of the same length, so that nothing
// behind it moves.
func (e element) wipe(f *os.File) error {
	length := e.end - e.at
	if length < 2 {
		return nil
	}
	head := []byte{ebmlVoid, 0x80 | byte(length-2)}
	if length-2 >= 1<<7-1 {
		head = binary.BigEndian.AppendUint64([]byte{ebmlVoid}, 1<<56|uint64(length-9))
	}
	if _, err := f.WriteAt(head, e.at); err != nil {
		return err
	}
	return zero(f, e.at+int64(len(head)), e.end)
}

// element is one part of a WebM file.
type element struct {
	id         uint32
	at         int64 // where it begins
	start, end int64 // of its content
	open       bool  // its end is not told
}

// webm reads the headers of a WebM file up to its first pictures.
type webm struct {
	r        io.ReaderAt
	size     int64
	left     int // elements that may still be looked at
	depth    int // of the element being read
	scale    uint64
	ticks    float64
	docType  string
	segment  bool
	info     bool
	tracks   bool
	clusters bool
	track    webmPicture // the track being read
	video    webmPicture
}

type webmPicture struct {
	kind           uint64 // 1 is video
	width, height  uint64
	shownW, shownH uint64
	shownUnit      uint64 // 0: pixels
}

func (p *webm) parse() error {
	err := p.each(0, p.size, func(e element) (bool, error) {
		switch e.id {
		case ebmlHeader:
			return true, p.each(e.start, e.end, p.inHeader)
		case webmSegment:
			p.segment = true
			return false, p.each(e.start, e.end, p.inSegment)
		}
		return true, nil
	})
	switch {
	case err != nil:
		return err
	case p.docType == "matroska":
		return errMatroska
	case p.docType != "webm" || !p.segment || !p.tracks || !p.clusters:
		return errDamagedVideo
	case p.video.kind != 1:
		return errNoPicture
	case p.video.width == 0 || p.video.height == 0 || p.video.width > maxSide || p.video.height > maxSide:
		return errDamagedVideo
	}
	return nil
}

func (p *webm) movie() movie {
	m := movie{width: int(p.video.width), height: int(p.video.height)}
	if v := p.video; v.shownUnit == 0 && v.shownW > 0 && v.shownH > 0 && v.shownW <= maxSide && v.shownH <= maxSide {
		m.width, m.height = int(v.shownW), int(v.shownH)
	}
	seconds := p.ticks * float64(p.scale) / 1e9
	if seconds > 0 && seconds <= maxDuration.Seconds() { // false for what is no number
		m.duration = time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
	}
	return m
}

func (p *webm) inHeader(e element) (bool, error) {
	if e.id == ebmlDocType && e.end-e.start <= 16 {
		b := make([]byte, e.end-e.start)
		if _, err := io.ReadFull(io.NewSectionReader(p.r, e.start, e.end-e.start), b); err != nil {
			return false, err
		}
		p.docType = string(b)
	}
	return true, nil
}

// inSegment reads headers until it has them and the first pictures.
func (p *webm) inSegment(e element) (bool, error) {
	var err error
	switch e.id {
	case webmInfo:
		p.info = true
		err = p.each(e.start, e.end, p.inInfo)
	case webmTracks:
		p.tracks = true
		err = p.each(e.start, e.end, p.inTracks)
	case webmCluster:
		p.clusters = true
		if e.open {
			return false, nil
		}
	}
	return !(p.info && p.tracks && p.clusters), err
}

func (p *webm) inInfo(e element) (more bool, err error) {
	switch e.id {
	case webmScale:
		p.scale, err = p.number(e)
	case webmDuration:
		p.ticks, err = p.float(e)
	}
	return true, err
}

func (p *webm) inTracks(e element) (bool, error) {
	if e.id != webmTrack {
		return true, nil
	}
	p.track = webmPicture{}
	if err := p.each(e.start, e.end, p.inTrack); err != nil {
		return false, err
	}
	if p.track.kind == 1 && p.video.kind != 1 {
		p.video = p.track
	}
	return true, nil
}

func (p *webm) inTrack(e element) (more bool, err error) {
	into := map[uint32]*uint64{
		webmTrackType: &p.track.kind, webmWidth: &p.track.width, webmHeight: &p.track.height,
		webmShownW: &p.track.shownW, webmShownH: &p.track.shownH, webmShownUnit: &p.track.shownUnit,
	}[e.id]
	switch {
	case e.id == webmVideo:
		err = p.each(e.start, e.end, p.inTrack)
	case into != nil:
		*into, err = p.number(e)
	}
	return true, err
}

// each calls visit for each element between from and to, while it wants more.
func (p *webm) each(from, to int64, visit func(element) (more bool, err error)) error {
	if p.depth++; p.depth > maxDepth {
		return errDamagedVideo
	}
	defer func() { p.depth-- }()
	for at := from; at < to; {
		if p.left--; p.left < 0 {
			return errDamagedVideo
		}
		e, err := p.element(at, to)
		if err != nil {
			return err
		}
		more, err := visit(e)
		if err != nil || !more {
			return err
		}
		at = e.end
	}
	return nil
}

// element reads the head of the element at an offset (RFC 8794, 4).
func (p *webm) element(at, to int64) (element, error) {
	id, n, err := p.vint(at, to, 4)
	if err != nil {
		return element{}, err
	}
	begin := at
	at += int64(n)
	length, m, err := p.vint(at, to, 8)
	if err != nil {
		return element{}, err
	}
	e := element{id: uint32(id), at: begin, start: at + int64(m), end: to}
	length &= 1<<(7*m) - 1 // without the mark of how long it is
	if e.open = length == 1<<(7*m)-1; e.open {
		if e.id != webmSegment && e.id != webmCluster {
			return element{}, errDamagedVideo
		}
		return e, nil
	}
	if length > uint64(to-e.start) {
		return element{}, errDamagedVideo
	}
	e.end = e.start + int64(length)
	return e, nil
}

// vint reads a number of variable length with its length mark, of at most n
// bytes, and tells how many it has.
func (p *webm) vint(at, to int64, n int) (value uint64, length int, err error) {
	var b [8]byte
	if at >= to {
		return 0, 0, errDamagedVideo
	}
	if _, err := p.r.ReadAt(b[:1], at); err != nil {
		return 0, 0, err
	}
	length = bits.LeadingZeros8(b[0]) + 1
	if length > n || int64(length) > to-at {
		return 0, 0, errDamagedVideo
	}
	if _, err := p.r.ReadAt(b[8-length:], at); err != nil {
		return 0, 0, err
	}
	if length < 8 {
		b[0] = 0
	}
	return binary.BigEndian.Uint64(b[:]), length, nil
}

// number reads an unsigned integer.
func (p *webm) number(e element) (uint64, error) {
	var b [8]byte
	n := e.end - e.start
	if n > 8 {
		return 0, errDamagedVideo
	}
	if _, err := io.ReadFull(io.NewSectionReader(p.r, e.start, n), b[8-n:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b[:]), nil
}

func (p *webm) float(e element) (float64, error) {
	v, err := p.number(e)
	switch e.end - e.start {
	case 4:
		return float64(math.Float32frombits(uint32(v))), err
	case 8:
		return math.Float64frombits(v), err
	}
	return 0, err
}
