package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/media"
)

// atom is one box of an MP4.
func atom(name string, parts ...string) string {
	data := strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(data)))) + name + data
}

func u32(v uint32) string { return string(binary.BigEndian.AppendUint32(nil, v)) }

// mvhd is a movie header: ticks of a 600th of a second.
func mvhd(ticks uint32) string {
	return atom("mvhd", u32(0), u32(1), u32(2), u32(600), u32(ticks), strings.Repeat("\x00", 80))
}

// mvhd64 is one with 64 bit times.
func mvhd64(scale uint32, ticks uint64) string {
	return atom("mvhd", u32(1<<24), strings.Repeat("\x00", 16), u32(scale), u32(uint32(ticks>>32)), u32(uint32(ticks)), strings.Repeat("\x00", 80))
}

var (
	straight    = u32(1<<16) + u32(0) + u32(0) + u32(0) + u32(1<<16) + u32(0) + u32(0) + u32(0) + u32(1<<30)
	quarterTurn = u32(0) + u32(1<<16) + u32(0) + u32(0xffff0000) + u32(0) + u32(0) + u32(1080<<16) + u32(0) + u32(1<<30)
)

func trak(kind, matrix string, w, h uint32, more ...string) string {
	return atom("trak",
		atom("tkhd", u32(7), strings.Repeat("\x00", 36), matrix, u32(w<<16), u32(h<<16)),
		atom("mdia", atom("mdhd", strings.Repeat("\x00", 24)), atom("hdlr", u32(0), "mhlr", kind, strings.Repeat("\x00", 13)),
			atom("minf", atom("hdlr", u32(0), "dhlr", "alis", strings.Repeat("\x00", 13)), atom("stbl", stsd(320, 240)))),
		strings.Join(more, ""))
}

// stsd describes the coded pictures.
func stsd(w, h uint32) string {
	return atom("stsd", u32(0), u32(1), atom("avc1", strings.Repeat("\x00", 24), u32(w<<16|h), strings.Repeat("\x00", 50)))
}

var (
	ftypMP4 = atom("ftyp", "isom", u32(512), "isomiso2avc1mp41")
	ftypMOV = atom("ftyp", "qt  ", u32(0), "qt  ")
	mdat    = atom("mdat", strings.Repeat("picture", 100))
	sound   = trak("soun", straight, 0, 0)
)

func TestMP4(t *testing.T) {
	f := newStore(t)
	wide := trak("vide", straight, 1920, 1080)
	for name, c := range map[string]struct {
		data string
		want media.Info
	}{
		"headers first":  {ftypMP4 + atom("moov", mvhd(900), sound, wide) + mdat, media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: 1500 * time.Millisecond}},
		"headers last":   {ftypMOV + atom("wide") + mdat + atom("moov", mvhd(600), wide), media.Info{Type: "video/quicktime", Width: 1920, Height: 1080, Duration: time.Second}},
		"no ftyp":        {atom("wide") + mdat + atom("moov", mvhd(600), wide), media.Info{Type: "video/quicktime", Width: 1920, Height: 1080, Duration: time.Second}},
		"phone upright":  {ftypMP4 + atom("moov", mvhd(600), trak("vide", quarterTurn, 1920, 1080)) + mdat, media.Info{Type: "video/mp4", Width: 1080, Height: 1920, Duration: time.Second}},
		"64 bit times":   {ftypMP4 + atom("moov", mvhd64(1000, 61_500), wide) + mdat, media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: 61500 * time.Millisecond}},
		"64 bit lengths": {ftypMP4 + atom("moov", mvhd(600), wide) + u32(1) + "mdat" + u32(0) + u32(20) + "data", media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: time.Second}},
		"to the end":     {ftypMP4 + atom("moov", mvhd(600), wide) + u32(0) + "mdat" + "data", media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: time.Second}},
		"coded size":     {ftypMP4 + atom("moov", mvhd(600), trak("vide", straight, 0, 0)) + mdat, media.Info{Type: "video/mp4", Width: 320, Height: 240, Duration: time.Second}},
		"largest track":  {ftypMP4 + atom("moov", mvhd(600), trak("vide", straight, 160, 90), wide, trak("vide", straight, 20, 20)) + mdat, media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: time.Second}},
		"fragments":      {ftypMP4 + atom("moov", mvhd(0), wide, atom("mvex", atom("mehd", u32(0), u32(1200)))) + atom("moof") + mdat + atom("moof") + mdat, media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: 2 * time.Second}},
		"no clock":       {ftypMP4 + atom("moov", mvhd64(0, 9), wide) + mdat, media.Info{Type: "video/mp4", Width: 1920, Height: 1080}},
		"endless":        {ftypMP4 + atom("moov", mvhd64(1, math.MaxUint64), wide) + mdat, media.Info{Type: "video/mp4", Width: 1920, Height: 1080}},
		"something more": {ftypMP4 + atom("moov", mvhd(600), wide) + mdat + "trailing bytes", media.Info{Type: "video/mp4", Width: 1920, Height: 1080, Duration: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			id, got := f.put(t, []byte(c.data))
			c.want.Kind, c.want.Bytes = media.Video, int64(len(c.data))
			if got != c.want {
				t.Errorf("got %+v; want %+v", got, c.want)
			}
			if original, contentType := f.read(t, f.Original, id); string(original) != c.data || contentType != c.want.Type {
				t.Errorf("the original is %d bytes of %s", len(original), contentType)
			}
			if _, _, _, err := f.Preview(f.org, id); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the preview gave %v", err)
			}
			f.empty(t, "uploads")
		})
	}
}

func TestPlaceIsWipedFromMP4(t *testing.T) {
	place := atom("udta", atom("\xa9xyz", secret)) + atom("meta", secret)
	xmp := atom("uuid", "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"+secret)
	other := atom("uuid", "0123456789abcdef"+"kept")
	data := ftypMP4 + xmp + other + atom("moov", mvhd(600), place, trak("vide", straight, 640, 360, place), xmp) + mdat + place
	f := newStore(t)
	id, info := f.put(t, []byte(data))
	original, _ := f.read(t, f.Original, id)
	tells(t, "original", original)
	if len(original) != len(data) || !bytes.Contains(original, []byte(other)) || !bytes.HasSuffix(original[:len(data)-len(place)], []byte(mdat)) {
		t.Error("something else has changed")
	}
	_, again := f.put(t, original)
	if again != info {
		t.Errorf("the wiped video is %+v; was %+v", again, info)
	}
}

func TestBadMP4(t *testing.T) {
	wide := trak("vide", straight, 1920, 1080)
	deep := ""
	for range 1000 {
		deep = atom("mdia", deep)
	}
	f := newStore(t)
	for name, data := range map[string]string{
		"only sound":       ftypMP4 + atom("moov", mvhd(600), sound) + mdat,
		"no headers":       ftypMP4 + mdat,
		"no pictures":      ftypMP4 + atom("moov", mvhd(600), wide),
		"length of 4 GB":   ftypMP4 + atom("moov", mvhd(600), wide) + u32(math.MaxUint32) + "mdat" + "data",
		"length of 2^64":   ftypMP4 + u32(1) + "moov" + u32(math.MaxUint32) + u32(math.MaxUint32) + mdat,
		"length too short": ftypMP4 + u32(4) + "moov" + mdat,
		"box over its end": ftypMP4 + atom("moov", u32(5000)+"trak") + mdat,
		"short header":     ftypMP4 + atom("moov", atom("mvhd", u32(0)), wide) + mdat,
		"deep":             ftypMP4 + atom("moov", mvhd(600), wide, atom("trak", deep)) + mdat,
		"many boxes":       ftypMP4 + strings.Repeat(atom("free"), 300_000) + atom("moov", mvhd(600), wide) + mdat,
		"cut off headers":  (ftypMP4 + mdat + atom("moov", mvhd(600), wide))[:len(ftypMP4)+len(mdat)+200],
		"cut off pictures": ftypMP4 + atom("moov", mvhd(600), wide) + mdat[:100],
		"script":           "\x00\x00\x00\x18ftypmp42<script>alert(1)</script>",
	} {
		t.Run(name, func(t *testing.T) { f.refused(t, []byte(data)) })
	}
}

// ebml is one element of a WebM, with a length of eight bytes.
func ebml(id string, parts ...string) string {
	data := strings.Join(parts, "")
	n := binary.BigEndian.AppendUint64(nil, 1<<56|uint64(len(data)))
	return id + string(n) + data
}

// unending is an element that does not tell its length.
func unending(id string, parts ...string) string {
	return id + "\x01\xff\xff\xff\xff\xff\xff\xff" + strings.Join(parts, "")
}

const (
	idHeader, idDocType, idSegment  = "\x1a\x45\xdf\xa3", "\x42\x82", "\x18\x53\x80\x67"
	idInfo, idScale, idDuration     = "\x15\x49\xa9\x66", "\x2a\xd7\xb1", "\x44\x89"
	idTracks, idTrack, idTrackType  = "\x16\x54\xae\x6b", "\xae", "\x83"
	idVideo, idWidth, idHeight      = "\xe0", "\xb0", "\xba"
	idShownW, idShownH, idShownUnit = "\x54\xb0", "\x54\xba", "\x54\xb2"
	idCluster, idVoid               = "\x1f\x43\xb6\x75", "\xec"
)

func f32(v float32) string { return u32(math.Float32bits(v)) }
func f64(v float64) string {
	return string(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
}

var (
	webmHead   = ebml(idHeader, ebml(idDocType, "webm"))
	webmTracks = ebml(idTracks,
		ebml(idTrack, ebml(idTrackType, "\x02")),
		ebml(idTrack, ebml(idTrackType, "\x01"), ebml(idVideo, ebml(idWidth, "\x07\x80"), ebml(idHeight, "\x04\x38"))))
	webmCluster = ebml(idCluster, "pictures")
)

func TestWebM(t *testing.T) {
	f := newStore(t)
	long := ebml(idInfo, ebml(idDuration, f64(2500)))
	shown := ebml(idTracks, ebml(idTrack, ebml(idTrackType, "\x01"), ebml(idVideo, ebml(idWidth, "\x07\x80"), ebml(idHeight, "\x04\x38"),
		ebml(idShownW, "\x05\x00"), ebml(idShownH, "\x02\xd0"))))
	ratio := ebml(idTracks, ebml(idTrack, ebml(idTrackType, "\x01"), ebml(idVideo, ebml(idWidth, "\x07\x80"), ebml(idHeight, "\x04\x38"),
		ebml(idShownW, "\x10"), ebml(idShownH, "\x09"), ebml(idShownUnit, "\x03"))))
	for name, c := range map[string]struct {
		data string
		want media.Info
	}{
		"usual":         {webmHead + ebml(idSegment, ebml(idVoid, "gap"), long, webmTracks, webmCluster), media.Info{Width: 1920, Height: 1080, Duration: 2500 * time.Millisecond}},
		"live":          {webmHead + unending(idSegment, ebml(idInfo), webmTracks, unending(idCluster, "pictures")), media.Info{Width: 1920, Height: 1080}},
		"own clock":     {webmHead + ebml(idSegment, ebml(idInfo, ebml(idScale, "\x0f\x42\x40"), ebml(idDuration, f32(90))), webmTracks, webmCluster), media.Info{Width: 1920, Height: 1080, Duration: 90 * time.Millisecond}},
		"tracks last":   {webmHead + ebml(idSegment, long, webmCluster, webmCluster, webmTracks), media.Info{Width: 1920, Height: 1080, Duration: 2500 * time.Millisecond}},
		"shown size":    {webmHead + ebml(idSegment, long, shown, webmCluster), media.Info{Width: 1280, Height: 720, Duration: 2500 * time.Millisecond}},
		"shown ratio":   {webmHead + ebml(idSegment, long, ratio, webmCluster), media.Info{Width: 1920, Height: 1080, Duration: 2500 * time.Millisecond}},
		"no number":     {webmHead + ebml(idSegment, ebml(idInfo, ebml(idDuration, f64(math.NaN()))), webmTracks, webmCluster), media.Info{Width: 1920, Height: 1080}},
		"endless":       {webmHead + ebml(idSegment, ebml(idInfo, ebml(idDuration, f64(math.Inf(1)))), webmTracks, webmCluster), media.Info{Width: 1920, Height: 1080}},
		"short lengths": {"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + ebml(idSegment, long, webmTracks, webmCluster), media.Info{Width: 1920, Height: 1080, Duration: 2500 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := f.put(t, []byte(c.data))
			c.want.Kind, c.want.Type, c.want.Bytes = media.Video, "video/webm", int64(len(c.data))
			if got != c.want {
				t.Errorf("got %+v; want %+v", got, c.want)
			}
		})
	}
}

func TestBadWebM(t *testing.T) {
	deep := ebml(idWidth, "\x10") + ebml(idHeight, "\x10")
	for range 1000 {
		deep = ebml(idVideo, deep)
	}
	f := newStore(t)
	whole := webmHead + ebml(idSegment, ebml(idInfo), webmTracks, webmCluster)
	for name, data := range map[string]string{
		"matroska":        ebml(idHeader, ebml(idDocType, "matroska")) + ebml(idSegment, webmTracks, webmCluster),
		"only sound":      webmHead + ebml(idSegment, ebml(idTracks, ebml(idTrack, ebml(idTrackType, "\x02"))), webmCluster),
		"no tracks":       webmHead + ebml(idSegment, webmCluster),
		"no pictures":     webmHead + ebml(idSegment, webmTracks),
		"no segment":      webmHead,
		"no size":         webmHead + ebml(idSegment, ebml(idTracks, ebml(idTrack, ebml(idTrackType, "\x01"))), webmCluster),
		"huge":            webmHead + ebml(idSegment, ebml(idTracks, ebml(idTrack, ebml(idTrackType, "\x01"), ebml(idVideo, ebml(idWidth, "\x01\x00\x00\x01"), ebml(idHeight, "\x01")))), webmCluster),
		"length of 2^55":  webmHead + idSegment + "\x01\x7f\xff\xff\xff\xff\xff\xff",
		"open header":     webmHead + ebml(idSegment, unending(idTracks)),
		"number too long": webmHead + ebml(idSegment, ebml(idInfo, ebml(idScale, "123456789")), webmTracks, webmCluster),
		"deep":            webmHead + ebml(idSegment, ebml(idTracks, ebml(idTrack, ebml(idTrackType, "\x01"), deep)), webmCluster),
		"zeros":           webmHead + strings.Repeat("\x00", 100),
		"cut off":         whole[:len(whole)-1],
		"cut off early":   whole[:60],
	} {
		t.Run(name, func(t *testing.T) { f.refused(t, []byte(data)) })
	}
}

func FuzzFinish(f *testing.F) {
	f.Add(pictureJPEG(f, corners(16, 16)))
	f.Add(segments(pictureJPEG(f, corners(16, 16)), exif(binary.LittleEndian, 6), icc("RGB ")))
	f.Add(chunks(picturePNG(f, 16, 16), chunk("tEXt", "x")))
	f.Add(pictureGIF(f, 3))
	for _, s := range []string{webpLossy, webpLossless, webpAlpha, webpMoving} {
		f.Add(pictureWebP(f, s))
	}
	f.Add([]byte(ftypMP4 + atom("moov", mvhd(600), trak("vide", quarterTurn, 64, 36), atom("udta", "x")) + mdat))
	f.Add([]byte(webmHead + ebml(idSegment, ebml(idInfo, ebml(idDuration, f32(90))), webmTracks, webmCluster)))
	s := newStore(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		id := uuid.New()
		info, err := s.Put(t.Context(), s.org, id, bytes.NewReader(data))
		var refused *media.RefusedError
		if err != nil {
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			return
		}
		if info.Kind == "" || info.Width <= 0 || info.Height <= 0 || info.Duration < 0 {
			t.Errorf("got %+v", info)
		}
		// What was kept is of the same kind when it is uploaded again.
		kept, contentType := s.read(t, s.Original, id)
		second := uuid.New()
		again, err := s.Put(t.Context(), s.org, second, bytes.NewReader(kept))
		if err != nil || again != info || contentType != info.Type {
			t.Errorf("kept as %+v, and then as %+v, %v", info, again, err)
		}
		for _, id := range []uuid.UUID{id, second} {
			if err := s.Delete(s.org, id); err != nil {
				t.Fatal(err)
			}
		}
	})
}
