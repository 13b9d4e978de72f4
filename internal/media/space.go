package media

import (
	"fmt"
	"syscall"
)

// Space tells how much room is left for files, and how much there is, in bytes.
func (s *Store) Space() (free, all int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.files, &st); err != nil {
		return 0, 0, fmt.Errorf("looking at the disk: %w", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}
