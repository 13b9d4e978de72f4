package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/handlers/api"
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
		{get, "/sign-in/factor", public(s.showFactor), 0},
		{post, "/sign-in/factor", public(s.passFactor), 0},
		{post, "/sign-in/factor/options", public(s.factorOptions), 0},
		{post, "/sign-in/factor/passkey", public(s.passFactorByKey), 0},
		{post, "/sign-in/passkey/options", public(s.passkeyOptions), 0},
		{post, "/sign-in/passkey", public(s.signInByPasskey), 0},
		{post, "/sign-in/with/:provider", public(s.goAway), 0},
		{get, "/sign-in/with/:provider/callback", public(s.comeHome), 0},
		{get, "/sign-in/link", public(s.showLink), 0},
		{post, "/sign-in/link", public(s.linkAccount), 0},
		{get, "/sign-in/join", public(s.showJoin), 0},
		{post, "/sign-in/join", public(s.join), 0},
		{get, "/second-factor", person(s.showFactorNeeded), 0},
		{get, "/sign-up", public(s.showSignUp), 0},
		{post, "/sign-up", public(s.askSignUp), 0},
		{get, "/sign-up/:token", public(s.showFinishSignUp), 0},
		{post, "/sign-up/:token", public(s.finishSignUp), 0},
		{get, "/setup/:token", public(s.showSetup), 0},
		{post, "/setup/:token", public(s.finishSetup), 0},
		{get, "/forgot", public(s.showForgot), 0},
		{post, "/forgot", public(s.askReset), 0},
		{get, "/reset/:token", public(s.showReset), 0},
		{post, "/reset/:token", public(s.resetPassword), 0},
		{get, "/email/confirm/:token", public(s.showConfirmEmail), 0},
		{post, "/email/confirm/:token", public(s.confirmEmail), 0},
		{get, "/email/undo/:token", public(s.showUndoEmail), 0},
		{post, "/email/undo/:token", public(s.undoEmail), 0},
		{get, "/prove", person(s.showProve), 0},
		{post, "/prove", person(s.proveAgain), 0},
		{post, "/sign-out", person(s.signOut), 0},
		{get, "/welcome", workspace(s.showWelcome), 0},
		{get, "/organizations/new", person(s.newOrganization), 0},
		{post, "/organizations", person(s.createOrganization), 0},
		{post, "/organizations/:id/open", person(s.openOrganization), 0},
		{get, "/organizations/:id/logo/:picture", person(s.sendLogo), 0},
		{get, "/people/:id/picture/:picture", person(s.sendPicture), 0},
		{get, "/invitations", person(s.listOwnInvitations), 0},
		{post, "/invitations/:id/accept-own", person(s.acceptOwnInvitation), 0},
		{post, "/invitations/:id/decline-own", person(s.declineOwnInvitation), 0},
		{get, "/invitations/:token", public(s.showInvitation), 0},
		{post, "/invitations/:token/accept", person(s.acceptInvitation), 0},
		{post, "/invitations/:token/sign-up", public(s.joinAsNew), 0},
		{post, "/invitations/:token/decline", public(s.declineInvitation), 0},

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
		{get, "/notifications/:id", person(s.openNotification), 0},
		{get, "/unsubscribe/:token", public(s.showUnsubscribe), 0},
		{post, "/unsubscribe/:token", letter(s.unsubscribe), 0},

		{get, "/settings/profile", workspace(s.showProfile), 0},
		{post, "/settings/profile", workspace(s.changeProfile), 0},
		{get, "/settings/email", fresh(workspace(s.showEmail)), 0},
		{post, "/settings/email", fresh(workspace(s.askEmail)), 0},
		{get, "/settings/password", fresh(workspace(s.showPassword)), 0},
		{post, "/settings/password", fresh(workspace(s.changePassword)), 0},
		{post, "/settings/profile/picture", workspace(s.changePicture), maxPiece},
		{post, "/settings/profile/picture/remove", person(s.removePicture), 0},
		{get, "/settings/devices", workspace(s.listDevices), 0},
		{post, "/settings/devices/:id/revoke", person(s.revokeDevice), 0},
		{post, "/settings/devices/revoke-others", person(s.revokeOtherDevices), 0},
		{get, "/settings/notifications", workspace(s.showChoices), 0},
		{post, "/settings/notifications/kinds", workspace(s.chooseKinds), 0},
		{post, "/settings/notifications/digest", workspace(s.chooseDigest), 0},
		{get, "/settings/security", workspace(s.showSecurity), 0},
		{get, "/settings/security/totp", person(s.showTOTP), 0},
		{post, "/settings/security/totp", person(s.turnOnTOTP), 0},
		{post, "/settings/security/totp/off", person(s.turnOffTOTP), 0},
		{post, "/settings/security/recovery-codes", person(s.renewCodes), 0},
		{get, "/settings/security/passkeys/new", person(s.showNewPasskey), 0},
		{post, "/settings/security/passkeys/options", person(s.newPasskeyOptions), 0},
		{post, "/settings/security/passkeys", person(s.addPasskey), 0},
		{post, "/settings/security/passkeys/:id/rename", person(s.renamePasskey), 0},
		{post, "/settings/security/passkeys/:id/remove", person(s.removePasskey), 0},
		{post, "/settings/security/link/:provider", person(s.linkProvider), 0},
		{post, "/settings/security/identities/:id/unlink", person(s.unlinkProvider), 0},
		{post, "/settings/organization/second-factor", workspace(s.requireFactor), 0},
		{get, "/settings/people", workspace(s.listPeople), 0},
		{post, "/settings/people/:id/role", workspace(s.changeRole), 0},
		{post, "/settings/people/:id/remove", workspace(s.removePerson), 0},
		{post, "/settings/people/leave", workspace(s.leaveOrganization), 0},
		{get, "/settings/people/ownership", fresh(workspace(s.showOwnership)), 0},
		{post, "/settings/people/ownership", fresh(workspace(s.transferOwnership)), 0},
		{post, "/settings/people/invitations", workspace(s.invite), 0},
		{post, "/settings/people/invitations/:id/resend", workspace(s.resendInvitation), 0},
		{post, "/settings/people/invitations/:id/revoke", workspace(s.revokeInvitation), 0},
		{get, "/settings/organization", workspace(s.showOrganization), 0},
		{post, "/settings/organization", workspace(s.renameOrganization), 0},
		{post, "/settings/organization/defaults", workspace(s.changeDefaults), 0},
		{post, "/settings/organization/logo", workspace(s.changeLogo), maxPiece},
		{post, "/settings/organization/logo/remove", workspace(s.removeLogo), 0},
		{get, "/settings/billing", workspace(s.showBilling), 0},
		{get, "/settings/billing/usage.csv", workspace(s.exportUsage), 0},
		{post, "/settings/billing/invoice", workspace(s.changeInvoiceDetails), 0},
		{get, "/settings/audit", workspace(s.showAudit), 0},
		{get, "/settings/audit/export.csv", workspace(s.exportAuditCSV), 0},
		{get, "/settings/audit/export.jsonl", workspace(s.exportAuditLines), 0},

		{get, "/settings/data", person(s.showData), 0},
		{post, "/settings/data/export", person(s.exportData), 0},
		{get, "/settings/data/exports", person(s.listExports), 0},
		{get, "/settings/data/exports/:id", person(s.sendExport), 0},
		{post, "/settings/data/delete", person(s.deletePerson), 0},
		{post, "/settings/data/organization/export", workspace(s.exportOrganization), 0},
		{post, "/settings/data/organization/delete", workspace(s.deleteOrganization), 0},
		{post, "/settings/data/organizations/:id/restore", person(s.restoreOrganization), 0},
		{get, "/settings/api", fresh(workspace(s.listKeys)), 0},
		{post, "/settings/api", fresh(workspace(s.createKey)), 0},
		{post, "/settings/api/:id/revoke", workspace(s.revokeKey), 0},
		{get, "/settings/approval", workspace(s.showApproval), 0},
		{post, "/settings/approval", workspace(s.changeApproval), 0},

		{get, "/console", console(s.showOverview), 0},
		{get, "/console/mail", console(s.listMails), 0},
		{get, "/console/mail/settings", console(s.showMailSettings), 0},
		{post, "/console/mail/settings/:way", consoleFresh(s.setMail), 0},
		{post, "/console/mail/test", console(s.sendTestMail), 0},
		{get, "/console/mail/:id", console(s.showMail), 0},
		{get, "/console/mail/:id/html", console(s.showMailHTML), 0},
		{post, "/console/mail/:id/retry", console(s.retryMail), 0},
		{post, "/console/hold/release", consoleFresh(s.releaseHold), 0},
		{get, "/console/people", console(s.listEverybody), 0},
		{get, "/console/people/:id", console(s.showPerson), 0},
		{post, "/console/people/:id/suspend", consoleFresh(s.suspendPerson), 0},
		{post, "/console/people/:id/unsuspend", console(s.unsuspendPerson), 0},
		{post, "/console/people/:id/sessions/end", console(s.endSessionsOf), 0},
		{post, "/console/people/:id/role", consoleFresh(s.changePlatformRole), 0},
		{get, "/console/organizations", console(s.listAllOrganizations), 0},
		{get, "/console/organizations/:id", console(s.showAnyOrganization), 0},
		{post, "/console/organizations/:id/suspend", console(s.suspendOrganization), 0},
		{post, "/console/organizations/:id/unsuspend", console(s.unsuspendOrganization), 0},
		{get, "/console/settings", console(s.showConsoleSettings), 0},
		{post, "/console/settings/sign-up", consoleFresh(s.changeSignUp), 0},
		{get, "/console/networks", console(s.showNetworks), 0},
		{post, "/console/networks/:network", consoleFresh(s.changeApp), 0},
		{post, "/console/networks/:network/forget", consoleFresh(s.forgetApp), 0},
		{get, "/console/health", console(s.showInstallationHealth), 0},
		{get, "/console/errors", console(s.listErrors), 0},
		{post, "/console/errors/:fingerprint/mark", console(s.markError), 0},
		{get, "/console/audit", console(s.showConsoleAudit), 0},
		{get, "/console/audit/export", console(s.exportConsoleAudit), 0},
		{post, "/console/audit/verify", console(s.verifyConsoleAudit), 0},

		{get, "/live", workspace(s.listen), 0},
		{get, static.Prefix + "*", public(sendStatic), 0},
		{get, "/api/health", public(s.showHealth), 0},
		{get, api.Prefix + "/docs", public(s.showReference), 0},
		{get, api.Prefix + "/openapi.json", public(s.sendOpenAPIJSON), 0},
		{get, api.Prefix + "/openapi.yaml", public(s.sendOpenAPIYAML), 0},
		{get, "/livez", public(s.showAlive), 0},
		{get, "/readyz", public(s.showReady), 0},
	}
}

// counted reports whether calls of the route are counted for their address:
// files of ours and health are not, and the API counts by itself.
func (r route) counted() bool {
	return !strings.HasPrefix(r.path, static.Prefix) && !strings.HasPrefix(r.path, "/api/") && r.path != "/livez" && r.path != "/readyz"
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
		if r.counted() {
			if err := s.take(c, byAddress, s.caller(c)); err != nil {
				return err
			}
		}
		if err := s.awaiting(c, r.path); err != nil {
			return err
		}
		if !readable(c) {
			return errUnreadable
		}
		if !safe(r.method) && !r.door.letter {
			if err := s.sameOrigin(c); err != nil {
				return err
			}
		}
		return r.door.open(s, c)
	}
}
