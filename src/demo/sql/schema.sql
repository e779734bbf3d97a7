create table if not exists products (
    sku text primary key,
    name text not null,
    price_cents integer not null,
    on_hand integer not null check (on_hand >= 0),
    -- When the supplier delivers next; null: nobody knows.
    expected_on text,
    delay_reason text
) strict;

create table if not exists alternatives (
    sku text not null references products (sku),
    alternative_sku text not null references products (sku),
    rank integer not null,
    primary key (sku, alternative_sku)
) strict;

create table if not exists customers (
    id integer primary key,
    name text not null,
    email text not null,
    locale text not null,
    country text not null
) strict;

create table if not exists orders (
    id integer primary key,
    customer_id integer not null references customers (id),
    ordered_at text not null,
    -- Out of the page's sight, because somebody started over.
    put_away integer not null default 0
) strict;

create table if not exists order_lines (
    id integer primary key,
    order_id integer not null references orders (id),
    sku text not null references products (sku),
    ordered_qty integer not null check (ordered_qty > 0),
    shipped_qty integer not null default 0 check (shipped_qty >= 0),
    cancelled_qty integer not null default 0 check (cancelled_qty >= 0),
    promised_on text not null,
    shipped_at text,
    -- What the customer answered to a mail, and the id of that answer.
    answer text,
    answer_id text,
    check (shipped_qty + cancelled_qty <= ordered_qty)
) strict;

create index if not exists order_lines_by_product on order_lines (sku, id);

-- What was done in this shop, for the page.
create table if not exists diary (
    id integer primary key,
    at text not null,
    done text not null,
    -- Who gets a mail about it, in words; empty: nobody.
    told text not null,
    why_nobody text not null
) strict;

-- An answer that came by the link of a mail stands in the diary too, once however often it is handed over.
create trigger if not exists answered after update of answer_id on order_lines
when new.answer_id is not old.answer_id
begin
    insert into diary (at, done, told, why_nobody)
    select
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        c.name || iif(new.answer = 'cancel', ' cancelled ', ' agreed to wait for ') || p.name || ' of order ' || o.id
            || ', by the link of a mail.',
        'The answer is acknowledged by mail.',
        ''
    from orders o
    join customers c on c.id = o.customer_id
    join products p on p.sku = new.sku
    where o.id = new.order_id;
end;

-- Which lines the stock on hand covers: who ordered first is served first.
create view if not exists coverage as
with open_lines as (
    select id, sku, ordered_qty - shipped_qty - cancelled_qty as open_qty
    from order_lines
),
queued as (
    select id, sku, open_qty, sum(open_qty) over (partition by sku order by id) as up_to_here
    from open_lines
)
select
    q.id as line_id,
    q.sku,
    q.open_qty,
    -- The older lines and this one need more than there is: the rest of this one waits.
    max(0, min(q.open_qty, q.up_to_here - p.on_hand)) as short_qty
from queued q
join products p on p.sku = q.sku;
