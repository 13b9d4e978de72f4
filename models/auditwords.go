package models

import (
	"fmt"
	"strings"
)

// auditWord is how one act is told.
type auditWord struct {
	title string // in a list to choose from: "Role changed"
	// words follow the name of who did it. {object} is what it was done to,
	// {name} in braces a detail.
	words string
	// nameless is words for an object whose name nobody knows any more; "": words.
	nameless string
}

// auditWords is the one table that turns acts into sentences: for an
// organization's log, and for the installation's.
var auditWords = map[string]auditWord{
	"organization.created":          {"Organization made", "made this organization", ""},
	"organization.renamed":          {"Organization renamed", "gave the organization another name", ""},
	"organization.logo_changed":     {"Logo changed", "changed the organization's logo", ""},
	"organization.logo_removed":     {"Logo removed", "removed the organization's logo", ""},
	"organization.defaults_changed": {"Defaults changed", "changed the organization's time zone and defaults", ""},
	"audit.exported":                {"Audit log exported", "took out the audit log as {format}", ""},
	"invoice_details.changed":       {"Invoice details changed", "changed the invoice details", ""},

	"invitation.sent":       {"Invitation sent", "invited {object} as {role}", "invited somebody as {role}"},
	"invitation.sent_again": {"Invitation sent again", "sent {object} a new invitation as {role}", "sent a new invitation as {role}"},
	"invitation.revoked":    {"Invitation taken back", "took back the invitation of {object}", "took back an invitation"},
	"invitation.accepted":   {"Invitation accepted", "joined as {role}, by the invitation of {object}", "joined as {role}, by invitation"},
	"invitation.declined":   {"Invitation declined", "declined the invitation of {object}", "declined an invitation"},

	"member.role_changed":   {"Role changed", "changed the role of {object} from {before} to {after}", "changed somebody's role from {before} to {after}"},
	"member.removed":        {"Member removed", "removed {object}, who was {role}", "removed somebody who was {role}"},
	"member.left":           {"Member left", "left the organization; the role was {role}", ""},
	"ownership.transferred": {"Ownership handed over", "handed ownership over to {object}", "handed ownership over"},

	"account.connected":    {"Account connected", "connected {object} on {network}", "connected an account on {network}"},
	"account.reconnected":  {"Account reconnected", "connected {object} on {network} again", "connected an account on {network} again"},
	"account.disconnected": {"Account disconnected", "disconnected {object} on {network}", "disconnected an account on {network}"},

	"post.deleted":             {"Post deleted", "deleted a post", ""},
	"post.canceled":            {"Post canceled", "canceled {object}", "canceled a post"},
	"media.deleted":            {"File deleted", "deleted a file from the media library", ""},
	"delivery.canceled":        {"Delivery canceled", "canceled a delivery of {object}", "canceled a delivery"},
	"delivery.sent_again":      {"Sent again by decision", "said that {object} is not on the network, and had it sent again", "said that a post is not on the network, and had it sent again"},
	"delivery.confirmed_live":  {"Confirmed as live", "said that {object} is live", "said that a post is live"},
	"delivery.retried":         {"Tried again", "had {object} tried again", "had a post tried again"},
	"delivery.looked_at_again": {"Looked for again", "had {object} looked for again", "had a post looked for again"},
}

// AuditWords says what was done, as it follows the name of who did it. name
// is what the object is called, "" where that is not known. An act that is not
// in the table is told by its own words.
func AuditWords(act, name string, details map[string]any) string {
	w, ok := auditWords[act]
	if !ok {
		return strings.TrimSpace(plainAct(act) + " " + name)
	}
	text := w.words
	if name == "" && w.nameless != "" {
		text = w.nameless
	}
	text = strings.ReplaceAll(text, "{object}", name)
	for k, v := range details {
		text = strings.ReplaceAll(text, "{"+k+"}", auditValue(v))
	}
	return text
}

// AuditTitle names an act in a list to choose from.
func AuditTitle(act string) string {
	if w, ok := auditWords[act]; ok {
		return w.title
	}
	return plainAct(act)
}

// plainAct makes words of "noun.verb_done".
func plainAct(act string) string {
	text := strings.NewReplacer(".", ": ", "_", " ").Replace(act)
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// auditValue is a detail as people read it: roles and networks have names.
func auditValue(v any) string {
	text := fmt.Sprint(v)
	if role := Role(text); role.Name() != text {
		return role.Name()
	}
	return text
}
