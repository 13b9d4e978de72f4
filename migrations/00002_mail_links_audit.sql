-- What all of identity, teams and approval stands on: mails, one-time links, the audit log, settings of the installation.

-- +goose Up

alter table users
	add column email_verified_at timestamptz,
	add column platform_role     text        not null default 'USER' check (platform_role in ('SUPER_ADMIN', 'ADMIN', 'USER')),
	add column suspended_at      timestamptz;
-- Whoever could sign in until now keeps an address that counts as confirmed.
update users set email_verified_at = created_at;

-- When the person last proved who they are in this session: sensitive acts ask for a fresh proof.
alter table sessions add column proved_at timestamptz not null default now();

-- Salts what the audit log keeps of addresses.
alter table installation add column salt bytea not null default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');

create table links (
	id              bytea       primary key, -- SHA-256 of the token that travels: a read of this table opens nothing
	kind            text        not null,
	user_id         uuid        references users (id) on delete cascade,
	email           text        not null default '', -- the address that the link was mailed to
	data            jsonb       not null default '{}',
	created_at      timestamptz not null default now(),
	expires_at      timestamptz not null,
	used_at         timestamptz
);
create index links_user on links (user_id);
create index links_expires on links (expires_at);

create table mails (
	id              uuid        primary key,
	organization_id uuid        references organizations (id) on delete cascade,
	user_id         uuid        references users (id) on delete cascade,
	kind            text        not null,
	sealed          bytea       not null, -- address and content: mails carry links that open things
	state           text        not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'kept', 'failed')),
	tries           integer     not null default 0,
	fence           integer     not null default 0,
	next_at         timestamptz default now(), -- when it is sent, or tried again; null: not by itself
	lease_until     timestamptz,
	enqueued_at     timestamptz,
	error           text        not null default '',
	created_at      timestamptz not null default now(),
	sent_at         timestamptz
);
create index mails_due on mails (next_at) where next_at is not null;
create index mails_created on mails (created_at desc, id desc);

-- One chain an organization, a person (in their own matters) or the installation. A row's hash covers the row
-- before it in its chain; names and addresses stand beside it, where they can be erased.
create table audit (
	chain           uuid        not null, -- of the organization, of the person, or zero
	seq             bigint      not null,
	id              uuid        not null,
	organization_id uuid,
	at              timestamptz not null default now(),
	actor_kind      text        not null check (actor_kind in ('person', 'guest', 'key', 'system')),
	actor_id        uuid,
	act             text        not null, -- "member.role", "session.signed_in"
	object          text        not null default '', -- kind and id of what it was done to
	details         jsonb       not null default '{}', -- before and after, without secrets
	address_hash    bytea       not null default '',
	hash            bytea       not null,
	primary key (chain, seq)
);
create unique index audit_id on audit (id);
create index audit_at on audit (at desc, id desc);
create index audit_organization on audit (organization_id, at desc) where organization_id is not null;

create table audit_traces (
	audit_id        uuid        primary key references audit (id),
	chain           uuid        not null,
	actor_name      text        not null default '',
	address         text        not null default '',
	agent           text        not null default ''
);

create table settings (
	name            text        primary key,
	sealed          bytea       not null,
	updated_at      timestamptz not null default now(),
	updated_by      uuid        references users (id) on delete set null
);

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['links', 'mails', 'audit', 'audit_traces', 'settings']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
	end loop;
end $$;
-- +goose StatementEnd
grant select, insert, update, delete on links, mails, audit_traces, settings to allin_system;
-- What is written into the audit log, nobody changes or takes out.
grant select, insert on audit to allin_system, allin_tenant, allin_person;

create policy tenant_chain on audit to allin_tenant using (chain = (select app_organization()))
	with check (chain = (select app_organization()) and organization_id = (select app_organization()));
create policy person_chain on audit to allin_person using (chain = (select app_user()))
	with check (chain = (select app_user()));
create policy tenant_chain on audit_traces to allin_tenant using (chain = (select app_organization()))
	with check (chain = (select app_organization()));
create policy person_chain on audit_traces to allin_person using (chain = (select app_user()))
	with check (chain = (select app_user()));
grant select, insert on audit_traces to allin_tenant, allin_person;

-- An organization's people, and a person in their own matters, cause mails and never read them.
create policy tenant_writes on mails for insert to allin_tenant with check (organization_id = (select app_organization()));
create policy person_writes on mails for insert to allin_person with check (organization_id is null and user_id = (select app_user()));
grant insert on mails to allin_tenant, allin_person;
create policy person_salt on installation for select to allin_person using (true);
grant select (id, salt) on installation to allin_tenant, allin_person;
