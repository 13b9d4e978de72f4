package handlers_test

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
)

// mailed is the last letter of that kind to the address, as the outbox has it.
func (w *world) mailed(kind, email string, letter any) {
	w.t.Helper()
	rows, err := w.super.Query(w.t.Context(), `select id, sealed from mails where kind = $1 order by created_at desc, id desc`, kind)
	must(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var sealed []byte
		must(w.t, rows.Scan(&id, &sealed))
		plain, err := w.box.Unseal(sealed, seal.At("mails", "sealed", "", id.String()))
		must(w.t, err)
		var m struct {
			Email  string
			Letter json.RawMessage
		}
		must(w.t, json.Unmarshal(plain, &m))
		if strings.EqualFold(m.Email, email) {
			must(w.t, json.Unmarshal(m.Letter, letter))
			return
		}
	}
	w.t.Fatalf("no %s was mailed to %s", kind, email)
}

// token is what the last invitation of the address carries.
func (w *world) token(email string) string {
	w.t.Helper()
	var letter models.Invitation
	w.mailed("invitation", email, &letter)
	return letter.Link[strings.LastIndex(letter.Link, "/")+1:]
}

// invitation invites the address as an editor.
func (w *world) invitation(ws *models.Workspace, email string) (id uuid.UUID, token string) {
	w.t.Helper()
	w.sql(`delete from throttles`)
	_, err := ws.Invite(w.t.Context(), models.Invites{Emails: email, Role: models.Editor, Days: 7})
	must(w.t, err)
	return uuid.MustParse(w.value(`select id::text from invitations where email = $1 and state = 'open'`, email)), w.token(email)
}

// teamThings are what only some of the routes ask for.
type teamThings struct {
	invitation, picture, logo uuid.UUID
	token                     string
}

func (th *things) team() *teamThings {
	if th.teams == nil {
		th.teams = &teamThings{}
		th.teams.invitation, th.teams.token = th.w.invitation(th.ws, uuid.NewString()+"@example.com")
		th.teams.picture, th.teams.logo = th.w.pictures(th.ws)
	}
	return th.teams
}

// pictures gives the workspace a logo and its member a picture.
func (w *world) pictures(ws *models.Workspace) (own, logo uuid.UUID) {
	w.t.Helper()
	square := string(picture(16, 16))
	must(w.t, ws.SetLogo(w.t.Context(), strings.NewReader(square)))
	p, err := w.store.Install("test").SignIn(w.t.Context(), ws.Member.Email, password, "127.0.0.1")
	must(w.t, err)
	must(w.t, p.SetPicture(w.t.Context(), strings.NewReader(square)))
	return p.User.Picture, ws.Organization.Logo
}
