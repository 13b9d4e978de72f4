package bluesky

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
)

// tidAlphabet is base 32 in an order that sorts as the numbers do.
const tidAlphabet = "234567abcdefghijklmnopqrstuvwxyz"

// NewKey implements networks.Network: the record key under which the post will
// stand. Posts need a TID: 53 bits of microseconds since 1970 and 10 bits of a
// clock's number, 13 characters in all. The parts of a thread ask for their
// keys at one and the same now, and a key given twice would lose a part: hence
// not only the clock's number is drawn but also the microsecond, out of the
// second before now.
func (n *Network) NewKey(_ networks.Account, now time.Time) string {
	const second = 1_000_000
	return tid(uint64(now.UnixMicro())-rand.Uint64N(second), rand.Uint64N(1<<10))
}

func tid(micros, clock uint64) string {
	v := micros<<10&(1<<63-1) | clock&(1<<10-1)
	var b [13]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = tidAlphabet[v&31]
		v >>= 5
	}
	return string(b[:])
}

// tidTime returns when a key was made, by the clock of whoever made it.
func tidTime(key string) (time.Time, bool) {
	if len(key) != 13 {
		return time.Time{}, false
	}
	var v uint64
	for i := range len(key) {
		d := strings.IndexByte(tidAlphabet, key[i])
		if d < 0 || i == 0 && d >= 16 { // 65 bits hold 64: the first digit has four
			return time.Time{}, false
		}
		v = v<<5 | uint64(d)
	}
	return time.UnixMicro(int64(v >> 10)).UTC(), true
}
