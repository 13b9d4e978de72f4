package networks

import "testing"

func TestFingerprint(t *testing.T) {
	same := [][2]string{
		{"hello  world", " hello\n\nworld "},
		{"caf\u00e9", "cafe\u0301"},
		{"look https://example.com/a?b=c", "look https://t.co/x"},
		{"look example.com/long now", "look https://t.co/x now"},
		{"look www.example.com", "look "},
		{"a\u200bb", "a b"}, // as a zero width space is dropped or drawn
		{"hidden\u2066 text", "hidden text"},
	}
	for _, c := range same {
		if Fingerprint(c[0], 1) != Fingerprint(c[1], 1) {
			t.Errorf("%q and %q differ", c[0], c[1])
		}
	}
	different := [][2]string{
		{"hello", "Hello"},
		{"hello", "hello!"},
		{"ab", "a b"},
		{"👨\u200d👩", "👨👩"},
		{"", "a"},
		{"#1 reason", "#2 reason"},
	}
	for _, c := range different {
		if Fingerprint(c[0], 1) == Fingerprint(c[1], 1) {
			t.Errorf("%q and %q are taken for the same", c[0], c[1])
		}
	}
	if Fingerprint("a", 0) == Fingerprint("a", 1) {
		t.Error("the number of media does not count")
	}
}
