-- Instants are microseconds since 1970. JSON columns are text. Keys are compared byte by byte, whatever the language of
-- the database. The SQLite file of the same number differs in types only.

-- Single facts about this installation: secrets' fingerprints, the baseline, the last sweep.
create table facts (name text primary key, value text not null);

-- Who may do a thing that only one process may do at a time.
create table leases (name text primary key, owner text not null, until bigint not null);

-- One row for each (shop, order, recipient, locale): what one mail is about. An empty recipient: nobody can be told.
create table orders (
  id bigint generated always as identity primary key,
  shop_id text collate "C" not null,
  order_id text collate "C" not null,
  recipient text collate "C" not null,
  locale text collate "C" not null,
  order_number text not null,
  link_id text collate "C" not null unique, -- what the order's link is bound to; the link itself is stored nowhere
  revision bigint not null default 0,    -- grows whenever anything changes that a mail of this order was decided from
  changed_at bigint,
  unsettled_since bigint,
  quiet_since bigint,
  look_at bigint,
  fresh_link_at bigint,                  -- when a fresh link was last asked for; its life begins anew then
  unique (shop_id, order_id, recipient, locale)
);
create index orders_to_look_at on orders (look_at) where look_at is not null;
create index orders_unsettled on orders (id) where unsettled_since is not null;

-- Links that a fresh one took the place of. They act no more; their page offers another fresh one.
create table retired_links (
  link_id text collate "C" primary key,
  order_row bigint not null references orders (id)
);

-- The newest recorded state of every line.
create table lines (
  shop_id text collate "C" not null,
  line_id text collate "C" not null,
  order_row bigint not null references orders (id),
  content_hash bigint not null,
  open boolean not null,
  gone boolean not null default false,
  product_key text collate "C" not null,
  first_seen_at bigint not null,
  changed_at bigint not null,
  snapshot text not null,                -- the line, as JSON
  clock text,                            -- rule set and promised day, frozen when the line was first seen, as JSON
  backordered_on text,                   -- the day it was first seen on backorder
  last_open_at bigint,                   -- the last look that saw it open; null while it is
  cancelled_at bigint,                   -- the first look that found pieces cancelled that had been open
  refunded_at bigint,                    -- staff said that the refund was made
  primary key (shop_id, line_id)
);
create index lines_of_order on lines (order_row);
create index lines_with_deadlines on lines (shop_id, line_id) where backordered_on is not null;

-- What a recipient was told of a line, and what was last planned for her. Recipient '*' is the baseline, for everybody.
create table tellings (
  shop_id text collate "C" not null,
  line_id text collate "C" not null,
  recipient text collate "C" not null,
  told text,
  planned text,
  notification_id text collate "C",
  primary key (shop_id, line_id, recipient)
);

-- Notifications that are not finished. Small: what is finished moves to sent_log.
create table outbox (
  id text collate "C" primary key,
  news_id text collate "C" not null,
  order_row bigint not null references orders (id),
  channel text collate "C" not null,
  kind text not null,
  kinds text not null,                   -- the news of every line, as ' backordered restocked ', for filters
  state text not null,
  content text not null,                 -- what it says, as JSON
  settled boolean not null,
  ready boolean not null,                -- false while the sweep that planned it is being recorded
  news boolean not null default true,    -- tells news of the shop; false: it answers the customer, and overtakes nothing
  calendar boolean not null,             -- brought by the calendar alone: no part of a flood
  released boolean not null default false,
  created_at bigint not null,
  due_at bigint not null,
  sent_at bigint,
  attempts bigint not null default 0,
  charged bigint not null default 0,     -- attempts that bring the end of the retry ladder nearer
  crashes bigint not null default 0,
  last_reply text,
  note text,                             -- why it is held, or failed, in words for staff
  doubts bigint not null default 0,      -- tries of which nobody knows whether they were accepted
  owner text,
  lease_until bigint,
  fence bigint not null default 0,
  in_transfer boolean not null default false
) with (fillfactor = 50);                -- each is changed two times before it leaves, on its own page
create unique index outbox_one_unsent on outbox (order_row, channel) where state in ('queued', 'held') and news;
create unique index outbox_one_in_hand on outbox (order_row, channel) where state = 'sending';
create index outbox_answers on outbox (order_row, channel) where not news;
create index outbox_in_doubt on outbox (order_row, channel) where state = 'in_doubt';
create index outbox_due on outbox (channel, due_at, id) where state in ('queued', 'in_doubt') and ready and settled;
create index outbox_leased on outbox (lease_until) where state = 'sending';

-- Finished notifications, for good.
create table sent_log (
  id text collate "C" primary key,
  news_id text collate "C" not null,
  order_row bigint not null,             -- as in the outbox, which checked it
  channel text collate "C" not null,
  kind text not null,
  kinds text not null,
  state text not null,
  content text not null,
  calendar boolean not null,
  released boolean not null,
  created_at bigint not null,
  due_at bigint not null,
  sent_at bigint,
  finished_at bigint not null,
  attempts bigint not null,
  last_reply text,
  note text,
  possible_duplicate boolean not null
);
create index sent_log_of_order on sent_log (order_row, sent_at);
create index sent_log_by_time on sent_log (created_at);

-- What an accepted notification said of the law, line by line.
create table notices (
  shop_id text collate "C" not null,
  line_id text collate "C" not null,
  notification_id text collate "C" not null,
  accepted_at bigint not null,
  notice text not null,                  -- as JSON
  primary key (shop_id, line_id, notification_id)
);

-- The customers' answers, and how far each was carried to the shop.
create table choices (
  id text collate "C" primary key,
  shop_id text collate "C" not null,
  line_id text collate "C" not null,
  order_row bigint not null references orders (id),
  choice text not null,                  -- wait or cancel
  quantity text not null,
  wanted text not null,                  -- ordered and not cancelled when it was given: fewer show that a cancel was done
  chosen_at bigint not null,
  made_by text not null,                 -- customer, silence or staff
  notification_id text collate "C",      -- the notice that it answers; null: she was told of the line by none
  state text not null,                   -- open, done (handed over, or seen to be done), refused or dropped
  statement text not null,               -- the shop's own statement: none, waiting, taken, untouched (no row), refused
  hook text not null,                    -- the hook: none, waiting, taken, refused
  reason text,                           -- why the shop refused it
  due_at bigint not null,                -- when it is tried next; once done, when staff see it unless it is confirmed
  attempts bigint not null default 0,
  last_reply text,
  taken_at bigint,                       -- when everything that is set up had taken it, or staff or the feed said that it is done
  confirmed_at bigint,                   -- when that was sure: of a wait when it was taken, of a cancel when the feed showed it
  owner text,
  lease_until bigint,
  fence bigint not null default 0
);
create index choices_of_line on choices (shop_id, line_id, id);
create index choices_of_order on choices (order_row);
create unique index choices_of_silence on choices (shop_id, line_id) where made_by = 'silence';
create unique index choices_one_in_hand on choices (shop_id, line_id) where owner is not null;
create index choices_in_hand on choices (lease_until) where owner is not null;
create index choices_to_carry on choices (due_at, id) where state = 'open' and (statement = 'waiting' or hook = 'waiting');
create index choices_unconfirmed on choices (due_at) where state = 'done' and confirmed_at is null;

create table attempts (
  notification_id text collate "C" not null,
  number bigint not null,
  started_at bigint not null,
  ended_at bigint not null,
  relay text not null,
  outcome text not null,
  code bigint,
  reply text,
  primary key (notification_id, number)
);

-- What was rendered: the bytes of a mail, compressed, with a dead link in the place of the live one.
create table contents (
  notification_id text collate "C" primary key,
  subject text collate "C" not null,
  message_id text,
  link_id text collate "C" not null,                 -- the link in it, which a later one may have taken the place of
  link_key text not null,                -- fingerprint of the key that signed the link
  message bytea not null
);
-- It is compressed already.
alter table contents alter column message set storage external;
-- And small: it stays beside its key.
alter table contents set (toast_tuple_target = 8160);

create view notifications as
  select n.*, c.subject, c.message_id from (
    select id, news_id, order_row, channel, kind, kinds, state, content, created_at, due_at, sent_at, attempts, last_reply,
      note, (doubts > 0 and state = 'sending') as possible_duplicate from outbox
    union all
    select id, news_id, order_row, channel, kind, kinds, state, content, created_at, due_at, sent_at, attempts, last_reply,
      note, possible_duplicate from sent_log
  ) n left join contents c on c.notification_id = n.id;

-- What was read and decided about a line, for `explain`.
create table events (
  id bigint generated always as identity primary key,
  shop_id text collate "C" not null,
  line_id text collate "C" not null,
  at bigint not null,
  what text not null,
  detail text not null
);
create index events_of_line on events (shop_id, line_id, id);

-- What waits for a person and is not seen from the other tables.
create table tasks (
  id bigint generated always as identity primary key,
  kind text not null,
  shop_id text collate "C" not null,
  subject text collate "C" not null,
  reason text not null,
  mend text not null,
  created_at bigint not null,
  done_at bigint
);
create unique index tasks_open on tasks (kind, shop_id, subject) where done_at is null;

-- Expected dates by product: the shop's `expected` feed and the supplier's imported list; the newest word wins.
create table expected_dates (
  source text collate "C" not null,
  product_key text collate "C" not null,
  expected_on text,
  reason text,
  said_at bigint not null,
  primary key (source, product_key)
);

create table stock (product_key text collate "C" primary key, content_hash bigint not null, content text not null);
create table alternatives (product_key text collate "C" primary key, content_hash bigint not null, content text not null);
