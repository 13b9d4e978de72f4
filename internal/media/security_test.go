package media_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// polyglots are pictures that are something else besides.
func polyglots(t testing.TB) map[string][]byte {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("evil.html")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(secret)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	html, pdf := "<!doctype html><script>alert(1)</script>", "%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"
	jpeg, png, gif := pictureJPEG(t, corners(32, 24)), picturePNG(t, 32, 24), pictureGIF(t, 2)
	webp := pictureWebP(t, webpLossy)
	script := "*/=1;alert(document.cookie)//"
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	return map[string][]byte{
		"JPEG and ZIP":              join(jpeg, archive.Bytes()),
		"JPEG with HTML in comment": segments(jpeg, segment(0xfe, html)),
		"JPEG and PDF":              segments(jpeg, segment(0xfe, pdf)),
		"JPEG with PHP behind":      join(jpeg, []byte("<?php system($_GET[0]); ?>")),
		"PNG with HTML in a text":   chunks(png, chunk("tEXt", "Comment\x00"+html)),
		"PNG and ZIP":               join(png, archive.Bytes()),
		"GIF and script":            join(gif[:len(gif)-1], []byte{0x21, 0xfe, byte(len(script))}, []byte(script+"\x00\x3b"), []byte("*/=1;alert(1)")),
		"GIF and HTML":              join(gif, []byte(html)),
		"WebP and HTML":             join(webp, []byte(html)),
	}
}

// S30: what is kept of a picture is the picture alone, under the type that its content has.
func TestS30Polyglots(t *testing.T) {
	f := newStore(t)
	for name, data := range polyglots(t) {
		t.Run(name, func(t *testing.T) {
			id, info := f.put(t, data)
			for what, open := range map[string]opener{"original": f.Original, "preview": f.Preview, "thumb": f.Thumb} {
				b, contentType := f.read(t, open, id)
				for _, s := range []string{"<script", "alert(", "PK\x03\x04", "%PDF", "<?php", "evil.html", "<!doctype"} {
					if bytes.Contains(bytes.ToLower(b), []byte(strings.ToLower(s))) {
						t.Errorf("the %s still holds %q", what, s)
					}
				}
				if !strings.HasPrefix(contentType, "image/") {
					t.Errorf("the %s is %s", what, contentType)
				}
			}
			if !strings.HasPrefix(info.Type, "image/") {
				t.Errorf("it is %s", info.Type)
			}
		})
	}
}

// S30: what is no picture and no video is refused, whatever it says of itself.
func TestS30NoPictures(t *testing.T) {
	f := newStore(t)
	for _, data := range []string{
		`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "<html><body onload=alert(1)>", "<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>",
		"%PDF-1.7\n<html>", "%!PS\n(%pipe%id) (w) file", "push graphic-context\nviewbox 0 0 1 1\nimage over 0,0 0,0 'https://evil.example/'\npop graphic-context",
		"\x00<svg onload=alert(1)>", "\xff\xfe<\x00s\x00v\x00g\x00", "<!--\x89PNG\r\n\x1a\n-->", "MZ" + strings.Repeat("\x00", 80), "#!/bin/sh\nid\n",
	} {
		f.refused(t, []byte(data))
	}
}

// S32: what is too large to decode is refused by what its header says, before
// anything is decoded, and what lies about itself costs nothing.
func TestS32Bombs(t *testing.T) {
	f := newStore(t)
	ihdr := func(w, h uint32) []byte {
		b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
		return append(b, 8, 6, 0, 0, 0)
	}
	png := func(w, h uint32) []byte {
		head := append([]byte("IHDR"), ihdr(w, h)...)
		b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head))
		return append(append(b, chunk("IDAT", "x\x9c\x03\x00\x00\x00\x00\x01")...), chunk("IEND", "")...)
	}
	gif := func(w, h uint16) []byte {
		b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16([]byte("GIF89a"), w), h)
		b = append(b, 0, 0, 0, 0x2c, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, w), h)
		return append(b, 0, 2, 2, 0x44, 1, 0, 0x3b)
	}
	jpeg := pictureJPEG(t, corners(16, 16))
	if i := bytes.Index(jpeg, []byte{0xff, 0xc0}); i > 0 {
		copy(jpeg[i+5:], []byte{0xff, 0xff, 0xff, 0xff}) // 65,535 by 65,535
	}
	lie := ftypMP4 + atom("moov", mvhd(600), trak("vide", straight, 1920, 1080)) + u32(1) + "mdat" + u32(1) + u32(0) // 4 GB, it says
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, data := range map[string][]byte{"PNG 50,000 x 50,000": png(50_000, 50_000), "PNG of 4 billion": png(1<<31-1, 2), "GIF of one frame": gif(65_535, 65_535),
		"JPEG": jpeg, "playlist": []byte("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST"),
		"playlist to the inside": []byte("#EXTM3U\n#EXTINF:1,\nhttp://169.254.169.254/latest/\n"), "concat": []byte("ffconcat version 1.0\nfile /etc/passwd\n"),
		"AVI playlist": []byte("RIFF\x00\x00\x00\x00AVI LIST#EXTM3U\nfile:///etc/passwd"), "MP4 that is longer than it is": []byte(lie)} {
		t.Run(name, func(t *testing.T) { f.refused(t, data) })
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("refusing them took %d MB", used>>20)
	}
}

// S33: names that lead elsewhere reach no path: there are none in this package's doors but ids.
func TestS33PathsAreIDs(t *testing.T) {
	f := newStore(t)
	id, _ := f.put(t, picturePNG(t, 8, 8))
	err := filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		parts := strings.Split(rel, string(filepath.Separator))
		if len(parts) > 1 && parts[0] == "files" && uuid.Validate(parts[1]) != nil || len(parts) > 2 && parts[2] != id.String() {
			t.Errorf("%s is made of something else", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// S34 for WebM: what tells of the maker becomes free space, before and behind the pictures.
func TestS34WebM(t *testing.T) {
	f := newStore(t)
	const idTags, idAttachments, idTitle, idDate = "\x12\x54\xc3\x67", "\x19\x41\xa4\x69", "\x7b\xa9", "\x44\x61"
	tags := ebml(idTags, ebml("\x73\x73", ebml("\x67\xc8", ebml("\x45\xa3", "LOCATION"), ebml("\x44\x87", "Telltale +52.5163+013.3777/"))))
	long := ebml(idAttachments, strings.Repeat("Telltale", 100))
	info := ebml(idInfo, idTitle+"\x88Telltale", ebml(idDuration, f64(2500)), ebml(idDate, "\x01\x02\x03\x04\x05\x06\x07\x08"))
	data := webmHead + ebml(idSegment, tags, info, webmTracks, webmCluster, webmCluster, long, tags)
	id, first := f.put(t, []byte(data))
	kept, _ := f.read(t, f.Original, id)
	if bytes.Contains(kept, []byte("Telltale")) || bytes.Contains(kept, []byte("LOCATION")) || bytes.Contains(kept, []byte("\x01\x02\x03\x04\x05\x06\x07\x08")) {
		t.Error("it tells of the maker still")
	}
	if len(kept) != len(data) || bytes.Count(kept, []byte("pictures")) != 2 || first.Duration != 2500*time.Millisecond {
		t.Errorf("something else has changed: %d bytes of %d, %+v", len(kept), len(data), first)
	}
	if _, again := f.put(t, kept); again != first {
		t.Errorf("the wiped video is %+v; was %+v", again, first)
	}
}

// exiftool runs the program; the test is left out where it is missing.
func exiftool(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("exiftool")
	if err != nil {
		if os.Getenv("ALLIN_NO_SKIP") == "1" {
			t.Fatal("exiftool is missing: apt-get install libimage-exiftool-perl")
		}
		t.Skip("exiftool is not installed")
	}
	var problems bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("exiftool %s: %v: %s%s", strings.Join(args, " "), err, problems.String(), out)
	}
	return out
}

// plain are the groups of exiftool that tell how a file is made, and nothing of who made it.
var plain = []string{"SourceFile", "ExifTool", "File", "PNG", "GIF", "RIFF", "JFIF", "Composite", "QuickTime", "Track1", "Matroska", "APP14", "ICC-header", "ICC_Profile", "System", "PNG-pHYs"}

// S34: exiftool writes a place, a camera, a person, XMP and a thumbnail into
// each kind of file, and finds none of it in what is kept and shown.
func TestS34NothingIsToldOfTheMaker(t *testing.T) {
	f := newStore(t)
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	thumbnail := file("thumbnail.jpg", pictureJPEG(t, corners(16, 12)))
	tags := []string{"-overwrite_original", "-GPSLatitude=52.5163", "-GPSLatitudeRef=N", "-GPSLongitude=13.3777", "-GPSLongitudeRef=E", "-Make=Telltale", "-Model=Telltale 9", "-Artist=Telltale Ann",
		"-SerialNumber=Telltale1", "-XMP:Creator=Telltale Ann", "-XMP:GPSLatitude=52.5", "-XMP:Location=Telltale Street", "-Comment=Telltale", "-UserComment=Telltale"}
	pictures := map[string][]byte{"a.jpg": pictureJPEG(t, corners(64, 48)), "a.png": picturePNG(t, 64, 48), "a.gif": pictureGIF(t, 3), "a.webp": pictureWebP(t, webpLossy),
		"a.mp4": []byte(ftypMP4 + atom("moov", mvhd(600), trak("vide", straight, 640, 360)) + mdat)}
	for name, data := range pictures {
		t.Run(name, func(t *testing.T) {
			path := file(name, data)
			args := append([]string{"-m"}, tags...)
			if name == "a.jpg" {
				args = append(args, "-ThumbnailImage<="+thumbnail, "-IPTC:By-line=Telltale Ann", "-IPTC:City=Telltale Town", "-Photoshop:XResolution=72")
			}
			exiftool(t, append(args, path)...)
			told, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(told, []byte("Telltale")) {
				t.Fatal("exiftool wrote nothing: this test shows nothing")
			}
			id, _ := f.put(t, told)
			opens := map[string]opener{"original": f.Original, "preview": f.Preview, "thumb": f.Thumb}
			if name == "a.mp4" {
				opens = map[string]opener{"original": f.Original}
			}
			for what, open := range opens {
				kept, _ := f.read(t, open, id)
				if bytes.Contains(kept, []byte("Telltale")) {
					t.Errorf("the %s holds it still", what)
				}
				var found []map[string]any
				if err := json.Unmarshal(exiftool(t, "-json", "-G1", "-a", "-u", "-U", "-ee", file("kept-"+what+"-"+name, kept)), &found); err != nil {
					t.Fatal(err)
				}
				for tag, value := range found[0] {
					group, _, _ := strings.Cut(tag, ":")
					if !slices.Contains(plain, group) || strings.Contains(tag, "GPS") || strings.Contains(tag, "Thumbnail") || strings.Contains(tag, "XMP") {
						t.Errorf("the %s tells %s = %v", what, tag, value)
					}
				}
			}
		})
	}
}
