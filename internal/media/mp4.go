package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// movie is what a video's headers tell.
type movie struct {
	width, height int
	duration      time.Duration
}

// Bounds of what a video's headers make us do and believe.
const (
	maxBoxes    = 200_000
	maxDepth    = 16
	maxDuration = 1000 * time.Hour
	maxSide     = 1 << 16 // pixels
)

var (
	errDamagedVideo = &RefusedError{"This video is damaged or incomplete. Save it anew and upload that file."}
	errNoPicture    = &RefusedError{"This file holds sound but no moving picture. Use an MP4, MOV or WebM video."}
)

// keepMP4 puts an MP4 or QuickTime video into the folder work, after wiping
// the boxes that tell where and with what it was taken.
func keepMP4(f *os.File, size int64, contentType, work string) (record, error) {
	p := &mp4{r: io.NewSectionReader(f, 0, size), size: size, left: maxBoxes}
	if err := p.parse(); err != nil {
		return record{}, videoError(err)
	}
	for _, b := range p.telling {
		if err := wipe(f, b); err != nil {
			return record{}, fmt.Errorf("removing a video's private data: %w", err)
		}
	}
	return keepVideo(f, size, contentType, p.movie, work)
}

// videoError tells a cut off video from a failure to read it.
func videoError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamagedVideo
	}
	return err
}

// wipe makes a box one of free space of the same length, so that nothing
// behind it moves. Wiping again changes nothing.
func wipe(f *os.File, b box) error {
	if _, err := f.WriteAt([]byte("free"), b.typeAt); err != nil {
		return err
	}
	return zero(f, b.start, b.end)
}

// zero overwrites a stretch of the file.
func zero(f *os.File, from, to int64) error {
	zeros := make([]byte, 32<<10)
	for at := from; at < to; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// box is one part of an MP4 or QuickTime file (ISO 14496-12, 4.2).
type box struct {
	name       string
	typeAt     int64 // where its name stands
	start, end int64 // of its content
}

// mp4 reads the headers of an MP4 or QuickTime file. It jumps from box to
// box and reads none of the pictures.
type mp4 struct {
	r       io.ReaderAt
	size    int64
	left    int // boxes that may still be looked at
	depth   int // of the box being read
	movie   movie
	telling []box  // what is to be wiped
	scale   uint32 // of the movie's clock, ticks a second
	track   track  // the one being read
}

type track struct {
	kind          string
	width, height int
}

func (p *mp4) parse() error {
	var moov, mdat bool
	err := p.each(0, p.size, func(b box) error {
		switch b.name {
		case "moov":
			if err := p.inMovie(b); err != nil {
				return err
			}
			moov = true
		case "mdat":
			mdat = true
		case "udta", "meta":
			p.telling = append(p.telling, b)
		case "uuid":
			return p.custom(b)
		}
		return nil
	})
	// Players pass over whatever follows the parts they need.
	if err == errDamagedVideo && moov && mdat {
		err = nil
	}
	switch {
	case err != nil:
		return err
	case !moov || !mdat:
		return errDamagedVideo
	case p.movie.width == 0:
		return errNoPicture
	}
	return nil
}

// each calls visit for each box between from and to.
func (p *mp4) each(from, to int64, visit func(box) error) error {
	if p.depth++; p.depth > maxDepth {
		return errDamagedVideo
	}
	defer func() { p.depth-- }()
	for at := from; to-at >= 8; {
		if p.left--; p.left < 0 {
			return errDamagedVideo
		}
		var head [16]byte
		if _, err := p.r.ReadAt(head[:8], at); err != nil {
			return err
		}
		b := box{name: string(head[4:8]), typeAt: at + 4, start: at + 8}
		length := uint64(binary.BigEndian.Uint32(head[:]))
		switch length {
		case 0: // up to the end
			length = uint64(to - at)
		case 1:
			if to-at < 16 {
				return errDamagedVideo
			}
			if _, err := p.r.ReadAt(head[8:], at+8); err != nil {
				return err
			}
			length = binary.BigEndian.Uint64(head[8:])
			b.start = at + 16
		}
		if length < uint64(b.start-at) || length > uint64(to-at) {
			return errDamagedVideo
		}
		b.end = at + int64(length)
		if err := visit(b); err != nil {
			return err
		}
		at = b.end
	}
	return nil
}

func (p *mp4) inMovie(moov box) error {
	return p.each(moov.start, moov.end, func(b box) error {
		switch b.name {
		case "mvhd":
			return p.clock(b)
		case "mvex":
			return p.each(b.start, b.end, p.inFragments)
		case "trak":
			return p.inMovieTrack(b)
		case "udta", "meta":
			p.telling = append(p.telling, b)
		case "uuid":
			return p.custom(b)
		}
		return nil
	})
}

// inFragments reads the length of a video that comes in fragments.
func (p *mp4) inFragments(b box) error {
	if b.name != "mehd" {
		return nil
	}
	data, long, err := p.full(b, 8, 12)
	if err != nil {
		return err
	}
	ticks := uint64(binary.BigEndian.Uint32(data[4:]))
	if long {
		ticks = binary.BigEndian.Uint64(data[4:])
	}
	p.movie.duration = ticksLong(ticks, p.scale)
	return nil
}

// clock reads mvhd: how long the movie is.
func (p *mp4) clock(b box) error {
	data, long, err := p.full(b, 20, 32)
	if err != nil {
		return err
	}
	p.scale = binary.BigEndian.Uint32(data[12:])
	ticks := uint64(binary.BigEndian.Uint32(data[16:]))
	if long {
		p.scale = binary.BigEndian.Uint32(data[20:])
		ticks = binary.BigEndian.Uint64(data[24:])
	}
	p.movie.duration = ticksLong(ticks, p.scale)
	return nil
}

// ticksLong is how long so many ticks last: 0 when that cannot be true.
func ticksLong(ticks uint64, perSecond uint32) time.Duration {
	if perSecond == 0 {
		return 0
	}
	seconds := float64(ticks) / float64(perSecond)
	if seconds > maxDuration.Seconds() {
		return 0
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
}

// inMovieTrack reads one track; the largest picture is the video.
func (p *mp4) inMovieTrack(trak box) error {
	p.track = track{}
	if err := p.each(trak.start, trak.end, p.inTrack); err != nil {
		return err
	}
	t := p.track
	if t.kind == "vide" && t.width*t.height > p.movie.width*p.movie.height {
		p.movie.width, p.movie.height = t.width, t.height
	}
	return nil
}

func (p *mp4) inTrack(b box) error {
	switch b.name {
	case "tkhd":
		return p.trackHeader(b)
	case "mdia", "minf", "stbl":
		return p.each(b.start, b.end, p.inTrack)
	case "hdlr":
		return p.handler(b)
	case "stsd":
		return p.sample(b)
	case "udta", "meta":
		p.telling = append(p.telling, b)
	}
	return nil
}

// handler reads what a track is for. QuickTime has a second handler, inside
// minf, which names the way to the data.
func (p *mp4) handler(b box) error {
	data, _, err := p.full(b, 12, 12)
	if err != nil {
		return err
	}
	if p.track.kind == "" {
		p.track.kind = string(data[8:12])
	}
	return nil
}

// trackHeader reads the size that a track is shown in, and its turn.
func (p *mp4) trackHeader(head box) error {
	data, long, err := p.full(head, 84, 96)
	if err != nil {
		return err
	}
	if long {
		data = data[12:]
	}
	// The matrix a b u c d v x y w stands at 40, then width and height, all
	// in 16.16 fixed point. A quarter turn has a = d = 0.
	fixed := func(at int) int { return int(binary.BigEndian.Uint32(data[at:]) >> 16) }
	w, h := fixed(76), fixed(80)
	a, b, d := binary.BigEndian.Uint32(data[40:]), binary.BigEndian.Uint32(data[44:]), binary.BigEndian.Uint32(data[56:])
	if a == 0 && d == 0 && b != 0 {
		w, h = h, w
	}
	p.track.width, p.track.height = w, h
	return nil
}

// sample reads the size of the coded pictures, for a track whose header
// does not tell one.
func (p *mp4) sample(b box) error {
	if p.track.width > 0 && p.track.height > 0 || p.track.kind != "vide" {
		return nil
	}
	data, _, err := p.full(b, 44, 44)
	if err != nil {
		return err
	}
	p.track.width = int(binary.BigEndian.Uint16(data[40:]))
	p.track.height = int(binary.BigEndian.Uint16(data[42:]))
	return nil
}

// xmpUUID names a box that holds XMP (XMP specification, part 3).
const xmpUUID = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"

func (p *mp4) custom(b box) error {
	var id [16]byte
	if b.end-b.start < int64(len(id)) {
		return nil
	}
	if _, err := p.r.ReadAt(id[:], b.start); err != nil {
		return err
	}
	if string(id[:]) == xmpUUID {
		p.telling = append(p.telling, b)
	}
	return nil
}

// full reads the first bytes of a box that begins with a version: short of
// them in version 0, long in version 1, whose times have 64 bits.
func (p *mp4) full(b box, short, long int64) (data []byte, isLong bool, err error) {
	var version [1]byte
	if b.end-b.start < short {
		return nil, false, errDamagedVideo
	}
	if _, err := p.r.ReadAt(version[:], b.start); err != nil {
		return nil, false, err
	}
	n := short
	if isLong = version[0] == 1; isLong {
		n = long
	}
	if b.end-b.start < n {
		return nil, false, errDamagedVideo
	}
	data = make([]byte, n)
	_, err = p.r.ReadAt(data, b.start)
	return data, isLong, err
}
