-- The PostgreSQL file of the same number differs in types only.

-- Recipients that a relay refused for good since it last took a mail: many that are refused alike are the relay's fault.
create table refusals (
  notification_id text primary key,
  relay text not null,
  alike text not null,                   -- the reply's code and enhanced code
  address text not null,                 -- in lower case
  refused_at bigint not null,
  put_back boolean not null default false -- its mail is queued again
) without rowid;
