// Package seal encrypts what must not be readable in the database: tokens,
// keys and passwords of networks. Sealing is AES-256-GCM by Tink: every sealed
// value names its key, so keys can be changed while old values stay readable,
// and is bound to the place it is stored at, so that it opens nowhere else.
package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Box seals and opens values with a set of keys. It may be used by many
// goroutines at once.
type Box struct {
	path string // "" where the keys were given, not read from a file
	keys atomic.Pointer[keys]
}

// keys are a set of keys in use. They never change; a Box takes others.
type keys struct {
	handle *keyset.Handle
	aead   tink.AEAD
	stamp  stamp
}

// stamp tells whether the key file has changed since it was read.
type stamp struct {
	inode uint64
	size  int64
	mtime int64
}

// Open reads the keys from the file at path, which nobody else may read. When
// there is no file it makes one with a new key. The file must be kept as safe
// as a password and must not be lost: without it, what was sealed stays so.
func Open(path string) (*Box, error) {
	b := &Box{path: path}
	k, err := load(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path); err == nil {
			k, err = load(path)
		}
	}
	if err != nil {
		return nil, err
	}
	b.keys.Store(k)
	return b, nil
}

// Parse returns a box with the keys of a key file's content, for machines
// where keys come from the environment. Such a box cannot be rotated.
func Parse(json string) (*Box, error) {
	k, err := decode([]byte(json))
	if err != nil {
		return nil, err
	}
	b := &Box{}
	b.keys.Store(k)
	return b, nil
}

// NewKeys returns the content of a new key file with one key.
func NewKeys() (string, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	b, err := encode(h)
	return string(b), err
}

// At names the place a sealed value is stored at. Give the same to Seal and
// Unseal; a value moved to any other place does not open.
func At(table, column, organization, row string) []byte {
	var ad []byte
	for _, s := range []string{table, column, organization, row} {
		ad = binary.AppendUvarint(ad, uint64(len(s)))
		ad = append(ad, s...)
	}
	return ad
}

// Seal encrypts plain for the place named by ad. Sealing the same value twice
// gives different bytes.
func (b *Box) Seal(plain, ad []byte) []byte {
	sealed, err := b.newest().aead.Encrypt(plain, ad)
	if err != nil {
		panic("seal: " + err.Error()) // only for 64 GiB and more, which do not fit in memory twice
	}
	return sealed
}

// Unseal decrypts what Seal returned. A value that was changed, moved to
// another place or sealed with a key that is not in the set is an error that
// does not tell which.
func (b *Box) Unseal(sealed, ad []byte) ([]byte, error) {
	k := b.keys.Load()
	plain, err := k.aead.Decrypt(sealed, ad)
	if err == nil {
		return plain, nil
	}
	if k = b.reload(k); k != nil { // another process has rotated the keys
		if plain, err = k.aead.Decrypt(sealed, ad); err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("opening a sealed value: it was changed or moved, or its key is not in the key file")
}

// Current reports whether a sealed value was made with the newest key, and so
// needs no sealing anew after Rotate.
func (b *Box) Current(sealed []byte) bool {
	const prefix = 5 // Tink's version byte and key id
	primary, err := b.newest().handle.Primary()
	if err != nil || len(sealed) < prefix {
		return false
	}
	return sealed[0] == 1 && binary.BigEndian.Uint32(sealed[1:prefix]) == primary.KeyID()
}

// Rotate adds a new key to the file, with which everything is sealed from now
// on. Older keys stay, so that what they sealed still opens; processes that
// share the file notice before they seal or open anything more.
func (b *Box) Rotate() error {
	return b.rewrite(func(m *keyset.Manager, _ *keyset.Handle) error {
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			return err
		}
		return m.SetPrimary(id)
	})
}

// Drop takes all keys but the newest out of the file and returns how many
// there were. What they sealed opens never again: seal it anew before.
func (b *Box) Drop() (dropped int, err error) {
	err = b.rewrite(func(m *keyset.Manager, h *keyset.Handle) error {
		primary, err := h.Primary()
		if err != nil {
			return err
		}
		for i := range h.Len() {
			entry, err := h.Entry(i)
			if err != nil {
				return err
			}
			if entry.KeyID() == primary.KeyID() {
				continue
			}
			if err := m.Delete(entry.KeyID()); err != nil {
				return err
			}
			dropped++
		}
		return nil
	})
	return dropped, err
}

// Len is how many keys the box has.
func (b *Box) Len() int { return b.newest().handle.Len() }

// rewrite changes the keys in the file, so that at every moment either the old
// or the new ones are there as a whole.
func (b *Box) rewrite(change func(m *keyset.Manager, h *keyset.Handle) error) error {
	if b.path == "" {
		return errors.New("changing keys: these came from ALLIN_SECRET_KEY, not from a file: put the new keys there instead")
	}
	unlock, err := lock(b.path)
	if err != nil {
		return err
	}
	defer unlock()
	k, err := load(b.path)
	if err != nil {
		return err
	}
	m := keyset.NewManagerFromHandle(k.handle)
	if err := change(m, k.handle); err != nil {
		return fmt.Errorf("changing keys: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return fmt.Errorf("changing keys: %w", err)
	}
	content, err := encode(h)
	if err != nil {
		return err
	}
	temp, err := writeTemp(b.path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, b.path); err != nil {
		return errors.Join(fmt.Errorf("replacing the key file: %w", err), os.Remove(temp))
	}
	if err := syncFolder(b.path); err != nil {
		return err
	}
	if k, err = load(b.path); err != nil {
		return err
	}
	b.keys.Store(k)
	return nil
}

// newest are the keys to seal with: the file's, where another process has
// changed it.
func (b *Box) newest() *keys {
	k := b.keys.Load()
	if fresh := b.reload(k); fresh != nil {
		return fresh
	}
	return k
}

// reload takes the file's keys into use if it is not the one that old was read
// from. It returns nil when there is nothing newer.
func (b *Box) reload(old *keys) *keys {
	if b.path == "" {
		return nil
	}
	if st, err := os.Stat(b.path); err != nil || stampOf(st) == old.stamp {
		return nil
	}
	k, err := load(b.path)
	if err != nil {
		return nil
	}
	b.keys.Store(k)
	return k
}

// load reads the keys in the file at path.
func load(path string) (*keys, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	if perm := st.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("the key file %s can be read by others (its permissions are %04o): run `chmod 600 %s`, and rotate the keys if others use this machine", path, perm, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	k, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, path)
	}
	k.stamp = stampOf(st)
	return k, nil
}

// decode reads a key file's content. Its error does not quote the content.
func decode(content []byte) (*keys, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		return nil, errors.New("no usable keys")
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, errors.New("no usable keys")
	}
	return &keys{handle: h, aead: a}, nil
}

func stampOf(st fs.FileInfo) stamp {
	s := stamp{size: st.Size(), mtime: st.ModTime().UnixNano()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}

// create makes a key file with one key, unless another process was faster.
func create(path string) error {
	content, err := NewKeys()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil { // the database's user goes through the data folder
		return fmt.Errorf("making a folder for the key file: %w", err)
	}
	temp, err := writeTemp(path, []byte(content))
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the key file: %w", err)
	}
	return syncFolder(path)
}

// encode writes keys as a key file's content.
func encode(h *keyset.Handle) ([]byte, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, fmt.Errorf("encoding keys: %w", err)
	}
	return append(buf.Bytes(), '\n'), nil
}

// writeTemp writes content, safely on disk, to a new file beside path that
// only its owner may read.
func writeTemp(path string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // made with 0600
	if err != nil {
		return "", fmt.Errorf("writing the key file: %w", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("writing the key file: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncFolder makes a new name in path's folder survive a power cut.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	return nil
}

// lock keeps other processes from rotating the same file.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the key file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the key file: %w", err), f.Close())
	}
	return func() { f.Close() }, nil
}
