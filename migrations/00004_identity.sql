-- Addresses in one form, and the browsers in which a person was seen, so that a sign-in from a new one is told.

-- +goose Up

-- An address is kept as it is looked for: in lower case (models/email.go).
update users set email = lower(email) where email <> lower(email);

create table known_devices (
	user_id    uuid        not null references users (id) on delete cascade,
	id         bytea       not null, -- SHA-256 of the person's id and the browser's cookie: two people at one browser have nothing in common
	created_at timestamptz not null default now(),
	seen_at    timestamptz not null default now(),
	primary key (user_id, id)
);
create index known_devices_seen on known_devices (seen_at);

alter table known_devices enable row level security;
alter table known_devices force row level security;
create policy system_all on known_devices to allin_system using (true) with check (true);
grant select, insert, update, delete on known_devices to allin_system;
