package footprint_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/allin-platform/allin/internal/footprint"
)

// resident is how much of the program's files is in its memory, in kB.
func resident(t *testing.T) (kb int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestReleaseGivesTheProgramBack(t *testing.T) {
	touchAll(t)
	before := resident(t)
	footprint.Release()
	if after := resident(t); after > before*3/4 {
		t.Errorf("%d kB of the program were in memory, and %d kB still are", before, after)
	}
}

// touchAll brings the whole program into memory, as starting a large one does.
func touchAll(t *testing.T) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	self, _ := os.Executable()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		if strings.Contains(line, self) {
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil {
				_, _ = mem.ReadAt(make([]byte, to-from), from)
			}
		}
	}
}
