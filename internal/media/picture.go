package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"
)

const (
	maxPixels   = 100_000_000
	maxMemory   = 768 << 20   // bytes that decoding one picture may take
	maxDecoding = time.Minute // a crafted file can keep a decoder busy for hours
	muchMemory  = 32 << 20    // bytes that are given back to the system at once
	maxProfile  = 2 << 20     // bytes of a colour profile that are carried over

	previewSide = 640 // pixels
	thumbSide   = 128 // pixels

	fullQuality  = 92 // of a JPEG that had to be encoded anew
	smallQuality = 82 // of preview and thumb
)

var (
	errDamaged   = &RefusedError{"This picture is damaged or incomplete. Save it anew and upload that file."}
	errTooBig    = &RefusedError{"This picture has too many pixels: 100 million are the most. Make it smaller and upload it again."}
	errTooCostly = &RefusedError{"This picture takes too much memory or time to read. Make it smaller, or save it as an ordinary JPEG, and upload that."}
)

// picture is an uploaded picture while it is looked at.
type picture struct {
	ctx         context.Context
	file        io.ReaderAt
	size        int64
	contentType string
	src         *patient // the latest reader of the file
}

// reader starts reading the file from its beginning.
func (p *picture) reader() *bufio.Reader {
	p.src = &patient{ctx: p.ctx, r: io.NewSectionReader(p.file, 0, p.size)}
	return bufio.NewReaderSize(p.src, 64<<10)
}

// blame tells a bad picture from a failure to read it.
func (p *picture) blame(err error) error {
	var refused *RefusedError
	switch {
	case err == nil, errors.As(err, &refused):
		return err
	case p.src.err != nil:
		return fmt.Errorf("reading a picture: %w", p.src.err)
	}
	return errDamaged
}

// keepPicture fills the folder work with the picture in file, without what it
// tells about its maker, and with its preview and thumb.
func (s *Store) keepPicture(ctx context.Context, file io.ReaderAt, size int64, contentType, work string) (record, error) {
	select {
	case s.decoder <- struct{}{}:
		defer func() { <-s.decoder }()
	case <-ctx.Done():
		return record{}, ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, maxDecoding)
	defer cancel()
	p := &picture{ctx: limited, file: file, size: size, contentType: contentType}
	rec, err := p.keep(work)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return record{}, errTooCostly
	}
	return rec, err
}

func (p *picture) keep(work string) (record, error) {
	cfg, err := p.measure()
	if err != nil {
		return record{}, err
	}
	facts, err := p.scan()
	if err != nil {
		return record{}, err
	}
	cost, err := affordable(cfg, facts.bytesPerPixel)
	if err != nil {
		return record{}, err
	}
	if cost > muchMemory {
		defer debug.FreeOSMemory()
	}
	rec, small, err := p.render(cfg, facts, filepath.Join(work, originalName))
	if err != nil {
		return record{}, err
	}
	rec.PreviewType, err = writeSmall(work, small, facts.profileFor(small))
	return rec, err
}

// render decodes the picture, writes what is kept of it to path and returns
// it in small. The full pixels are garbage when it returns.
func (p *picture) render(cfg image.Config, facts facts, path string) (record, *image.NRGBA, error) {
	img, err := p.decode(cfg)
	if err != nil {
		return record{}, nil, err
	}
	out := &counter{}
	if facts.reencode() {
		img = upright(img, facts.orientation)
		err = writeFile(path, func(w io.Writer) error {
			out.w = w
			return encodeJPEG(out, img, fullQuality, facts.profileFor(img))
		})
	} else {
		err = writeFile(path, func(w io.Writer) error {
			out.w = w
			return p.strip(out, facts)
		})
	}
	if err != nil {
		return record{}, nil, err
	}
	info := Info{Kind: Image, Type: p.contentType, Bytes: out.n, Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	if facts.frames > 1 {
		info.Kind = GIF
	}
	return record{Info: info}, imaging.Fit(img, previewSide, previewSide, imaging.Box), nil
}

// measure reads the picture's size from its header.
func (p *picture) measure() (image.Config, error) {
	var cfg image.Config
	var err error
	switch r := p.reader(); p.contentType {
	case typeJPEG:
		cfg, err = jpeg.DecodeConfig(r)
	case typePNG:
		cfg, err = png.DecodeConfig(r)
	case typeGIF:
		cfg, err = gif.DecodeConfig(r)
	case typeWebP:
		cfg, err = webp.DecodeConfig(r)
	}
	if err == nil && (cfg.Width <= 0 || cfg.Height <= 0) {
		err = errDamaged
	}
	if err == nil && int64(cfg.Width)*int64(cfg.Height) > maxPixels {
		err = errTooBig
	}
	return cfg, p.blame(err)
}

// facts is what reading a picture's structure tells, before any decoding.
type facts struct {
	bytesPerPixel float64 // that decoding takes, where the colour model does not tell
	frames        int     // of a GIF
	length        int64   // of a WebP, as its header tells it
	orientation   int     // of a JPEG: 1 to 8 as EXIF counts them, 0 when not told
	tells         bool    // a JPEG holds EXIF or XMP
	profile       []byte  // the colour profile's segments of a JPEG
	profileSpace  string  // the profile's colours: "RGB ", "GRAY" …
}

func (f facts) reencode() bool { return f.tells || f.orientation > 1 }

// profileFor returns the colour profile where it fits the colours of img.
func (f facts) profileFor(img image.Image) []byte {
	want := "RGB "
	if _, gray := img.(*image.Gray); gray {
		want = "GRAY"
	}
	if f.profileSpace != want {
		return nil
	}
	return f.profile
}

// scan walks through the whole structure of the picture without keeping it.
func (p *picture) scan() (facts, error) {
	return p.walk(io.Discard, 0)
}

// strip writes the picture to w without what it tells about its maker and
// without anything behind its end. Its pixels stay as they are.
func (p *picture) strip(w io.Writer, f facts) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	if _, err := p.walk(buffered, f.length); err != nil {
		return err
	}
	return buffered.Flush()
}

func (p *picture) walk(w io.Writer, length int64) (facts, error) {
	out := &outlet{w: w}
	var f facts
	var err error
	switch r := p.reader(); p.contentType {
	case typeJPEG:
		f, err = walkJPEG(r, out)
	case typePNG:
		f.bytesPerPixel, err = walkPNG(r, out)
	case typeGIF:
		f.bytesPerPixel = 5 // one for the frame, four for a canvas around it
		f.frames, err = walkGIF(r, out)
	case typeWebP:
		f.bytesPerPixel = 8 // the lossless decoder holds two copies
		f.length, err = walkWebP(r, out, length)
	}
	if out.err != nil {
		return f, out.err
	}
	return f, p.blame(err)
}

// affordable tells how many bytes decoding takes, and refuses too many.
func affordable(cfg image.Config, bytesPerPixel float64) (int64, error) {
	cost := int64(float64(cfg.Width) * float64(cfg.Height) * bytesPerPixel)
	if cost > maxMemory {
		return 0, errTooCostly
	}
	return cost, nil
}

// decode returns the pixels; of a GIF those of the first frame.
func (p *picture) decode(cfg image.Config) (image.Image, error) {
	var img image.Image
	var err error
	switch r := p.reader(); p.contentType {
	case typeJPEG:
		img, err = jpeg.Decode(r)
	case typePNG:
		img, err = png.Decode(r)
	case typeGIF:
		img, err = gif.Decode(r)
	case typeWebP:
		img, err = webp.Decode(r)
	}
	if err != nil {
		return nil, p.blame(err)
	}
	full := image.Rect(0, 0, cfg.Width, cfg.Height)
	if img.Bounds() == full {
		return img, nil
	}
	if p.contentType != typeGIF {
		return nil, errDamaged
	}
	canvas := image.NewNRGBA(full)
	draw.Draw(canvas, img.Bounds(), img, img.Bounds().Min, draw.Src)
	return canvas, nil
}

// writeSmall writes preview and thumb and returns their type.
func writeSmall(work string, preview *image.NRGBA, profile []byte) (contentType string, err error) {
	// The thumb comes from the preview: cutting it from the full picture
	// would copy all of that.
	thumb := imaging.Fill(preview, thumbSide, thumbSide, imaging.Center, imaging.Linear)
	contentType = typeJPEG
	if !preview.Opaque() {
		contentType = typePNG
	}
	for name, img := range map[string]image.Image{previewName: preview, thumbName: thumb} {
		err := writeFile(filepath.Join(work, name), func(w io.Writer) error {
			if contentType == typePNG {
				return png.Encode(w, img)
			}
			return encodeJPEG(w, img, smallQuality, profile)
		})
		if err != nil {
			return "", err
		}
	}
	return contentType, nil
}

// counter counts what is written to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// outlet remembers that writing failed: a walk's error is the picture's
// fault otherwise.
type outlet struct {
	w   io.Writer
	err error
}

func (o *outlet) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil {
		o.err = err
	}
	return n, err
}
