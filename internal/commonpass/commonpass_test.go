package commonpass

import (
	"runtime"
	"testing"
)

func TestHas(t *testing.T) {
	for _, p := range []string{"password", "PassWord", "password1!", "Password2026", "12password!", "qwertyuiop", "12345678", "aaaaaaaa",
		"abcabcabcabc", "passwordpassword", "iloveyou!!", "letmein1234", "ｐａｓｓｗｏｒｄ", "sunshine99", "!!dragon!!"} {
		if !Has(p) {
			t.Errorf("%q is said to be uncommon", p)
		}
	}
	for _, p := range []string{"correct horse", "correct horse battery", "a long walk by the sea", "tuesday-kettle-rope", "9fK2-xT7q-mmQz",
		"dragon83926471", "Grüner Hafen im Nebel", "漢字とかなまじりの文"} {
		if Has(p) {
			t.Errorf("%q is said to be common", p)
		}
	}
}

// The list lies in the program: looking through it keeps nothing.
func TestMemory(t *testing.T) {
	if n := len(list); n < 100_000 || n > 1_000_000 || n%width != 0 {
		t.Errorf("the list has %d bytes", n)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 100 {
		Has("a long walk by the sea")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100_000 {
		t.Errorf("%d bytes stay", grown)
	}
}
