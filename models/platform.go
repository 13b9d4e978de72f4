package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models/tenant"
)

// PlatformRole is what a person may do with the installation itself.
type PlatformRole string

// The platform roles, the strongest first.
const (
	SuperAdmin    PlatformRole = "SUPER_ADMIN" // everything
	PlatformAdmin PlatformRole = "ADMIN"       // looks after people and organizations
	PlatformUser  PlatformRole = "USER"        // nothing
)

// PlatformRoles lists all of them, the strongest first.
var PlatformRoles = []PlatformRole{SuperAdmin, PlatformAdmin, PlatformUser}

// Name is the role as people read it.
func (r PlatformRole) Name() string {
	switch r {
	case SuperAdmin:
		return "Super admin"
	case PlatformAdmin:
		return "Admin"
	}
	return "User"
}

// PlatformPermission is one kind of act on the installation.
type PlatformPermission string

// The platform permissions. Each exported method of Console asks for one of them first.
const (
	ReadInstallation   PlatformPermission = "read the installation"   // people, organizations, queue, health, audit log
	ManageUsers        PlatformPermission = "manage people"           // suspend, end sessions
	ManageOrgs         PlatformPermission = "manage organizations"    // look at, suspend
	ChangeInstallation PlatformPermission = "change the installation" // settings, app credentials, mail, other admins
)

var platformPermissions = map[PlatformPermission][]PlatformRole{
	ReadInstallation:   {SuperAdmin, PlatformAdmin},
	ManageUsers:        {SuperAdmin, PlatformAdmin},
	ManageOrgs:         {SuperAdmin, PlatformAdmin},
	ChangeInstallation: {SuperAdmin},
}

// May reports whether the role has the permission.
func (r PlatformRole) May(p PlatformPermission) bool {
	return slices.Contains(platformPermissions[p], r)
}

// WhoMayOnPlatform lists the roles that have the permission, the strongest first.
func WhoMayOnPlatform(p PlatformPermission) []PlatformRole {
	return slices.Clone(platformPermissions[p])
}

// Console is the handle of somebody who looks after the installation.
type Console struct {
	store *Store
	Admin User
	Role  PlatformRole
}

// Console is the person's handle on the installation, if their platform role
// has any right there. For everybody else there is nothing to be found.
func (p *Person) Console(ctx context.Context) (*Console, error) {
	var role PlatformRole
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select platform_role from users where id = $1 and suspended_at is null`, p.User.ID).Scan(&role)
	})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !role.May(ReadInstallation) {
		return nil, notFound("page")
	}
	if err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	return &Console{store: p.store, Admin: p.User, Role: role}, nil
}

// May reports whether the admin's role has the permission.
func (c *Console) May(p PlatformPermission) bool { return c.Role.May(p) }

func (c *Console) demand(p PlatformPermission) error {
	if c.Role.May(p) {
		return nil
	}
	return &Error{Code: Forbidden, Message: fmt.Sprintf("Your role here is %s, which may not %s. Ask a super admin.", c.Role.Name(), p)}
}

// audit writes into the installation's log that the admin did something.
func (c *Console) audit(ctx context.Context, tx pgx.Tx, act, object string, details map[string]any) error {
	return appendAudit(ctx, tx, auditEntry{Chain: uuid.Nil, ActorKind: ActorPerson, ActorID: &c.Admin.ID, ActorName: c.Admin.Name,
		Act: act, Object: object, Details: details})
}

// system runs fn in one transaction that sees everything.
func (s *Store) system(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return s.db.Rows(ctx, tenant.System(), fn)
}

// setting reads what the installation keeps under name into v, and reports
// whether there is anything.
func (s *Store) setting(ctx context.Context, tx pgx.Tx, name string, v any) (bool, error) {
	var sealed []byte
	err := tx.QueryRow(ctx, `select sealed from settings where name = $1`, name).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read setting %s: %w", name, err)
	}
	plain, err := s.box.Unseal(sealed, settingAD(name))
	if err == nil {
		err = json.Unmarshal(plain, v)
	}
	if err != nil {
		return false, fmt.Errorf("open setting %s: %w", name, err)
	}
	return true, nil
}

// set keeps a setting of the installation, sealed.
func (s *Store) setSetting(ctx context.Context, tx pgx.Tx, name string, by *uuid.UUID, v any) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode setting %s: %w", name, err)
	}
	if _, err := tx.Exec(ctx, `insert into settings (name, sealed, updated_by) values ($1, $2, $3)
		on conflict (name) do update set sealed = excluded.sealed, updated_by = excluded.updated_by, updated_at = now()`,
		name, s.box.Seal(plain, settingAD(name)), by); err != nil {
		return fmt.Errorf("keep setting %s: %w", name, err)
	}
	return nil
}

func settingAD(name string) []byte { return seal.At("settings", "sealed", "", name) }

// SignUpPolicy is who may make an account here.
type SignUpPolicy string

// The policies.
const (
	SignUpOpen    SignUpPolicy = "open"   // anybody
	SignUpInvited SignUpPolicy = "invite" // those whom an organization invites
	SignUpClosed  SignUpPolicy = "closed" // nobody new
)

const signUpSetting = "sign-up policy"

// SignUpPolicy is the one in force: by invitation, where nobody has set another.
func (in *Install) SignUpPolicy(ctx context.Context) (policy SignUpPolicy, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		policy, err = in.signUpPolicy(ctx, tx)
		return err
	})
	return policy, err
}

func (s *Store) signUpPolicy(ctx context.Context, tx pgx.Tx) (SignUpPolicy, error) {
	policy := SignUpInvited
	_, err := s.setting(ctx, tx, signUpSetting, &policy)
	return policy, err
}

// SetSignUpPolicy keeps who may make an account here.
func (in *Install) SetSignUpPolicy(ctx context.Context, policy SignUpPolicy) error {
	return in.system(ctx, func(tx pgx.Tx) error { return in.setSetting(ctx, tx, signUpSetting, nil, policy) })
}
