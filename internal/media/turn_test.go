package media

import (
	"image"
	"math/rand/v2"
	"testing"
)

// source is where the pixel shown at x, y is stored in a picture of w by h
// pixels (Exif 2.32, 4.6.4).
func source(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

func TestTurnKeepsEveryPixel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		for _, size := range []image.Point{{16, 8}, {8, 12}, {13, 7}, {1, 1}, {1, 9}} {
			m := image.NewYCbCr(image.Rectangle{Max: size}, ratio)
			for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
				for i := range plane {
					plane[i] = byte(random.IntN(256))
				}
			}
			for o := 1; o <= 8; o++ {
				sameTurned(t, m, upright(m, o).(*image.YCbCr), o)
			}
		}
	}
}

func sameTurned(t *testing.T, m, got *image.YCbCr, orientation int) {
	t.Helper()
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if want := turned(w, h, orientation); got.Rect != want {
		t.Fatalf("%v %v turned by %d is %v; want %v", m.SubsampleRatio, m.Rect, orientation, got.Rect, want)
	}
	// In a picture that does not end with a whole block, mirrored blocks of
	// colour begin elsewhere; the brightness is exact all the same.
	whole := w%4 == 0 && h%2 == 0
	for y := range got.Rect.Dy() {
		for x := range got.Rect.Dx() {
			sx, sy := source(orientation, x, y, w, h)
			a, b := got.YCbCrAt(x, y), m.YCbCrAt(sx, sy)
			if a.Y != b.Y || whole && a != b {
				t.Fatalf("%v %v turned by %d: %v at %d,%d; want %v", m.SubsampleRatio, m.Rect, orientation, a, x, y, b)
			}
		}
	}
}
