package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// demoScene is a picture of the demo, drawn when it is needed.
type demoScene struct {
	name, alt string
	draw      func(c *canvas)
}

// The pictures' size in pixels.
const demoWidth, demoHeight = 1200, 800

var demoScenes = []demoScene{
	{"harbour", "A small boat on a calm sea under a pale morning sun", drawHarbour},
	{"cup", "A cup of coffee seen from above on a wooden table", drawCup},
	{"beans", "Roasted coffee beans spread over a light cloth", drawBeans},
}

func (s demoScene) png() ([]byte, error) {
	c := &canvas{image.NewRGBA(image.Rect(0, 0, demoWidth, demoHeight))}
	s.draw(c)
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, c); err != nil {
		return nil, fmt.Errorf("encode picture %s: %w", s.name, err)
	}
	return b.Bytes(), nil
}

// canvas fills shapes with one colour.
type canvas struct{ *image.RGBA }

func (c *canvas) fill(col color.Color, points ...[2]float64) {
	box := c.around(points)
	if box.Empty() {
		return
	}
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	for i, p := range points {
		x, y := float32(p[0]-float64(box.Min.X)), float32(p[1]-float64(box.Min.Y))
		if i == 0 {
			r.MoveTo(x, y)
		} else {
			r.LineTo(x, y)
		}
	}
	r.ClosePath()
	r.Draw(c.RGBA, box, image.NewUniform(col), image.Point{})
}

// around is the part of the canvas that a shape lies in: only it is drawn,
// for there are hundreds of small shapes in a scene.
func (c *canvas) around(points [][2]float64) image.Rectangle {
	left, top := math.Inf(1), math.Inf(1)
	right, bottom := math.Inf(-1), math.Inf(-1)
	for _, p := range points {
		left, right = min(left, p[0]), max(right, p[0])
		top, bottom = min(top, p[1]), max(bottom, p[1])
	}
	return image.Rect(int(math.Floor(left)), int(math.Floor(top)), int(math.Ceil(right)), int(math.Ceil(bottom))).Intersect(c.Bounds())
}

// ellipse has its middle at x, y and is turned by turn radians.
func (c *canvas) ellipse(col color.Color, x, y, rx, ry, turn float64) {
	const corners = 72
	points := make([][2]float64, corners)
	sin, cos := math.Sincos(turn)
	for i := range points {
		s, k := math.Sincos(2 * math.Pi * float64(i) / corners)
		points[i] = [2]float64{x + rx*k*cos - ry*s*sin, y + rx*k*sin + ry*s*cos}
	}
	c.fill(col, points...)
}

func (c *canvas) ground(col color.Color) {
	draw.Draw(c, c.Bounds(), image.NewUniform(col), image.Point{}, draw.Src)
}

func (c *canvas) band(col color.Color, from, to float64) {
	c.fill(col, [2]float64{0, from}, [2]float64{demoWidth, from}, [2]float64{demoWidth, to}, [2]float64{0, to})
}

func rgb(v uint32) color.RGBA { return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255} }

func drawHarbour(c *canvas) {
	c.ground(rgb(0xf3e3cf))
	c.band(rgb(0xf0d9bd), 300, 480)
	c.ellipse(rgb(0xf2a65a), 820, 400, 110, 110, 0)
	c.fill(rgb(0x9db4b0), [2]float64{0, 480}, [2]float64{180, 400}, [2]float64{420, 455}, [2]float64{640, 420}, [2]float64{860, 480})
	c.band(rgb(0x3f7c85), 480, demoHeight)
	for i := range 9 {
		y := 520 + float64(i)*31
		c.ellipse(rgb(0x5d97a0), 820+20*math.Sin(float64(i)*1.7), y, 150-float64(i)*9, 5, 0)
	}
	c.fill(rgb(0x2b2d42), [2]float64{300, 600}, [2]float64{620, 600}, [2]float64{560, 668}, [2]float64{350, 668})
	c.fill(rgb(0x2b2d42), [2]float64{448, 320}, [2]float64{458, 320}, [2]float64{458, 600}, [2]float64{448, 600})
	c.fill(rgb(0xfaf6ef), [2]float64{466, 335}, [2]float64{600, 575}, [2]float64{466, 575})
	c.fill(rgb(0xd9694f), [2]float64{440, 370}, [2]float64{440, 575}, [2]float64{335, 575})
}

func drawCup(c *canvas) {
	c.ground(rgb(0xb98b62))
	for i := range 6 {
		y := float64(i) * 140
		c.band(rgb(0xb08159), y, y+4)
		c.ellipse(rgb(0xae7e55), 180+float64(i*193%900), y+72, 190, 3, 0)
	}
	c.ellipse(rgb(0x8d6748), 625, 425, 330, 330, 0)
	c.ellipse(rgb(0xf6f1e8), 610, 405, 320, 320, 0)
	c.ellipse(rgb(0xe9e1d3), 610, 405, 250, 250, 0)
	c.ellipse(rgb(0xfdfaf4), 805, 405, 92, 46, 0)
	c.ellipse(rgb(0xfdfaf4), 610, 405, 196, 196, 0)
	c.ellipse(rgb(0x4a2c1d), 610, 405, 174, 174, 0)
	c.ellipse(rgb(0x7a4a2c), 610, 405, 166, 166, 0)
	for i := range 4 {
		c.ellipse(rgb(0xe8cfa8), 610, 340+float64(i)*42, 92-float64(i)*17, 15, 0)
	}
	c.ellipse(rgb(0x7a4a2c), 610, 408, 9, 96, 0)
}

func drawBeans(c *canvas) {
	c.ground(rgb(0xeee6d8))
	tones := []uint32{0x4b2e20, 0x5a3826, 0x6a432e, 0x3f261b}
	for i := range 130 {
		// A spiral of golden angles lies evenly without looking ordered.
		a, r := float64(i)*2.39996, 34*math.Sqrt(float64(i))
		x, y, turn := 600+1.5*r*math.Cos(a), 400+r*math.Sin(a), a*1.3
		c.ellipse(rgb(0xd8cdb9), x+5, y+7, 44, 29, turn)
		c.ellipse(rgb(tones[i%len(tones)]), x, y, 43, 28, turn)
		c.ellipse(rgb(0x2a1811), x, y, 38, 3.5, turn)
	}
}
