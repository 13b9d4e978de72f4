-- Programs that act for people: keys that access tokens are signed with, families of refresh tokens, API keys.

-- +goose Up

create table signing_keys (
	kid             text        primary key,
	sealed          bytea       not null, -- the private half
	created_at      timestamptz not null default now(),
	retired_at      timestamptz -- from then on, what it signed is refused; null: it signs
);

-- One sign-in of a program. Its refresh tokens are made from the sealed secret and a number, so none of them is kept.
-- It ends with the membership that it is for.
create table token_families (
	id              uuid        primary key,
	organization_id uuid, -- the one that is open; null: none
	user_id         uuid        not null references users (id) on delete cascade,
	sealed          bytea       not null,
	generation      integer     not null default 1, -- of the refresh token that is good now
	rotated_at      timestamptz not null default now(),
	ip              text        not null default '',
	agent           text        not null default '',
	created_at      timestamptz not null default now(),
	seen_at         timestamptz not null default now(),
	expires_at      timestamptz not null,
	foreign key (organization_id, user_id) references memberships (organization_id, user_id) on delete cascade
);
create index token_families_user on token_families (user_id);
create index token_families_organization on token_families (organization_id, user_id);
create index token_families_expires on token_families (expires_at);

create table api_keys (
	organization_id uuid        not null default app_organization(),
	id              uuid        not null,
	user_id         uuid        not null,
	name            text        not null,
	hint            text        not null, -- how the key begins: its owner knows it by that
	hash            bytea       not null, -- SHA-256 of the whole: a read of this table opens nothing
	scopes          text[]      not null,
	created_at      timestamptz not null default now(),
	expires_at      timestamptz not null,
	last_used_at    timestamptz,
	primary key (id, organization_id),
	foreign key (organization_id, user_id) references memberships (organization_id, user_id) on delete cascade
);
create unique index api_keys_hash on api_keys (hash);
create index api_keys_member on api_keys (organization_id, user_id);

-- Whoever changes the password, or is suspended, is signed out of programs, whatever the way on which that happens.
-- +goose StatementBegin
create function end_token_families() returns trigger language plpgsql as $$
begin
	delete from token_families where user_id = new.id;
	return null;
end $$;
-- +goose StatementEnd
create trigger users_end_token_families after update of password_hash, suspended_at on users for each row
	when (old.password_hash <> new.password_hash or old.suspended_at is null and new.suspended_at is not null)
	execute function end_token_families();

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['signing_keys', 'token_families', 'api_keys']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('grant select, insert, update, delete on %I to allin_system', t);
	end loop;
end $$;
-- +goose StatementEnd

create policy person_families on token_families to allin_person using (user_id = (select app_user())) with check (user_id = (select app_user()));
grant select (id, user_id, organization_id, ip, agent, created_at, seen_at, expires_at), delete on token_families to allin_person;

-- Members make, see and delete keys; what a key is recognized by, only the door reads.
create policy tenant_rows on api_keys to allin_tenant using (organization_id = (select app_organization()))
	with check (organization_id = (select app_organization()));
grant insert, delete on api_keys to allin_tenant;
grant select (organization_id, id, user_id, name, hint, scopes, created_at, expires_at, last_used_at) on api_keys to allin_tenant;
