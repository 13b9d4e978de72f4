-- Posts that somebody must approve first: rules, proposals, decisions, comments, links for clients, and every version of a post.

-- +goose Up

alter table posts
	add column approval text        not null default 'none' check (approval in ('none', 'review', 'changes', 'approved')),
	add column asked_by uuid        references users (id) on delete set null,
	add column asked_at timestamptz,
	add column reminded smallint    not null default 0, -- 1: a day before the wanted time, 2: two hours before, 3: that it has passed
	add column comments integer     not null default 0, -- that are not deleted, for calendar and lists
	-- What waits for approval is a draft: nothing of it is scheduled.
	add constraint posts_review_is_draft check (draft or approval in ('none', 'approved'));
create index posts_review on posts (organization_id, asked_at) where approval = 'review';

-- A proposed occurrence is a wanted time: it has no delivery that could go out.
alter table scheduled_posts add column proposed boolean not null default false;
create unique index scheduled_posts_proposed on scheduled_posts (post_id) where proposed;

-- An account may have a rule of its own; inherit: as the organization has it.
alter table social_accounts add column approval text not null default 'inherit' check (approval in ('inherit', 'always', 'never'));

create table approval_rules (
	organization_id uuid        not null default app_organization() primary key references organizations (id) on delete cascade,
	posts           text        not null default 'nobody' check (posts in ('nobody', 'members', 'all')),
	roles           text[]      not null default '{OWNER,ADMIN,EDITOR}',
	people          uuid[]      not null default '{}', -- when not empty, only they, as far as their role may
	guest_decides   boolean     not null default true, -- a client's yes is enough
	updated_at      timestamptz not null default now(),
	updated_by      uuid        references users (id) on delete set null
);

create table decisions (
	organization_id uuid        not null default app_organization(),
	id              uuid        not null,
	post_id         uuid        not null,
	version         integer     not null,
	act             text        not null check (act in ('asked', 'approved', 'changes', 'withdrawn', 'edited', 'advised')),
	user_id         uuid        references users (id) on delete set null,
	guest           text        not null default '', -- name of a client with a link
	words           text        not null default '',
	at              timestamptz not null default now(),
	primary key (id, organization_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade
);
create index decisions_post on decisions (post_id, at);

create table post_versions (
	organization_id uuid        not null default app_organization(),
	post_id         uuid        not null,
	version         integer     not null,
	author_id       uuid        references users (id) on delete set null,
	auto            boolean     not null default false, -- saved by itself: the next one of the same person takes its place for a while
	begun_at        timestamptz not null default now(),
	at              timestamptz not null default now(),
	content         jsonb       not null,
	targets         jsonb       not null default '[]', -- account, content, options
	wall            jsonb,                             -- the time that was chosen with it: Date, Time, Zone
	restored        integer,                           -- the version that this one brought back
	primary key (organization_id, post_id, version),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade
);
insert into post_versions (organization_id, post_id, version, author_id, begun_at, at, content, targets)
	select p.organization_id, p.id, p.version, p.author_id, p.updated_at, p.updated_at, p.content,
		coalesce((select jsonb_agg(jsonb_build_object('account', t.account_id, 'content', t.content, 'options', t.options) order by t.account_id)
			from post_targets t where t.organization_id = p.organization_id and t.post_id = p.id), '[]')
	from posts p;

create table comments (
	organization_id uuid        not null default app_organization(),
	id              uuid        not null,
	post_id         uuid        not null,
	parent_id       uuid,
	account_id      uuid,       -- whose words it is about; null: the post's
	author_id       uuid        references users (id) on delete set null,
	guest           text        not null default '',
	shared          boolean     not null default false, -- clients with a link see it: what one of them said, and answers to it
	body            text        not null,
	mentions        uuid[]      not null default '{}',
	created_at      timestamptz not null default now(),
	edited_at       timestamptz,
	deleted_at      timestamptz,
	resolved_at     timestamptz,
	resolved_by     uuid        references users (id) on delete set null,
	primary key (id, organization_id),
	unique (organization_id, id, post_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade,
	foreign key (organization_id, parent_id, post_id) references comments (organization_id, id, post_id) on delete cascade,
	foreign key (organization_id, account_id) references social_accounts (organization_id, id) on delete cascade
);
create index comments_post on comments (post_id, created_at);

create table review_links (
	organization_id uuid        not null default app_organization(),
	id              uuid        not null,
	post_id         uuid        not null,
	token           bytea       not null unique, -- SHA-256 of what is mailed
	name            text        not null,
	email           text        not null,
	version         integer     not null, -- of the post when it was sent
	sent_by         uuid        not null references users (id) on delete cascade,
	created_at      timestamptz not null default now(),
	expires_at      timestamptz not null,
	revoked_at      timestamptz,
	seen_at         timestamptz,
	decided_at      timestamptz,
	decision        text        not null default '' check (decision in ('', 'approved', 'changes')),
	primary key (id, organization_id),
	foreign key (organization_id, post_id) references posts (organization_id, id) on delete cascade
);
create index review_links_post on review_links (post_id, created_at);

-- Who has a post's composer open just now.
create unlogged table post_editors (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	post_id         uuid        not null,
	user_id         uuid        not null references users (id) on delete cascade,
	seen_at         timestamptz not null default now(),
	primary key (organization_id, post_id, user_id)
);

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['approval_rules', 'decisions', 'post_versions', 'comments', 'review_links', 'post_editors']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('create policy tenant_rows on %I to allin_tenant using (organization_id = (select app_organization())) '
			'with check (organization_id = (select app_organization()))', t);
		execute format('grant select, insert, update, delete on %I to allin_system, allin_tenant', t);
	end loop;
end $$;
-- +goose StatementEnd

-- Members tell each other things: they put a message where another one reads it.

-- A guest sees one post, through the one link that app.review_id names, as long as that link is open. What a
-- guest decides or says is written with the right of the member who sent the link.
-- +goose StatementBegin
create function app_review() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.review_id', true), '')::uuid $$;
-- +goose StatementEnd
create policy guest_link on review_links for select to allin_guest using (organization_id = (select app_organization())
	and id = (select app_review()) and revoked_at is null and expires_at > now());
grant select (organization_id, id, post_id, name, version, sent_by, created_at, expires_at, revoked_at, decided_at, decision) on review_links to allin_guest;
create policy guest_post on posts for select to allin_guest using (organization_id = (select app_organization())
	and id = (select post_id from review_links));
grant select (organization_id, id, content, version, draft, approval, updated_at) on posts to allin_guest;
create policy guest_targets on post_targets for select to allin_guest using (organization_id = (select app_organization())
	and post_id = (select post_id from review_links));
grant select on post_targets to allin_guest;
create policy guest_post_media on post_media for select to allin_guest using (organization_id = (select app_organization())
	and post_id = (select post_id from review_links));
grant select on post_media to allin_guest;
create policy guest_media on media for select to allin_guest using (organization_id = (select app_organization())
	and exists (select 1 from post_media m where m.media_id = media.id));
grant select on media to allin_guest;
create policy guest_accounts on social_accounts for select to allin_guest using (organization_id = (select app_organization())
	and exists (select 1 from post_targets t where t.account_id = social_accounts.id));
grant select (organization_id, id, network, sandbox, site, remote_id, handle, name, url, limits, state) on social_accounts to allin_guest;
create policy guest_times on scheduled_posts for select to allin_guest using (organization_id = (select app_organization())
	and post_id = (select post_id from review_links));
grant select on scheduled_posts to allin_guest;
create policy guest_comments on comments for select to allin_guest using (organization_id = (select app_organization())
	and post_id = (select post_id from review_links) and shared);
grant select on comments to allin_guest;
create policy guest_organization on organizations for select to allin_guest using (id = (select app_organization())
	and exists (select 1 from review_links));
grant select (id, name, time_zone) on organizations to allin_guest;
