package handlers

import (
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/static"
)

// route is one thing that may be asked of the server.
type route struct {
	method, path string
	door         door
	limit        int // of the body, in bytes; 0: maxForm
}

// routes is everything that may be asked. Which organization is meant stands
// in the session, never in an address.
func (s *Server) routes() []route {
	const get, post, patch = fiber.MethodGet, fiber.MethodPost, fiber.MethodPatch
	return []route{
		{get, "/", public(s.showStart), 0},
		{get, "/sign-in", public(s.showSignIn), 0},
		{post, "/sign-in", public(s.signIn), 0},
		{get, "/sign-up", public(s.showSignUp), 0},
		{post, "/sign-up", public(s.signUp), 0},
		{post, "/sign-out", person(s.signOut), 0},
		{get, "/welcome", workspace(s.showWelcome), 0},
		{post, "/organizations/:id/open", person(s.openOrganization), 0},

		{get, "/calendar", workspace(s.showCalendar), 0},
		{get, "/calendar/day", workspace(s.showDay), 0},
		{get, "/posts", workspace(s.listPosts), 0},
		{get, "/posts/new", workspace(s.newPost), 0},
		{post, "/posts", workspace(s.createPost), 0},
		{post, "/posts/review", workspace(s.reviewPost), 0},
		{post, "/posts/approve", workspace(s.approvePosts), 0},
		{get, "/posts/:id", workspace(s.showPost), 0},
		{get, "/posts/:id/edit", workspace(s.editPost), 0},
		{post, "/posts/:id", workspace(s.updatePost), 0},
		{post, "/posts/:id/duplicate", workspace(s.duplicatePost), 0},
		{post, "/posts/:id/delete", workspace(s.deletePost), 0},
		{post, "/posts/:id/editing", workspace(s.editingPost), 0},
		{get, "/posts/:id/history", workspace(s.showHistory), 0},
		{post, "/posts/:id/history/:version/restore", workspace(s.restoreVersion), 0},
		{post, "/posts/:id/approve", workspace(s.approvePost), 0},
		{post, "/posts/:id/changes", workspace(s.askChanges), 0},
		{post, "/posts/:id/withdraw", workspace(s.withdrawPost), 0},
		{post, "/posts/:id/review-links", workspace(s.sendReview), 0},
		{post, "/posts/:id/review-links/:link/revoke", workspace(s.revokeReview), 0},
		{post, "/posts/:id/comments", workspace(s.addComment), 0},
		{post, "/posts/:id/comments/:comment", workspace(s.editComment), 0},
		{post, "/posts/:id/comments/:comment/delete", workspace(s.deleteComment), 0},
		{post, "/posts/:id/comments/:comment/resolve", workspace(s.resolveComment), 0},
		{post, "/occurrences/:id/move", workspace(s.movePost), 0},
		{patch, "/occurrences/:id/move", workspace(s.movePost), 0},
		{post, "/occurrences/:id/cancel", workspace(s.cancelPost), 0},
		{post, "/deliveries/:id/:act", workspace(s.actOnDelivery), 0},

		{get, "/review/:token", guest(s.showReview), 0},
		{post, "/review/:token/decide", guest(s.decideReview), 0},
		{post, "/review/:token/comment", guest(s.commentReview), 0},
		{get, "/review/:token/media/:id/:size", guest(s.sendReviewMedium), 0},

		{get, "/media", workspace(s.listMedia), 0},
		{post, "/media/uploads", workspace(s.uploadMedia), maxPiece},
		{post, "/media/:id/alt", workspace(s.describeMedium), 0},
		{post, "/media/:id/delete", workspace(s.deleteMedium), 0},
		{get, "/media/:id/:size", workspace(s.sendMedium), 0},

		{get, "/accounts", workspace(s.listAccounts), 0},
		{get, "/accounts/connect/:network", workspace(s.showConnect), 0},
		{post, "/accounts/connect/:network", workspace(s.connectAccount), 0},
		{get, "/accounts/callback/:network", person(s.finishConnect), 0},
		{post, "/accounts/:id/reconnect", workspace(s.reconnectAccount), 0},
		{post, "/accounts/:id/disconnect", workspace(s.disconnectAccount), 0},
		{post, "/accounts/:id/approval", workspace(s.changeAccountRule), 0},

		{get, "/notifications", workspace(s.listNotifications), 0},
		{get, "/notifications/bell", workspace(s.showBell), 0},
		{post, "/notifications/read", workspace(s.readNotifications), 0},

		{get, "/settings/profile", workspace(s.showProfile), 0},
		{post, "/settings/profile", workspace(s.changeProfile), 0},
		{get, "/settings/devices", workspace(s.listDevices), 0},
		{post, "/settings/devices/:id/revoke", person(s.revokeDevice), 0},
		{post, "/settings/devices/revoke-others", person(s.revokeOtherDevices), 0},
		{get, "/settings/people", workspace(s.listPeople), 0},
		{post, "/settings/people/:id/role", workspace(s.changeRole), 0},
		{post, "/settings/people/:id/remove", workspace(s.removePerson), 0},
		{get, "/settings/approval", workspace(s.showApproval), 0},
		{post, "/settings/approval", workspace(s.changeApproval), 0},

		{get, "/console", console(s.showOverview), 0},

		{get, "/live", workspace(s.listen), 0},
		{get, static.Prefix + "*", public(sendStatic), 0},
		{get, "/api/health", public(s.showHealth), 0},
		{get, "/livez", public(s.showAlive), 0},
		{get, "/readyz", public(s.showReady), 0},
	}
}

// enter is a route as Fiber calls it.
func (s *Server) enter(r route) fiber.Handler {
	limit := r.limit
	if limit == 0 {
		limit = maxForm
	}
	return func(c *fiber.Ctx) error {
		if len(c.Request().Body()) > limit {
			return fiber.ErrRequestEntityTooLarge
		}
		if !safe(r.method) {
			if err := s.sameOrigin(c); err != nil {
				return err
			}
		}
		return r.door.open(s, c)
	}
}
