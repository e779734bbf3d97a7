-- The SQLite file of the same number differs in types only, and has no room to leave.

-- Sample mails that kept mails are compressed against; none is ever changed, and none goes while a mail needs it.
create table dictionaries (
  number bigint generated always as identity primary key,
  fingerprint text collate "C" not null unique,      -- SHA-256 of the bytes
  bytes bytea not null
);

-- What a message is packed with; null: nothing.
alter table contents add column dictionary bigint;

-- Each mail changes one row of these, best on its own page.
alter table tellings set (fillfactor = 60);
alter table orders set (fillfactor = 70);
