package media_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"golang.org/x/image/webp"

	"github.com/allin-platform/allin/internal/media"
)

// secret stands wherever a file could tell something about its maker.
const secret = "GPS 59.9139 10.7522 <script>alert(1)</script>"

// corners is a picture with another colour in each quarter: red and green
// above, blue and white below.
func corners(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, c := range []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}} {
		r := image.Rect(0, 0, w/2, h/2).Add(image.Pt(i%2*(w/2), i/2*(h/2)))
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	return img
}

// quarters names the colours in the four quarters of img.
func quarters(img image.Image) string {
	b := img.Bounds()
	var s strings.Builder
	for i := range 4 {
		x, y := b.Min.X+b.Dx()/4+i%2*b.Dx()/2, b.Min.Y+b.Dy()/4+i/2*b.Dy()/2
		r, g, bl, _ := img.At(x, y).RGBA()
		switch high := func(v uint32) bool { return v > 0x8000 }; {
		case high(r) && high(g) && high(bl):
			s.WriteByte('w')
		case high(r):
			s.WriteByte('r')
		case high(g):
			s.WriteByte('g')
		case high(bl):
			s.WriteByte('b')
		default:
			s.WriteByte('.')
		}
	}
	return s.String()
}

func encoded(t testing.TB, encode func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func picturePNG(t testing.TB, w, h int) []byte {
	return encoded(t, func(b io.Writer) error { return png.Encode(b, corners(w, h)) })
}

func pictureJPEG(t testing.TB, img image.Image) []byte {
	return encoded(t, func(b io.Writer) error { return jpeg.Encode(b, img, &jpeg.Options{Quality: 95}) })
}

// segments puts segments behind the start of a JPEG.
func segments(data []byte, parts ...[]byte) []byte {
	return bytes.Join([][]byte{data[:2], bytes.Join(parts, nil), data[2:]}, nil)
}

func segment(mark byte, data string) []byte {
	n := len(data) + 2
	return append([]byte{0xff, mark, byte(n >> 8), byte(n)}, data...)
}

// exif is a segment with an orientation and a secret.
func exif(order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order == interface{}(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, tag := range []uint16{0x010f, 0x0112} {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, orientation)
		b = order.AppendUint16(b, 0)
	}
	return segment(0xe1, "Exif\x00\x00"+string(b)+secret)
}

// icc is a colour profile segment of the given colour space.
func icc(space string) []byte {
	return segment(0xe2, "ICC_PROFILE\x00\x01\x01"+strings.Repeat("p", 16)+space+"profile data")
}

func tells(t *testing.T, name string, b []byte) {
	t.Helper()
	for _, s := range []string{"GPS", "<script>", "Exif", "xpacket", "PK\x03\x04"} {
		if bytes.Contains(b, []byte(s)) {
			t.Errorf("%s still holds %q", name, s)
		}
	}
}

// small checks preview and thumb of a picture and returns the preview.
func (f fixture) small(t *testing.T, data []byte, w, h int) (media.Info, image.Image, string) {
	t.Helper()
	id, info := f.put(t, data)
	preview, contentType := f.read(t, f.Preview, id)
	img, format, err := image.Decode(bytes.NewReader(preview))
	if err != nil {
		t.Fatal(err)
	}
	if "image/"+format != contentType {
		t.Errorf("the preview is %s and called %s", format, contentType)
	}
	if img.Bounds().Dx() != w || img.Bounds().Dy() != h {
		t.Errorf("the preview is %v; want %d x %d", img.Bounds(), w, h)
	}
	thumb, thumbType := f.read(t, f.Thumb, id)
	cfg, format, err := image.DecodeConfig(bytes.NewReader(thumb))
	if err != nil || cfg.Width != 128 || cfg.Height != 128 || "image/"+format != thumbType {
		t.Errorf("the thumb is %d x %d %s, %v, called %s", cfg.Width, cfg.Height, format, err, thumbType)
	}
	original, originalType := f.read(t, f.Original, id)
	if int64(len(original)) != info.Bytes || originalType != info.Type {
		t.Errorf("the original is %d bytes of %s; told %+v", len(original), originalType, info)
	}
	for name, b := range map[string][]byte{"original": original, "preview": preview, "thumb": thumb} {
		tells(t, name, b)
	}
	return info, img, contentType
}

func TestJPEGWithoutMetadataKeepsItsPixels(t *testing.T) {
	f, clean := newStore(t), pictureJPEG(t, corners(1280, 640))
	data := segments(clean,
		segment(0xe0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x01\x01"+"GPS"), // with a tiny picture
		icc("RGB "),
		segment(0xed, "Photoshop 3.0\x00"+secret),
		segment(0xfe, secret))
	data = append(data, "PK\x03\x04"+secret...) // an archive behind the end
	info, preview, contentType := f.small(t, data, 640, 320)
	if want := (media.Info{Kind: media.Image, Type: "image/jpeg", Bytes: info.Bytes, Width: 1280, Height: 640}); info != want {
		t.Errorf("got %+v; want %+v", info, want)
	}
	if q := quarters(preview); q != "rgbw" || contentType != "image/jpeg" {
		t.Errorf("the preview shows %s as %s", q, contentType)
	}
	id, _ := f.put(t, data)
	got, _ := f.read(t, f.Original, id)
	want := segments(clean, segment(0xe0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"), icc("RGB "))
	if !bytes.Equal(got, want) {
		t.Errorf("the original has %d bytes; want the %d of the clean one", len(got), len(want))
	}
}

func TestOrientation(t *testing.T) {
	// How the quarters of a picture stored as red, green / blue, white are
	// shown (Exif 2.32, 4.6.4): 6 is a phone held upright.
	shown := []string{1: "rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"}
	f := newStore(t)
	for o := 1; o <= 8; o++ {
		order := []interface {
			binary.ByteOrder
			binary.AppendByteOrder
		}{binary.LittleEndian, binary.BigEndian}[o%2]
		data := segments(pictureJPEG(t, corners(64, 48)), exif(order, uint16(o)), icc("RGB "))
		w, h := 64, 48
		if o >= 5 {
			w, h = h, w
		}
		info, preview, _ := f.small(t, data, w, h)
		if info.Width != w || info.Height != h {
			t.Errorf("orientation %d: got %d x %d", o, info.Width, info.Height)
		}
		if q := quarters(preview); q != shown[o] {
			t.Errorf("orientation %d: the preview shows %s; want %s", o, q, shown[o])
		}
		id, _ := f.put(t, data)
		original, _ := f.read(t, f.Original, id)
		img, err := jpeg.Decode(bytes.NewReader(original))
		if err != nil {
			t.Fatal(err)
		}
		if q := quarters(img); q != shown[o] {
			t.Errorf("orientation %d: the original shows %s; want %s", o, q, shown[o])
		}
		if !bytes.Contains(original, icc("RGB ")) {
			t.Errorf("orientation %d: the colour profile is gone", o)
		}
	}
}

func TestOrientationOfGray(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 64, 48))
	draw.Draw(gray, image.Rect(0, 0, 32, 24), image.White, image.Point{}, draw.Src)
	data := segments(pictureJPEG(t, gray), exif(binary.LittleEndian, 6), icc("GRAY"))
	f := newStore(t)
	info, preview, _ := f.small(t, data, 48, 64)
	if q := quarters(preview); info.Width != 48 || q != ".w.." {
		t.Errorf("got %+v showing %s", info, q)
	}
	id, _ := f.put(t, data)
	if original, _ := f.read(t, f.Original, id); !bytes.Contains(original, icc("GRAY")) {
		t.Error("the colour profile is gone")
	}
}

func TestDamagedEXIF(t *testing.T) {
	f, clean := newStore(t), pictureJPEG(t, corners(64, 48))
	for _, tiff := range []string{
		"", "II*\x00", "XX*\x00\x08\x00\x00\x00", "II*\x00\xff\xff\xff\xff", "II*\x00\x08\x00\x00\x00\xff\xff\x01",
		"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x63\x00\x00\x00",
	} {
		info, _, _ := f.small(t, segments(clean, segment(0xe1, "Exif\x00\x00"+tiff)), 64, 48)
		if info.Width != 64 {
			t.Errorf("%q: got %+v", tiff, info)
		}
	}
}

func TestXMPIsRemoved(t *testing.T) {
	f := newStore(t)
	f.small(t, segments(pictureJPEG(t, corners(64, 48)),
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<?xpacket?>"+secret)), 64, 48)
}

// chunk is one chunk of a PNG.
func chunk(name, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, name+data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// chunks puts chunks behind the IHDR of a PNG.
func chunks(data []byte, parts ...[]byte) []byte {
	const header = 33
	return bytes.Join([][]byte{data[:header], bytes.Join(parts, nil), data[header:]}, nil)
}

func TestPNG(t *testing.T) {
	f, clean := newStore(t), picturePNG(t, 64, 48)
	gamma := chunk("gAMA", "\x00\x00\xb1\x8f")
	data := chunks(clean, gamma, chunk("tEXt", "Comment\x00"+secret), chunk("iTXt", secret), chunk("zTXt", secret),
		chunk("eXIf", "MM\x00*"+secret), chunk("tIME", "\x07\xe9\x01\x01\x00\x00\x00"), chunk("prVt", secret))
	data = append(data, secret...)
	info, preview, contentType := f.small(t, data, 64, 48)
	if want := (media.Info{Kind: media.Image, Type: "image/png", Bytes: info.Bytes, Width: 64, Height: 48}); info != want {
		t.Errorf("got %+v; want %+v", info, want)
	}
	if q := quarters(preview); q != "rgbw" || contentType != "image/jpeg" {
		t.Errorf("the preview shows %s as %s", q, contentType)
	}
	id, _ := f.put(t, data)
	if got, _ := f.read(t, f.Original, id); !bytes.Equal(got, chunks(clean, gamma)) {
		t.Error("the original is not the file without its texts")
	}
}

func TestTransparencyStays(t *testing.T) {
	img := corners(700, 20)
	img.SetNRGBA(0, 0, color.NRGBA{})
	draw.Draw(img, image.Rect(0, 0, 350, 20), image.Transparent, image.Point{}, draw.Src)
	_, preview, contentType := newStore(t).small(t, encoded(t, func(b io.Writer) error { return png.Encode(b, img) }), 640, 18)
	if _, _, _, a := preview.At(10, 10).RGBA(); a != 0 || contentType != "image/png" {
		t.Errorf("the preview has alpha %d as %s", a, contentType)
	}
}

func TestAPNGStaysImage(t *testing.T) {
	f := newStore(t)
	data := chunks(picturePNG(t, 64, 48), chunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00"))
	info, _, _ := f.small(t, data, 64, 48)
	id, _ := f.put(t, data)
	original, _ := f.read(t, f.Original, id)
	if info.Kind != media.Image || !bytes.Contains(original, []byte("acTL")) {
		t.Errorf("got %+v, moving: %v", info, bytes.Contains(original, []byte("acTL")))
	}
}

func pictureGIF(t testing.TB, frames int) []byte {
	palette := color.Palette{color.Black, color.White, color.NRGBA{255, 0, 0, 255}}
	g := &gif.GIF{Config: image.Config{Width: 40, Height: 30, ColorModel: palette}}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, 40, 30), palette)
		if i > 0 {
			m = image.NewPaletted(image.Rect(3, 3, 5, 5), palette)
		}
		m.Pix[0] = 2
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10)
	}
	return encoded(t, func(b io.Writer) error { return gif.EncodeAll(b, g) })
}

func TestGIF(t *testing.T) {
	f := newStore(t)
	for frames, kind := range map[int]media.Kind{1: media.Image, 2: media.GIF, 30: media.GIF} {
		clean := pictureGIF(t, frames)
		// A comment and a program's block before the end, and a script behind it.
		data := append([]byte{}, clean[:len(clean)-1]...)
		data = append(data, 0x21, 0xfe, byte(len(secret)))
		data = append(data, secret+"\x00"...)
		data = append(data, "\x21\xff\x0bXMP DataXMP"+string(rune(len(secret)))+secret+"\x00"...)
		data = append(data, "\x3b*/=1;"+secret...)
		info, _, _ := f.small(t, data, 40, 30)
		if want := (media.Info{Kind: kind, Type: "image/gif", Bytes: int64(len(clean)), Width: 40, Height: 30}); info != want {
			t.Errorf("%d frames: got %+v; want %+v", frames, info, want)
		}
		id, _ := f.put(t, data)
		original, _ := f.read(t, f.Original, id)
		if g, err := gif.DecodeAll(bytes.NewReader(original)); err != nil || len(g.Image) != frames || !bytes.Equal(original, clean) {
			t.Errorf("%d frames: the original does not play as before: %v", frames, err)
		}
	}
	if reason := f.refused(t, pictureGIF(t, 1001)); !strings.Contains(reason, "1,000 frames") {
		t.Errorf("1001 frames: %q", reason)
	}
}

func TestGIFWhoseFirstFrameIsPart(t *testing.T) {
	palette := color.Palette{color.White, color.Black}
	g := &gif.GIF{
		Config: image.Config{Width: 40, Height: 30, ColorModel: palette},
		Image:  []*image.Paletted{image.NewPaletted(image.Rect(20, 15, 40, 30), palette)},
		Delay:  []int{0},
	}
	info, preview, _ := newStore(t).small(t, encoded(t, func(b io.Writer) error { return gif.EncodeAll(b, g) }), 40, 30)
	if q := quarters(preview); info.Width != 40 || q != "...w" {
		t.Errorf("got %+v showing %s", info, q)
	}
}

// Pictures of one pixel, as browsers' features are tested with.
const (
	webpLossy    = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
	webpLossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
	webpAlpha    = "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA=="
	webpMoving   = "UklGRlIAAABXRUJQVlA4WAoAAAASAAAAAAAAAAAAQU5JTQYAAAD/////AABBTk1GJgAAAAAAAAAAAAAAAAAAAGQAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA"
)

func pictureWebP(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// riff is one chunk of a WebP.
func riff(name, data string) string {
	b := string(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))) + data
	if len(data)%2 != 0 {
		b += "\x00"
	}
	return b
}

func TestWebP(t *testing.T) {
	f := newStore(t)
	for _, s := range []string{webpLossy, webpLossless, webpAlpha} {
		data := pictureWebP(t, s)
		info, _, _ := f.small(t, append(data[:len(data):len(data)], secret...), 1, 1)
		if want := (media.Info{Kind: media.Image, Type: "image/webp", Bytes: int64(len(data)), Width: 1, Height: 1}); info != want {
			t.Errorf("got %+v; want %+v", info, want)
		}
	}
	if reason := f.refused(t, pictureWebP(t, webpMoving)); !strings.Contains(reason, "Animated") {
		t.Errorf("a moving one: %q", reason)
	}
}

func TestWebPMetadata(t *testing.T) {
	f := newStore(t)
	pixels := string(pictureWebP(t, webpLossy)[12:])
	profile := riff("ICCP", "odd")
	size := "\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	data := riff("RIFF", "WEBP"+riff("VP8X", "\x2c"+size)+profile+pixels+riff("EXIF", secret)+riff("XMP ", secret)+riff("abcd", secret))
	want := riff("RIFF", "WEBP"+riff("VP8X", "\x20"+size)+profile+pixels)
	f.small(t, []byte(data), 1, 1)
	id, _ := f.put(t, []byte(data))
	got, _ := f.read(t, f.Original, id)
	if string(got) != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if _, err := webp.Decode(bytes.NewReader(got)); err != nil {
		t.Error(err)
	}
}

func TestPicturesTooBig(t *testing.T) {
	f := newStore(t)
	bomb := func(w, h uint32, depth, interlace byte) []byte {
		head := binary.BigEndian.AppendUint32(nil, w)
		head = binary.BigEndian.AppendUint32(head, h)
		head = append(head, depth, 6, 0, 0, interlace)
		return append([]byte("\x89PNG\r\n\x1a\n"), append(chunk("IHDR", string(head)), chunk("IEND", "")...)...)
	}
	if reason := f.refused(t, bomb(50_000, 50_000, 8, 0)); !strings.Contains(reason, "100 million") {
		t.Errorf("50,000 x 50,000: %q", reason)
	}
	if reason := f.refused(t, bomb(10_000, 10_000, 16, 1)); !strings.Contains(reason, "memory") {
		t.Errorf("10,000 x 10,000 of 16 bits: %q", reason)
	}
	huge := pictureGIF(t, 1)
	binary.LittleEndian.PutUint16(huge[6:], 65535)
	binary.LittleEndian.PutUint16(huge[8:], 65535)
	if reason := f.refused(t, huge); !strings.Contains(reason, "100 million") {
		t.Errorf("a GIF of 65,535 x 65,535: %q", reason)
	}
	wide := pictureWebP(t, webpAlpha)
	copy(wide[24:30], "\xff\xff\xff\xff\xff\xff")
	f.refused(t, wide)
}

func TestEndlessScans(t *testing.T) {
	data := pictureJPEG(t, corners(64, 48))
	at := bytes.Index(data, []byte{0xff, 0xda})
	scan := data[at : len(data)-2]
	bomb := append([]byte{}, data[:at]...)
	for range 200 {
		bomb = append(bomb, scan...)
	}
	newStore(t).refused(t, append(bomb, 0xff, 0xd9))
}

func TestTruncatedPictures(t *testing.T) {
	f := newStore(t)
	for name, data := range map[string][]byte{
		"jpeg": pictureJPEG(t, corners(64, 48)),
		"png":  picturePNG(t, 64, 48),
		"gif":  pictureGIF(t, 3),
		"webp": pictureWebP(t, webpAlpha),
	} {
		for _, n := range []int{12, 20, len(data) / 4, len(data) / 2, len(data) - 1} {
			t.Run(name, func(t *testing.T) { f.refused(t, data[:n]) })
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	f := newStore(t)
	for _, data := range []string{
		"<html><script>alert(1)</script></html>",
		"<!DOCTYPE html>\x89PNG\r\n\x1a\n",
		`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
		`<?xml version="1.0"?><svg onload="alert(1)"/>`,
		"\xef\xbb\xbf<svg onload=alert(1)>",
		"%PDF-1.7\n<script>alert(1)</script>",
		"GIF89a/*" + strings.Repeat(" ", 20) + "*/=1;alert(1)",
		"GIF89a=alert(1)//",
		"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
		"#EXTM3U\nhttp://169.254.169.254/\n",
		"PK\x03\x04" + secret,
		"BM" + strings.Repeat("\x00", 60),
		"II*\x00" + strings.Repeat("\x00", 60),
		"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
		"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif",
		"\x00\x00\x00\x14ftypM4A \x00\x00\x00\x00M4A ",
		"RIFF\x04\x00\x00\x00WAVE",
		"ID3\x04", "MZ\x90\x00", "\x00", strings.Repeat("\x00", 1000), "\xff\xd8\xff", "\xff\xd8\xff\xe0\x00\x00",
		"\x89PNG\r\n\x1a\n" + secret, "RIFF\xff\xff\xff\xffWEBP" + secret,
	} {
		f.refused(t, []byte(data))
	}
}
