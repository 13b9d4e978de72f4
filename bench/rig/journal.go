package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/allin-platform/allin/networks/sandbox"
)

// Journal reads what the sandbox has accepted until now, by text.
func (r *Rig) Journal() (map[string][]sandbox.Entry, error) {
	f, err := os.Open(filepath.Join(r.Dir, "sandbox", sandbox.JournalName))
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	accepted := map[string][]sandbox.Entry{}
	for e, err := range sandbox.ReadJournal(f) {
		if err != nil {
			return nil, err
		}
		if e.Op == sandbox.OpCreate {
			accepted[e.Text] = append(accepted[e.Text], e)
		}
	}
	return accepted, nil
}

// Names reports whether remoteID, as a delivery keeps it, is the entry's name
// on its network: Bluesky's ends in the record's key.
func Names(remoteID string, e sandbox.Entry) bool {
	return remoteID == e.ID || strings.HasPrefix(remoteID, "at://"+e.Account+"/") && strings.HasSuffix(remoteID, "/"+e.ID)
}
