-- Second factors, passkeys and sign-in with other providers: what proves beside a password who somebody is.

-- +goose Up

alter table organizations add column second_factor_required boolean not null default false;

create table totp_secrets (
	user_id      uuid        primary key references users (id) on delete cascade,
	sealed       bytea       not null,
	last_step    bigint      not null default 0, -- of 30 s since 1970: a code of this step or an earlier one is used up
	created_at   timestamptz not null default now(),
	confirmed_at timestamptz -- null: shown, and not yet proved by a code
);

create table recovery_codes (
	user_id      uuid        not null references users (id) on delete cascade,
	hash         bytea       not null, -- SHA-256 of a code of 80 random bits
	used_at      timestamptz,
	primary key (user_id, hash)
);

create table passkeys (
	id           uuid        primary key,
	user_id      uuid        not null references users (id) on delete cascade,
	credential   bytea       not null unique, -- id that the authenticator gave it
	record       jsonb       not null, -- public key, flags and counter: nothing in it is secret
	sign_count   bigint      not null default 0,
	name         text        not null,
	created_at   timestamptz not null default now(),
	used_at      timestamptz
);
create index passkeys_user on passkeys (user_id);

-- Who somebody is elsewhere. The issuer and its subject are the key, never an e-mail address.
create table identities (
	id           uuid        primary key,
	user_id      uuid        not null references users (id) on delete cascade,
	provider     text        not null, -- the key under which it is configured: google, github, oidc
	issuer       text        not null,
	subject      text        not null,
	email        text        not null default '', -- what the provider called them when it was linked
	created_at   timestamptz not null default now(),
	used_at      timestamptz,
	unique (issuer, subject)
);
create index identities_user on identities (user_id);

-- Proofs that a browser has begun and not finished: each is taken back once, by that browser, within minutes.
create table challenges (
	id           bytea       primary key, -- SHA-256 of the token that travels
	kind         text        not null,
	browser      bytea       not null, -- SHA-256 of the cookie of who began it
	user_id      uuid        references users (id) on delete cascade,
	sealed       bytea       not null,
	created_at   timestamptz not null default now(),
	expires_at   timestamptz not null
);
create index challenges_user on challenges (user_id);
create index challenges_expires on challenges (expires_at);

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['totp_secrets', 'recovery_codes', 'passkeys', 'identities', 'challenges']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('grant select, insert, update, delete on %I to allin_system', t);
		execute format('create policy person_own on %I to allin_person using (user_id = (select app_user())) '
			'with check (user_id = (select app_user()))', t);
		execute format('grant select, insert, update, delete on %I to allin_person', t);
	end loop;
end $$;
-- +goose StatementEnd

grant select (proved_at), update (proved_at) on sessions to allin_person;
