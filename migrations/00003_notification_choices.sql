-- Which notifications a person wants, and which of them as mail, at once or gathered once a day.

-- +goose Up

-- A row only where a person chose otherwise than the kind's default.
create table notification_choices (
	user_id uuid not null references users (id) on delete cascade,
	kind    text not null, -- "delivery.failed"
	reach   text not null check (reach in ('mail', 'app', 'off')),
	primary key (user_id, kind)
);

alter table users
	add column digest_hour smallint check (digest_hour between 0 and 23), -- in the person's zone; null: mail comes at once
	add column notified_at timestamptz; -- when notifications were last mailed: the next ones wait a while and come together

-- It is to be mailed and has not been. The clock gathers these.
alter table notifications add column mail boolean not null default false;
create index notifications_mail on notifications (user_id) where mail;

alter table notification_choices enable row level security;
alter table notification_choices force row level security;
create policy system_all on notification_choices to allin_system using (true) with check (true);
grant select, insert, update, delete on notification_choices to allin_system;
create policy person_own on notification_choices to allin_person
	using (user_id = (select app_user())) with check (user_id = (select app_user()));
grant select, insert, update, delete on notification_choices to allin_person;

-- What one member does may tell others of the organization, as far as they want to be told.
create policy tenant_members on notification_choices for select to allin_tenant
	using (exists (select 1 from memberships m where m.user_id = notification_choices.user_id));
grant select on notification_choices to allin_tenant;
create policy tenant_tells on notifications for insert to allin_tenant
	with check (organization_id = (select app_organization()) and exists (select 1 from memberships m where m.user_id = notifications.user_id));
grant insert on notifications to allin_tenant;

-- A link in a mail leads to a notification in whichever organization is not open just then.
create policy person_own on notifications for select to allin_person using (user_id = (select app_user()));
grant select on notifications to allin_person;
