package models

import (
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/networks"
)

// AccountState is whether an account can be published to.
type AccountState string

// The states of an account.
const (
	Connected    AccountState = "connected"
	Reconnect    AccountState = "reconnect" // the network has ended the grant
	Disconnected AccountState = "disconnected"
)

// Account is a connected account, without its tokens.
type Account struct {
	ID          uuid.UUID
	Network     string
	NetworkName string // "Mastodon"
	Sandbox     bool
	Site        string // address of its server; "" where the network has one
	RemoteID    string
	Handle      string // without @
	Name        string
	URL         string
	Limits      networks.Limits
	State       AccountState
	StateReason string
	ConnectedAt time.Time
	ExpiresAt   *time.Time // of the token; nil: never
}

// Title is the account as people call it.
func (a *Account) Title() string {
	if a.Name != "" {
		return a.Name
	}
	return a.Handle
}

// network is the account as its client needs it, with the token opened.
func (a *Account) network(token networks.Token) networks.Account {
	return networks.Account{ID: a.ID.String(), Network: a.Network, Site: a.Site, RemoteID: a.RemoteID,
		Handle: a.Handle, Token: token, Limits: a.Limits}
}
