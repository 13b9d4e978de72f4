package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/allin-platform/allin/internal/seal"
)

var here = seal.At("accounts", "access_token", "org-1", "row-1")

func open(t *testing.T, path string) *seal.Box {
	t.Helper()
	b, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unseal(t *testing.T, b *seal.Box, sealed []byte) string {
	t.Helper()
	plain, err := b.Unseal(sealed, here)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestSealedValueOpensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "keyset.json")
	b := open(t, path)
	sealed := b.Seal([]byte("a token"), here)
	if bytes.Contains(sealed, []byte("token")) {
		t.Error("the sealed value shows what is in it")
	}
	if bytes.Equal(sealed, b.Seal([]byte("a token"), here)) {
		t.Error("sealing twice gives the same bytes")
	}
	if got := unseal(t, open(t, path), sealed); got != "a token" {
		t.Errorf("opened %q", got)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key file's permissions are %v, %v", st.Mode(), err)
	}
}

func TestMovedOrChangedValueStaysShut(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "k"))
	sealed := b.Seal([]byte("a token"), here)
	for name, ad := range map[string][]byte{
		"other table":        seal.At("networks", "access_token", "org-1", "row-1"),
		"other column":       seal.At("accounts", "refresh_token", "org-1", "row-1"),
		"other organization": seal.At("accounts", "access_token", "org-2", "row-1"),
		"other row":          seal.At("accounts", "access_token", "org-1", "row-2"),
		"names run together": seal.At("accounts", "access_tokeno", "rg-1", "row-1"),
		"nowhere":            nil,
	} {
		if _, err := b.Unseal(sealed, ad); err == nil {
			t.Errorf("%s: it opened", name)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := b.Unseal(bad, here); err == nil {
			t.Errorf("it opened with byte %d changed", i)
		}
	}
	for _, short := range [][]byte{nil, {}, {1}, sealed[:5], sealed[:len(sealed)-1]} {
		if _, err := b.Unseal(short, here); err == nil {
			t.Errorf("%d bytes opened", len(short))
		}
	}
	other := open(t, filepath.Join(t.TempDir(), "k"))
	if _, err := other.Unseal(sealed, here); err == nil {
		t.Error("it opened with other keys")
	}
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	b, elsewhere := open(t, path), open(t, path)
	old := b.Seal([]byte("old"), here)
	if err := b.Rotate(); err != nil {
		t.Fatal(err)
	}
	fresh := b.Seal([]byte("new"), here)
	if unseal(t, b, old) != "old" || unseal(t, b, fresh) != "new" {
		t.Error("a value does not open after rotation")
	}
	if got := unseal(t, elsewhere, fresh); got != "new" {
		t.Errorf("another process opened %q", got)
	}
	if b.Current(old) || !b.Current(fresh) || b.Current(nil) {
		t.Errorf("current: old %v, fresh %v", b.Current(old), b.Current(fresh))
	}
}

func TestRotateWhileSealing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	boxes := []*seal.Box{open(t, path), open(t, path)}
	var wg sync.WaitGroup
	for _, b := range boxes {
		wg.Go(func() {
			for range 5 {
				if err := b.Rotate(); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				sealed := b.Seal([]byte("x"), here)
				for _, any := range boxes {
					if _, err := any.Unseal(sealed, here); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestManyMakeOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	sealed := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range sealed {
		wg.Go(func() {
			b, err := seal.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			sealed[i] = b.Seal([]byte("x"), here)
		})
	}
	wg.Wait()
	b := open(t, path)
	for _, s := range sealed {
		unseal(t, b, s)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestBadKeyFile(t *testing.T) {
	dir := t.TempDir()
	readable := filepath.Join(dir, "readable")
	open(t, readable)
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte(`{"secret":"hunter2"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{readable, "chmod 600 " + readable},
		{garbage, "no usable keys in " + garbage},
	} {
		_, err := seal.Open(c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestKeysFromTheEnvironment(t *testing.T) {
	keys, err := seal.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	b, err := seal.Parse(keys)
	if err != nil {
		t.Fatal(err)
	}
	if unseal(t, b, b.Seal([]byte("x"), here)) != "x" {
		t.Error("it does not open")
	}
	if err := b.Rotate(); err == nil {
		t.Error("keys without a file were rotated")
	}
	if _, err := seal.Parse("no keys"); err == nil {
		t.Error("nonsense was taken for keys")
	}
}

func BenchmarkSealUnseal(b *testing.B) {
	keys, err := seal.NewKeys()
	if err != nil {
		b.Fatal(err)
	}
	box, err := seal.Parse(keys)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := box.Unseal(box.Seal([]byte("0123456789abcdef0123456789abcdef"), here), here); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDrop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	box, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := seal.Open(path) // of another process
	if err != nil {
		t.Fatal(err)
	}
	place := seal.At("t", "c", "o", "r")
	old := box.Seal([]byte("old"), place)
	if err := box.Rotate(); err != nil {
		t.Fatal(err)
	}
	if sealed := other.Seal([]byte("new"), place); !box.Current(sealed) {
		t.Error("another process goes on sealing with the old key")
	}
	if n, err := box.Drop(); err != nil || n != 1 || box.Len() != 1 || other.Len() != 1 {
		t.Errorf("dropped %d, %v; %d and %d keys left", n, err, box.Len(), other.Len())
	}
	if _, err := other.Unseal(old, place); err == nil {
		t.Error("what the dropped key sealed still opens")
	}
}
