-- The PostgreSQL file of the same number differs in types only.

-- What staff did to notifications: who, when, and how those were chosen.
create table staff_actions (
  notification_id text not null,
  action_id text not null,          -- one command is one action, however many notifications it meant
  at bigint not null,
  who text not null,                     -- the login name
  what text not null,                    -- held, released, withdrawn or resent
  chosen_by text not null,               -- their ids, or a filter, as it was typed
  made text,                          -- the new notification that a resend made
  primary key (notification_id, action_id)
) without rowid;

-- Addresses that get no mail of a stream, in lower case.
create table suppressions (
  address text not null,
  stream text not null,                  -- wishes, updates or order_notices
  reason text not null,
  source text not null,                  -- bounce, refusal, complaint or staff
  who text,                              -- the login name, where staff did it
  since bigint not null,
  notification_id text,             -- the one that bounced or was refused
  primary key (address, stream)
) without rowid;

-- What came back of notifications that a relay had accepted. The same word about one is recorded once.
create table bounces (
  notification_id text not null,
  kind text not null,                    -- hard, undelivered, soft or complaint
  recipient text not null,          -- whom the report names; empty: nobody
  reason text not null,
  at bigint not null,
  source text not null,                  -- what brought it: a report by mail, or a provider
  primary key (notification_id, kind, recipient, reason)
) without rowid;

-- Who may use the API. The tokens themselves are stored nowhere.
create table api_tokens (
  name text primary key,
  hash text not null unique,             -- SHA-256, in hexadecimal
  created_at bigint not null,
  created_by text not null,
  used_at bigint                         -- the last use, to the hour
) without rowid;
