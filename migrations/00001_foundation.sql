-- The whole schema of the first release: people, organizations, accounts, posts, deliveries and their ledger.

-- +goose Up

-- Every table below is locked by row-level security, forced also on its owner. Three roles open it, each
-- for one transaction: allin_tenant sees one organization's rows (app.organization_id), allin_person
-- sees what belongs to one signed-in person (app.user_id), allin_system sees all. The login role sees nothing.

-- +goose StatementBegin
create function app_organization() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.organization_id', true), '')::uuid $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function app_user() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.user_id', true), '')::uuid $$;
-- +goose StatementEnd

-- Keys are (id, organization_id): one index finds a row by its id, and lets others refer to it together with
-- its organization, so that no row can point into another one.

create table installation (
	id                boolean primary key default true check (id),
	epoch             bigint      not null default 1,
	epoch_at          timestamptz not null default now(),
	system_identifier text        not null default '',
	ticked_at         timestamptz not null default now(), -- when a clock looked last
	held_at           timestamptz,
	held_reason       text        not null default ''
);
insert into installation default values;

create table users (
	id             uuid primary key,
	email          text        not null,
	name           text        not null,
	password_hash  text        not null,
	time_zone      text        not null default 'UTC',
	week_start     smallint    not null default 1 check (week_start between 0 and 6),
	theme          text        not null default 'system' check (theme in ('system', 'light', 'dark')),
	created_at     timestamptz not null default now(),
	updated_at     timestamptz not null default now()
);
create unique index users_email on users (lower(email));

create table organizations (
	id         uuid primary key,
	name       text        not null,
	time_zone  text        not null default 'UTC',
	demo       boolean     not null default false,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now()
);

create table memberships (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	user_id         uuid        not null references users (id) on delete cascade,
	role            text        not null check (role in ('OWNER', 'ADMIN', 'EDITOR', 'MEMBER', 'VIEWER')),
	created_at      timestamptz not null default now(),
	primary key (organization_id, user_id)
);
create index memberships_user on memberships (user_id);

create table sessions (
	id         bytea primary key, -- SHA-256 of the cookie's token: a read of this table opens no session
	user_id    uuid references users (id) on delete cascade,
	data       bytea       not null,
	ip         text        not null default '',
	agent      text        not null default '',
	created_at timestamptz not null default now(),
	seen_at    timestamptz not null default now(),
	expires_at timestamptz not null
);
create index sessions_user on sessions (user_id);
create index sessions_expires on sessions (expires_at);

create unlogged table throttles (
	key     text primary key,
	hits    integer     not null,
	resets_at timestamptz not null
);

create table processes (
	id         uuid primary key,
	lock_key   bigint      not null,
	kind       text        not null,
	host       text        not null,
	pid        integer     not null,
	started_at timestamptz not null default now(),
	seen_at    timestamptz not null default now()
);

create table network_apps (
	network    text        not null,
	site       text        not null,
	redirect   text        not null,
	sealed     bytea       not null,
	created_at timestamptz not null default now(),
	primary key (network, site, redirect)
);

create table rate_gates (
	scope      text primary key, -- account:ID:ENDPOINT or app:NETWORK:ENDPOINT
	open_at    timestamptz not null,
	reason     text        not null default '',
	updated_at timestamptz not null default now()
);

create table social_accounts (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	id              uuid        not null,
	network         text        not null,
	sandbox         boolean     not null default false,
	site            text        not null default '',
	remote_id       text        not null,
	handle          text        not null,
	name            text        not null default '',
	avatar_url      text        not null default '',
	url             text        not null default '',
	limits          jsonb       not null default '{}',
	state           text        not null default 'connected' check (state in ('connected', 'reconnect', 'disconnected')),
	state_reason    text        not null default '',
	connected_by    uuid references users (id) on delete set null,
	connected_at    timestamptz not null default now(),
	updated_at      timestamptz not null default now(),
	primary key (id, organization_id),
	unique (organization_id, network, sandbox, site, remote_id)
);

create table account_tokens (
	organization_id uuid        not null default app_organization(),
	account_id      uuid        not null,
	sealed          bytea       not null,
	expires_at      timestamptz,
	version         integer     not null default 1,
	refresh_lease   timestamptz not null default '-infinity', -- one process at a time renews it
	updated_at      timestamptz not null default now(),
	primary key (organization_id, account_id),
	foreign key (organization_id, account_id) references social_accounts (organization_id, id) on delete cascade
);
create index account_tokens_expires on account_tokens (expires_at);

create table connect_states (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	id              bytea       not null, -- SHA-256 of the state that travels
	session_id      bytea       not null references sessions (id) on delete cascade,
	user_id         uuid        not null references users (id) on delete cascade,
	network         text        not null,
	sandbox         boolean     not null,
	site            text        not null,
	account_id      uuid,
	sealed          bytea       not null, -- goth's session with the PKCE verifier
	expires_at      timestamptz not null,
	primary key (id, organization_id),
	foreign key (organization_id, account_id) references social_accounts (organization_id, id) on delete cascade
);

create table media (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	id              uuid        not null,
	kind            text        not null check (kind in ('image', 'gif', 'video')),
	type            text        not null,
	name            text        not null default '',
	bytes           bigint      not null,
	width           integer     not null default 0,
	height          integer     not null default 0,
	duration_ms     bigint      not null default 0,
	alt             text        not null default '',
	created_by      uuid references users (id) on delete set null,
	created_at      timestamptz not null default now(),
	primary key (id, organization_id)
);
create index media_created on media (organization_id, created_at desc);

create table posts (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	id              uuid        not null,
	author_id       uuid references users (id) on delete set null,
	content         jsonb       not null,
	excerpt         text        not null default '', -- first words, for calendar and lists
	cover_id        uuid,                            -- first medium, for calendar and lists
	version         integer     not null default 1,
	draft           boolean     not null default true,
	created_at      timestamptz not null default now(),
	updated_at      timestamptz not null default now(),
	primary key (id, organization_id)
);
create index posts_drafts on posts (organization_id, updated_at desc) where draft;

create table post_targets (
	organization_id uuid  not null default app_organization(),
	post_id         uuid  not null,
	account_id      uuid  not null,
	content         jsonb, -- the account's own variant; null: the post's
	options         jsonb not null default '{}',
	primary key (organization_id, post_id, account_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade,
	foreign key (organization_id, account_id) references social_accounts (organization_id, id) on delete cascade
);
create index post_targets_account on post_targets (organization_id, account_id);

create table post_media (
	organization_id uuid not null default app_organization(),
	post_id         uuid not null,
	media_id        uuid not null,
	primary key (organization_id, post_id, media_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade,
	foreign key (organization_id, media_id) references media (organization_id, id)
);
create index post_media_media on post_media (organization_id, media_id);

create table scheduled_posts (
	organization_id uuid        not null default app_organization(),
	id              uuid        not null,
	post_id         uuid        not null,
	local_date      date        not null, -- what the person chose: date, time and zone; due_at follows from them
	local_time      time        not null,
	zone            text        not null,
	due_at          timestamptz not null,
	created_by      uuid references users (id) on delete set null,
	created_at      timestamptz not null default now(),
	updated_at      timestamptz not null default now(),
	primary key (id, organization_id, post_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade
);
create index scheduled_posts_due on scheduled_posts (organization_id, due_at, id);
create index scheduled_posts_post on scheduled_posts (organization_id, post_id);

create table deliveries (
	organization_id   uuid        not null default app_organization(),
	id                uuid        not null,
	scheduled_post_id uuid        not null,
	post_id           uuid        not null,
	account_id        uuid        not null,
	network           text        not null,
	state             text        not null default 'scheduled' check (state in ('scheduled', 'publishing', 'published',
	                              'retrying', 'waiting', 'unknown', 'missed', 'failed', 'canceled')),
	due_at            timestamptz not null,
	fresh_at          timestamptz not null, -- lateness counts from here: due_at, or when a person sent it again
	next_at           timestamptz,          -- when to look at it next; null: not by itself
	enqueued_at       timestamptz,
	fence             integer     not null default 0,
	claimed_by        uuid,
	lease_until       timestamptz,
	tries             integer     not null default 0, -- failed ones that count
	gated             boolean     not null default false, -- a rate gate held it: it may go out late
	draft             jsonb,                -- what is being sent, fixed when the first attempt begins
	reason            text        not null default '', -- machine's word for why it stands where it stands
	message           text        not null default '', -- the same as a sentence
	remote_id         text,
	remote_url        text        not null default '',
	published_at      timestamptz,
	updated_at        timestamptz not null default now(),
	primary key (id, organization_id),
	foreign key (organization_id, scheduled_post_id, post_id) references scheduled_posts (organization_id, id, post_id) on delete cascade,
	foreign key (organization_id, account_id) references social_accounts (organization_id, id) on delete cascade
) with (fillfactor = 80);
-- Few and narrow indexes: every state of a delivery is another version of its row.
create index deliveries_due on deliveries (next_at) where state in ('scheduled', 'retrying', 'waiting') and next_at is not null;
create index deliveries_account on deliveries (account_id, due_at, id) where state in ('scheduled', 'retrying', 'waiting');
create unique index deliveries_one_call on deliveries (account_id) where state = 'publishing';
create index deliveries_post on deliveries (post_id, scheduled_post_id);
-- What stands on the network stands for one delivery only.
create unique index deliveries_remote on deliveries (organization_id, account_id, remote_id) where remote_id is not null;
create index deliveries_attention on deliveries (organization_id, due_at) where state in ('failed', 'unknown', 'missed', 'waiting');

create table attempts (
	organization_id uuid        not null default app_organization(),
	delivery_id     uuid        not null,
	fence           integer     not null,
	step            text        not null,
	action          text        not null check (action in ('send', 'look', 'upload', 'decide')),
	state           text        not null default 'started' check (state in ('started', 'ok', 'rejected', 'reauthorize',
	                            'limited', 'unavailable', 'operator', 'ambiguous', 'reconciled', 'absent')),
	fingerprint     text        not null default '',
	http            integer     not null default 0,
	code            text        not null default '',
	message         text        not null default '',
	remote_id       text        not null default '',
	started_at      timestamptz not null default now(),
	ended_at        timestamptz,
	primary key (delivery_id, fence, step, action),
	foreign key (organization_id, delivery_id) references deliveries (organization_id, id) on delete cascade
) with (fillfactor = 80);

create table delivery_steps (
	organization_id uuid        not null default app_organization(),
	delivery_id     uuid        not null,
	step            text        not null, -- upload:PART:FILE, create:PART
	key             text        not null default '', -- under which the network creates it, chosen before the call
	begun_at        timestamptz not null default now(), -- when its first attempt began
	done            boolean     not null default false,
	result          jsonb       not null default '{}',
	primary key (delivery_id, step),
	foreign key (organization_id, delivery_id) references deliveries (organization_id, id) on delete cascade
) with (fillfactor = 80);

create table notifications (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	id              uuid        not null default gen_random_uuid(),
	user_id         uuid        not null references users (id) on delete cascade,
	kind            text        not null,
	post_id         uuid,
	account_id      uuid,
	title           text        not null,
	body            text        not null default '',
	created_at      timestamptz not null default now(),
	read_at         timestamptz,
	primary key (id, organization_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade,
	foreign key (organization_id, account_id) references social_accounts (organization_id, id) on delete cascade
);
create index notifications_user on notifications (organization_id, user_id, created_at desc);

-- Locks. allin_system sees all of every table.
-- +goose StatementBegin
do $$
declare t text;
begin
	for t in select tablename from pg_tables where schemaname = current_schema() and tablename in ('installation', 'users',
		'organizations', 'memberships', 'sessions', 'throttles', 'processes', 'network_apps', 'rate_gates', 'social_accounts',
		'account_tokens', 'connect_states', 'media', 'posts', 'post_targets', 'post_media', 'scheduled_posts', 'deliveries',
		'attempts', 'delivery_steps', 'notifications')
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('grant select, insert, update, delete on %I to allin_system', t);
	end loop;
	-- Rows of one organization.
	foreach t in array array['social_accounts', 'account_tokens', 'connect_states', 'media', 'posts', 'post_targets',
		'post_media', 'scheduled_posts', 'deliveries', 'attempts', 'delivery_steps', 'memberships']
	loop
		execute format('create policy tenant_rows on %I to allin_tenant using (organization_id = (select app_organization())) '
			'with check (organization_id = (select app_organization()))', t);
	end loop;
end $$;
-- +goose StatementEnd

grant select, insert, update, delete on social_accounts, connect_states, media, posts, post_targets, post_media,
	scheduled_posts, deliveries, delivery_steps to allin_tenant;
grant select, insert, update, delete on memberships to allin_tenant;
-- A person's word settles an attempt of unknown end; what was sent, and when, nobody changes.
grant select, insert, update (state, ended_at) on attempts to allin_tenant;
-- An organization's members set tokens and never read them.
grant insert, update, delete on account_tokens to allin_tenant;
grant select (organization_id, account_id, expires_at, version, updated_at) on account_tokens to allin_tenant;

create policy tenant_row on organizations to allin_tenant using (id = (select app_organization()))
	with check (id = (select app_organization()));
grant select, update on organizations to allin_tenant;

create policy tenant_own on notifications to allin_tenant
	using (organization_id = (select app_organization()) and user_id = (select app_user()))
	with check (organization_id = (select app_organization()) and user_id = (select app_user()));
grant select, update on notifications to allin_tenant;

create policy tenant_members on users for select to allin_tenant
	using (exists (select 1 from memberships m where m.user_id = users.id));
grant select (id, email, name, time_zone, week_start, theme) on users to allin_tenant;

create policy tenant_sees on installation for select to allin_tenant using (true);
grant select (id, held_at, held_reason) on installation to allin_tenant;

-- What belongs to one person.
create policy person_self on users to allin_person using (id = (select app_user())) with check (id = (select app_user()));
grant select, update on users to allin_person;
create policy person_sessions on sessions to allin_person using (user_id = (select app_user())) with check (user_id = (select app_user()));
grant select (id, user_id, ip, agent, created_at, seen_at, expires_at), delete on sessions to allin_person;
create policy person_memberships on memberships for select to allin_person using (user_id = (select app_user()));
grant select on memberships to allin_person;
create policy person_organizations on organizations for select to allin_person
	using (exists (select 1 from memberships m where m.organization_id = organizations.id));
grant select on organizations to allin_person;
