package media

import (
	"bufio"
	"io"
)

// maxFrames is the most that a GIF may have. No network takes more than 350.
const maxFrames = 1000

var errTooManyFrames = &RefusedError{"This GIF has more than 1,000 frames. Shorten it, or upload it as MP4."}

// gifLoops are the applications whose blocks say how often a GIF repeats.
var gifLoops = map[string]bool{"NETSCAPE2.0": true, "ANIMEXTS1.0": true}

// walkGIF copies a GIF from r to w, without comments, texts and the blocks of
// programs, up to its end, and counts its frames.
func walkGIF(r *bufio.Reader, w io.Writer) (frames int, err error) {
	head, err := r.Peek(13)
	if err != nil {
		return 0, err
	}
	if _, err := io.CopyN(w, r, 13+colourTable(head[10])); err != nil {
		return 0, err
	}
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch kind {
		case 0x00: // an empty block too many, which decoders pass over
		case 0x21:
			err = gifExtension(r, w)
		case 0x2c:
			if frames++; frames > maxFrames {
				return 0, errTooManyFrames
			}
			err = gifFrame(r, w)
		case 0x3b:
			_, err = w.Write([]byte{kind})
			return frames, err
		default:
			return 0, errDamaged
		}
		if err != nil {
			return 0, err
		}
	}
}

// colourTable is the size of the table that the flags announce, in bytes.
func colourTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func gifFrame(r *bufio.Reader, w io.Writer) error {
	head, err := r.Peek(9)
	if err != nil {
		return err
	}
	rest := 9 + colourTable(head[8]) + 1 // and the size of the first code
	if _, err := w.Write([]byte{0x2c}); err != nil {
		return err
	}
	if _, err := io.CopyN(w, r, rest); err != nil {
		return err
	}
	return gifBlocks(r, w)
}

func gifExtension(r *bufio.Reader, w io.Writer) error {
	label, err := r.ReadByte()
	if err != nil {
		return err
	}
	keep := label == 0xf9 // how the next frame is shown
	if label == 0xff {
		name, err := r.Peek(12)
		if err != nil {
			return err
		}
		keep = name[0] == 11 && gifLoops[string(name[1:])]
	}
	if !keep {
		w = io.Discard
	}
	if _, err := w.Write([]byte{0x21, label}); err != nil {
		return err
	}
	return gifBlocks(r, w)
}

// gifBlocks copies data blocks, each behind its length, up to the empty one.
func gifBlocks(r *bufio.Reader, w io.Writer) error {
	for {
		n, err := r.Peek(1)
		if err != nil {
			return err
		}
		last := n[0] == 0
		if _, err := io.CopyN(w, r, 1+int64(n[0])); err != nil || last {
			return err
		}
	}
}
