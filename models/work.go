package models

import "github.com/google/uuid"

// PublishArgs asks a worker to publish what is due on one account. It is a
// hint: which delivery that is, and whether there is one, the claim decides.
type PublishArgs struct {
	Organization uuid.UUID `json:"organization"`
	Account      uuid.UUID `json:"account"`
}

// Kind names the job in the queue.
func (PublishArgs) Kind() string { return "publish" }

// RefreshArgs asks a worker to renew the token of one account.
type RefreshArgs struct {
	Organization uuid.UUID `json:"organization"`
	Account      uuid.UUID `json:"account"`
}

// Kind names the job in the queue.
func (RefreshArgs) Kind() string { return "refresh_token" }

// MailArgs asks a worker to send one mail, if it is still to be sent.
type MailArgs struct {
	Mail uuid.UUID `json:"mail"`
}

// Kind names the job in the queue.
func (MailArgs) Kind() string { return "mail" }

// ExportArgs asks a worker to make an archive of somebody's data.
type ExportArgs struct {
	Export uuid.UUID `json:"export"`
}

// Kind names the job in the queue.
func (ExportArgs) Kind() string { return "export" }

// DeletionArgs asks a worker to carry out a deletion.
type DeletionArgs struct {
	Deletion uuid.UUID `json:"deletion"`
}

// Kind names the job in the queue.
func (DeletionArgs) Kind() string { return "delete" }
