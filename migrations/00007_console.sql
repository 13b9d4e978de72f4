-- What the console needs: organizations that are suspended, and errors counted by kind.

-- +goose Up

-- An organization with a row here is suspended: its people are told so, and nothing of its posts is sent.
-- It is a table of its own so that an organization's own transactions can read it and never write it.
create table suspensions (
	organization_id uuid        primary key default app_organization() references organizations (id) on delete cascade,
	at              timestamptz not null default now(),
	by_user         uuid        references users (id) on delete set null,
	reason          text        not null default ''
);

-- Errors of requests and jobs, one row a kind. The program keeps the number of rows small.
create table faults (
	fingerprint text        primary key, -- of where it happened and what it says, without numbers and ids
	origin      text        not null check (origin in ('request', 'job')),
	place       text        not null, -- "POST /posts/:id", "publish"
	message     text        not null, -- of the newest one
	stack       text        not null default '',
	request_id  text        not null default '', -- of the newest one
	count       bigint      not null,
	first_at    timestamptz not null,
	last_at     timestamptz not null,
	state       text        not null default 'open' check (state in ('open', 'seen', 'resolved'))
);
create index faults_last on faults (last_at);

-- +goose StatementBegin
do $$
declare t text;
begin
	foreach t in array array['suspensions', 'faults']
	loop
		execute format('alter table %I enable row level security', t);
		execute format('alter table %I force row level security', t);
		execute format('create policy system_all on %I to allin_system using (true) with check (true)', t);
		execute format('grant select, insert, update, delete on %I to allin_system', t);
	end loop;
end $$;
-- +goose StatementEnd

create policy tenant_rows on suspensions for select to allin_tenant using (organization_id = (select app_organization()));
create policy person_sees on suspensions for select to allin_person
	using (exists (select 1 from memberships m where m.organization_id = suspensions.organization_id));
grant select on suspensions to allin_tenant, allin_person;

-- Which acts the audit log knows, for its filter.
create index audit_act on audit (act);
