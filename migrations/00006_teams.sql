-- Teams: invitations, what an organization is called and starts with, pictures of people and organizations, invoice details.

-- +goose Up

create table invitations (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	id              uuid        not null,
	token_hash      bytea       not null, -- SHA-256 of the token that is mailed: a read of this table opens nothing
	email           text        not null,
	role            text        not null check (role in ('OWNER', 'ADMIN', 'EDITOR', 'MEMBER', 'VIEWER')),
	days            integer     not null check (days between 1 and 30), -- how long each of its links holds
	state           text        not null default 'open' check (state in ('open', 'accepted', 'declined', 'revoked')),
	invited_by      uuid        references users (id) on delete set null,
	inviter         text        not null default '', -- their name then
	accepted_by     uuid        references users (id) on delete set null,
	created_at      timestamptz not null default now(),
	sent_at         timestamptz not null default now(),
	expires_at      timestamptz not null,
	ended_at        timestamptz,
	primary key (id, organization_id)
);
create unique index invitations_token on invitations (token_hash);
create unique index invitations_open on invitations (organization_id, lower(email)) where state = 'open';
create index invitations_email on invitations (lower(email)) where state = 'open';

create table invoice_details (
	organization_id uuid        not null default app_organization() references organizations (id) on delete cascade,
	company         text        not null default '',
	address         text        not null default '',
	vat_id          text        not null default '',
	email           text        not null default '',
	updated_at      timestamptz not null default now(),
	primary key (organization_id)
);

alter table organizations
	add column logo_id      uuid,
	add column week_start   smallint not null default 1 check (week_start between 0 and 6), -- of people who are new
	add column posting_time time     not null default '10:00'; -- where the composer is given a day and no time

alter table users add column picture_id uuid;

-- When the person last worked in this organization; their sessions tell of all of them together.
alter table memberships add column seen_at timestamptz;

-- What a month's page of usage counts, and how late the last hour's deliveries were. One index for both: every
-- published delivery writes into it.
create index deliveries_published on deliveries (published_at, organization_id) where published_at is not null;

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['invitations', 'invoice_details']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('create policy tenant_rows on %I to allin_tenant using (organization_id = (select app_organization())) '
			'with check (organization_id = (select app_organization()))', t);
	end loop;
end $$;
-- +goose StatementEnd
grant select, insert, update, delete on invitations, invoice_details to allin_system;
grant select, insert, update on invitations, invoice_details to allin_tenant;
grant select (picture_id) on users to allin_tenant;

create policy person_seen on memberships for update to allin_person using (user_id = (select app_user()))
	with check (user_id = (select app_user()));
grant update (seen_at) on memberships to allin_person;
