package models

import (
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/networks"
)

// Media is one uploaded picture or video. Its bytes lie in the media store
// under the organization's and its own id.
type Media struct {
	ID            uuid.UUID
	Kind          networks.MediaKind
	Type          string
	Name          string // as the file was called
	Bytes         int64
	Width, Height int
	Duration      time.Duration
	Alt           string
	CreatedAt     time.Time
}

func (m *Media) network() networks.Media {
	return networks.Media{ID: m.ID.String(), Kind: m.Kind, Type: m.Type, Bytes: m.Bytes,
		Width: m.Width, Height: m.Height, Duration: m.Duration, Alt: m.Alt}
}
