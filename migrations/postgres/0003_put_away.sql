-- The SQLite file of the same number differs in types only.

-- Closed for long, and no refund is due: not in the list of deadlines any more.
alter table lines add column put_away boolean not null default false;
drop index lines_with_deadlines;
create index lines_with_deadlines on lines (shop_id, line_id) where backordered_on is not null and not put_away;

-- The last notification that told news of the line; null: each only showed it beside others' news.
alter table tellings add column news_by text collate "C";
