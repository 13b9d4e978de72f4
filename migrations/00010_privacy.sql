-- People take their data along and delete their account; owners do so with an organization.

-- +goose Up

-- A deleted organization is closed to its people at once; its rows go when nobody can want it back any more.
alter table organizations add column deleted_at timestamptz;
alter policy tenant_row on organizations using (id = (select app_organization()) and deleted_at is null);
alter policy person_organizations on organizations using (deleted_at is null
	and exists (select 1 from memberships m where m.organization_id = organizations.id));

create table exports (
	id              uuid        primary key,
	user_id         uuid        not null references users (id) on delete cascade, -- who asked, and may have it
	organization_id uuid        references organizations (id) on delete cascade,  -- what it is of; null: the person's own data
	told_in         uuid        references organizations (id) on delete set null, -- where the person reads that it is ready
	state           text        not null default 'waiting' check (state in ('waiting', 'working', 'ready', 'failed')),
	done            integer     not null default 0, -- of total pieces
	total           integer     not null default 0,
	bytes           bigint      not null default 0,
	fence           integer     not null default 0,
	next_at         timestamptz default now(), -- when a worker is asked (again); null: not by itself
	lease_until     timestamptz,
	created_at      timestamptz not null default now(),
	ready_at        timestamptz,
	expires_at      timestamptz
);
create unique index exports_one on exports (user_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'))
	where state in ('waiting', 'working');
create index exports_due on exports (next_at) where next_at is not null;

-- What was deleted, by the hash of its id: a restored backup is brought to the same state by it.
create table deletions (
	id              uuid        primary key,
	kind            text        not null check (kind in ('person', 'organization')),
	subject         text        not null, -- SHA-256 of the id, in hex
	organization_id uuid,                 -- until its rows are gone
	requested_at    timestamptz not null default now(),
	due_at          timestamptz not null default now(), -- when the rows go
	next_at         timestamptz default now(),
	lease_until     timestamptz,
	undone_at       timestamptz,
	done_at         timestamptz
);
create unique index deletions_open on deletions (organization_id) where organization_id is not null and undone_at is null;
create index deletions_due on deletions (next_at) where next_at is not null;

create index audit_actor on audit (actor_id) where actor_id is not null;

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['exports', 'deletions']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('grant select, insert, update, delete on %I to allin_system', t);
	end loop;
end $$;
-- +goose StatementEnd

create policy person_exports on exports to allin_person using (user_id = (select app_user()))
	with check (user_id = (select app_user()) and organization_id is null);
create policy tenant_exports on exports to allin_tenant
	using (organization_id = (select app_organization()) and user_id = (select app_user()))
	with check (organization_id = (select app_organization()) and user_id = (select app_user()));
grant select, insert on exports to allin_person, allin_tenant;
