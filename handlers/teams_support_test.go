package handlers_test

import (
	"strings"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// token is what the last invitation of the address carries.
func (w *world) token(email string) string {
	w.t.Helper()
	var letter models.Invitation
	if !w.letter("invitation", email, &letter) {
		w.t.Fatalf("no invitation was mailed to %s", email)
	}
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
