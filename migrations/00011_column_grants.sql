-- Whoever works in an organization, or on their own account, writes only what is theirs to choose: not who looks after the
-- installation, who is suspended, what address or password signs in, or whether an organization is deleted.

-- +goose Up

revoke update on users from allin_person;
grant update (name, time_zone, week_start, theme, picture_id, digest_hour, updated_at) on users to allin_person;

revoke update on organizations from allin_tenant;
grant update (name, time_zone, week_start, posting_time, logo_id, second_factor_required, updated_at) on organizations to allin_tenant;

-- That somebody has proved who they are, sign-in notes, which asked for the proof.
revoke update (proved_at) on sessions from allin_person;
