-- The PostgreSQL file of the same number differs in types, and leaves room for updates.

-- Sample mails that kept mails are compressed against; none is ever changed, and none goes while a mail needs it.
create table dictionaries (
  number integer primary key,
  fingerprint text not null unique,      -- SHA-256 of the bytes
  bytes blob not null
);

-- What a message is packed with; null: nothing.
alter table contents add column dictionary bigint;
