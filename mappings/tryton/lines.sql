-- Tryton 8.0 on PostgreSQL, feed `lines`: every open order line of goods, and those touched in the last 30 days.
-- Tested with trytond 8.0.12 and the modules sale, stock, purchase and sale_supply (scripts/real-shops/tryton); needs
-- only sale and what sale needs.
--
-- Not known by Tryton, therefore NULL here: product_url and image_url (no shop front), delay_reason, and any payment
-- that is not an invoice. A promise is made only by a lead time or by the shipping date of the sale.
-- Tryton reserves stock when somebody presses "assign", and never by itself. So a line without a reservation is not
-- short: what lies free in the storage zone is first handed out here, earliest shipping date first.
-- Cost: the unfinished sales and their moves, and all done moves of the products in them (see README.md).
with recursive
settings as (
  select (now() at time zone 'UTC') - interval '30 days' as since,
    -- One row at most; a product without a lead time has this one.
    (select default_lead_time from product_configuration_default_lead_time order by id limit 1) as lead_time
),
sales as materialized (
  select s.*
  from sale_sale s
  cross join settings
  where s.state in ('confirmed', 'processing')
    -- Without a sale date it never was more than an offer.
    or (s.state in ('done', 'cancelled') and s.sale_date is not null
      and coalesce(s.write_date, s.create_date) >= settings.since)
),
-- Stock moves are kept in the default unit of the product: "factor" leads from the unit of the line to it.
lines as materialized (
  select l.id, l.sale, l.product, s.company, s.warehouse, s.sale_date, s.state as sale_state,
    l.quantity, unit.digits, unit.factor / stock_unit.factor as factor, t.consumable,
    case when s.shipping_date is not null or lead.time > interval '0'
      then greatest((s.sale_date + lead.time)::date, s.shipping_date) end as promised_on,
    coalesce(l.write_date, l.create_date) as written_at
  from sale_line l
  join sales s on s.id = l.sale
  join product_product p on p.id = l.product
  join product_template t on t.id = p.template
  join product_uom unit on unit.id = l.unit
  join product_uom stock_unit on stock_unit.id = t.default_uom
  cross join settings
  left join lateral (
    select coalesce(
      (select x.lead_time from product_lead_time x where x.template = t.id order by x.id limit 1),
      settings.lead_time) as time) lead on true
  -- A negative quantity is goods coming back.
  where l.type = 'line' and l.quantity > 0 and t.type in ('goods', 'assets')
),
-- The way out has two moves: storage to output zone (the inventory move), output zone to customer (the outgoing one).
outgoing as materialized (
  select l.id as line, m.id, m.shipment, m.internal_quantity, m.effective_date, m.origin_planned_date,
    -- A parcel that is with the carrier is "shipped"; its moves are done only when it arrived.
    case when parcel.state = 'shipped' and m.state <> 'cancelled' then 'done' else m.state end as state,
    greatest(m.write_date, m.create_date, parcel.write_date) as written_at
  from lines l
  join stock_move m on m.origin = 'sale.line,' || l.id
  left join stock_shipment_out parcel
    on m.shipment like 'stock.shipment.out,%' and parcel.id = split_part(m.shipment, ',', 2)::integer
),
-- When a parcel left, by the log that Tryton keeps of every step.
departures as (
  select x.resource,
    coalesce(max(x.create_date) filter (where x.target = 'state:shipped'), max(x.create_date)) as at
  from ir_model_log x
  where x.event = 'transition' and x.target in ('state:shipped', 'state:done')
    and x.resource in (select shipment from outgoing where state = 'done')
  group by x.resource
),
inventory as (
  select o.id as outgoing,
    sum(m.internal_quantity) filter (where m.state in ('assigned', 'done')) as held,
    max(coalesce(m.write_date, m.create_date)) as written_at
  from outgoing o
  join stock_move m on m.origin = 'stock.move,' || o.id
  where o.state <> 'cancelled'
  group by o.id
),
moved as (
  select o.line,
    sum(o.internal_quantity) filter (where o.state = 'done') as shipped,
    -- Reserved or picked. A warehouse without an output zone has no inventory move: the outgoing one is assigned.
    sum(case o.state when 'assigned' then o.internal_quantity
      else least(coalesce(i.held, 0), o.internal_quantity) end) filter (where o.state not in ('done', 'cancelled'))
      as held,
    -- A cancelled move is decided by a person: made again, or ignored. Only the latter cancels pieces of the line.
    sum(o.internal_quantity) filter (where o.state = 'cancelled' and exists (
      select from "sale_line-ignored-stock_move" x where x.sale_line = o.line and x.move = o.id)) as cancelled,
    max(coalesce(d.at at time zone 'UTC', o.effective_date::timestamp at time zone :time_zone))
      filter (where o.state = 'done') as shipped_at,
    min(o.origin_planned_date) as first_planned_on,
    max(greatest(o.written_at, i.written_at)) as written_at
  from outgoing o
  left join inventory i on i.outgoing = o.id
  left join departures d on d.resource = o.shipment
  group by o.line
),
-- Where goods are sent on payment, an ignored invoice cancels too.
ignored_invoices as (
  select l.id as line, sum(il.quantity * unit.factor / line_unit.factor * l.factor) as cancelled
  from lines l
  join sales s on s.id = l.sale and s.shipment_method = 'invoice'
  join sale_line sl on sl.id = l.id
  join product_uom line_unit on line_unit.id = sl.unit
  join account_invoice_line il on il.origin = 'sale.line,' || l.id
  join product_uom unit on unit.id = coalesce(il.unit, sl.unit)
  join "sale_sale-ignored-account_invoice" x on x.sale = l.sale and x.invoice = il.invoice
  group by l.id
),
-- Quantities are binary fractions in the tables; from here on they are decimals of the unit of the line.
amounts as (
  select l.id, l.sale, l.product, l.company, l.warehouse, l.factor, l.digits, l.consumable, l.promised_on,
    m.shipped_at, q.ordered, q.shipped,
    case when l.sale_state = 'cancelled' then q.ordered - q.shipped
      else least(q.cancelled, q.ordered - q.shipped) end as cancelled,
    coalesce(m.held, 0) as held,
    coalesce(m.first_planned_on, l.promised_on, l.sale_date) as due_on,
    greatest(l.written_at, m.written_at) as touched_at
  from lines l
  left join moved m on m.line = l.id
  left join ignored_invoices i on i.line = l.id
  cross join lateral (
    select
      round(greatest(l.quantity, coalesce(m.shipped, 0) / l.factor)::numeric, l.digits) as ordered,
      round((coalesce(m.shipped, 0) / l.factor)::numeric, l.digits) as shipped,
      round(((coalesce(m.cancelled, 0) + coalesce(i.cancelled, 0)) / l.factor)::numeric, l.digits) as cancelled) q
),
-- Who waits, in the unit of the stock, in the order of being served. The date first planned never moves, so the order
-- of two lines never turns round.
queue as (
  select a.id, a.product, a.company, a.warehouse, w.waiting,
    sum(w.waiting) over (
      partition by a.product, a.company, a.warehouse order by a.due_on nulls last, a.id rows unbounded preceding)
      as waiting_up_to_here
  from amounts a
  cross join lateral (
    select greatest((a.ordered - a.shipped - a.cancelled)::double precision * a.factor - a.held, 0) as waiting) w
  where not a.consumable
),
zones as (
  select w.id as warehouse, l.id as location, bool_or(root.id = w.storage_location) as storage
  from stock_location w
  join stock_location root on root.id in (w.storage_location, w.input_location)
  join stock_location l on l."left" >= root."left" and l."right" <= root."right"
  where w.type = 'warehouse'
  group by w.id, l.id
),
wanted as (
  select distinct product from queue where waiting > 0
),
-- What lies in storage and is reserved for nobody.
free as (
  select m.product, m.company, z.warehouse,
    sum(case when m.to_location = z.location and m.state = 'done' then m.internal_quantity else 0 end)
      - sum(case when m.from_location = z.location and m.state in ('done', 'assigned') then m.internal_quantity else 0 end)
      as quantity,
    max(coalesce(m.write_date, m.create_date)) as written_at
  from wanted
  join stock_move m on m.product = wanted.product and m.state in ('done', 'assigned')
  join zones z on z.storage and z.location in (m.to_location, m.from_location)
  group by m.product, m.company, z.warehouse
),
-- What is to come: from outside (a purchase, a production, another warehouse), or from the input zone to its place.
-- Goods in the input zone keep the date that they were planned for: being unpacked is no news.
incoming as (
  select x.*,
    sum(x.quantity) over (
      partition by x.product, x.company, x.warehouse order by x.planned_date nulls last, x.id rows unbounded preceding)
      as coming_up_to_here
  from (
    select m.id, m.product, m.company, here.warehouse, m.internal_quantity as quantity,
      case when unloaded.id is null then m.planned_date else unloaded.planned_date end as planned_date,
      coalesce(m.write_date, m.create_date) as written_at
    from wanted
    join stock_move m on m.product = wanted.product and m.state in ('draft', 'assigned')
    join zones here on here.location = m.to_location
    left join zones before on before.location = m.from_location and before.warehouse = here.warehouse
    join stock_location source on source.id = m.from_location
    left join stock_move unloaded on unloaded.state = 'done' and m.origin like 'stock.move,%'
      and unloaded.id = split_part(m.origin, ',', 2)::integer
    where (before.location is null and source.type not in ('customer', 'lost_found'))
      or (here.storage and not before.storage)) x
),
-- One row a product, so that the search for the arrival below stays within one small list.
arrivals as materialized (
  select product, company, warehouse,
    array_agg(coming_up_to_here order by planned_date nulls last, id) as totals,
    array_agg(planned_date order by planned_date nulls last, id) as dates,
    max(written_at) as written_at
  from incoming
  group by product, company, warehouse
),
short as materialized (
  select q.id, s.quantity, arrival.expected_on, greatest(f.written_at, i.written_at) as written_at
  from queue q
  left join free f on f.product = q.product and f.company = q.company and f.warehouse = q.warehouse
  left join arrivals i on i.product = q.product and i.company = q.company and i.warehouse = q.warehouse
  cross join lateral (select q.waiting_up_to_here - greatest(coalesce(f.quantity, 0), 0) as missing) up_to_here
  cross join lateral (select least(q.waiting, greatest(up_to_here.missing, 0)) as quantity) s
  -- The arrival that brings the last missing piece; none: nobody knows.
  left join lateral (
    select i.dates[x.number] as expected_on
    from unnest(i.totals) with ordinality x (total, number)
    where s.quantity > 0.000001 and x.total >= up_to_here.missing - 0.000001
    order by x.number
    limit 1) arrival on true
),
taxes as (
  select id as root, id, 1 as depth from account_tax
  union all
  select parent.root, child.id, parent.depth + 1
  from taxes parent
  join account_tax child on child.parent = parent.id
  where parent.depth < 8
)
select
  a.id::text as line_id,
  s.id::text as order_id,
  coalesce(s.number, s.id::text) as order_number,
  s.company::text as shop_id,
  coalesce(contact.value, mail.value) as customer_email,
  nullif(trim(party.name), '') as customer_name,
  language.code as locale,
  upper(country.code) as ship_to_country,
  p.id::text as product_key,
  nullif(p.code, '') as sku,
  null::text as product_url,
  null::text as image_url,
  coalesce(translation.value, t.name) as product_name,
  a.ordered as ordered_qty,
  a.shipped as shipped_qty,
  a.cancelled as cancelled_qty,
  least(round((coalesce(short.quantity, 0) / a.factor)::numeric, a.digits), a.ordered - a.shipped - a.cancelled)
    as short_qty,
  round(l.unit_price * (1 + tax.rate) + tax.amount, currency.digits) as unit_price,
  currency.code as currency,
  s.sale_date::timestamp at time zone :time_zone as ordered_at,
  a.promised_on,
  short.expected_on,
  null::text as delay_reason,
  case when invoice.paid then 'paid' else 'unpaid' end as payment,
  a.shipped_at,
  invoice.credited_at at time zone 'UTC' as refunded_at,
  greatest(a.touched_at, s.write_date, short.written_at) at time zone 'UTC' as updated_at
from amounts a
cross join settings
join sale_line l on l.id = a.id
join sales s on s.id = a.sale
join product_product p on p.id = a.product
join product_template t on t.id = p.template
join party_party party on party.id = s.party
join currency_currency currency on currency.id = s.currency
left join short on short.id = a.id
left join party_contact_mechanism contact on contact.id = s.contact and contact.type = 'email' and contact.value <> ''
left join lateral (
  select m.value from party_contact_mechanism m
  where m.party = s.party and m.type = 'email' and m.active is not false and m.value <> ''
  order by m.sequence nulls first, m.id
  limit 1) mail on true
left join lateral (
  select x.lang from party_party_lang x
  where x.party = s.party and (x.company = s.company or x.company is null) and x.lang is not null
  order by x.company nulls last, x.id
  limit 1) spoken on true
left join ir_lang language on language.id = spoken.lang
left join lateral (
  select x.value from ir_translation x
  where x.name = 'product.template,name' and x.res_id = t.id and x.lang = language.code
    and x.type = 'model' and x.fuzzy is not true and x.value <> ''
  order by x.id
  limit 1) translation on true
left join party_address address on address.id = s.shipment_address
left join country_country country on country.id = address.country
cross join lateral (
  select coalesce(sum(x.rate) filter (where x.type = 'percentage'), 0) as rate,
    coalesce(sum(x.amount) filter (where x.type = 'fixed'), 0) as amount
  from "sale_line-account_tax" link
  join taxes on taxes.root = link.tax
  join account_tax x on x.id = taxes.id
  where link.line = l.id
    and (x.start_date is null or x.start_date <= s.sale_date)
    and (x.end_date is null or x.end_date >= s.sale_date)) tax
-- Paid: an invoice of this line is. Refunded: so is the credit note of such an invoice.
cross join lateral (
  select coalesce(bool_or(i.state = 'paid'), false) as paid, max(credit.written_at) as credited_at
  from account_invoice_line il
  join account_invoice i on i.id = il.invoice and i.type = 'out'
  left join lateral (
    select max(ci.write_date) as written_at
    from account_invoice_line cl
    join account_invoice ci on ci.id = cl.invoice and ci.state = 'paid'
    where cl.origin = 'account.invoice.line,' || il.id and cl.quantity < 0) credit on i.state = 'paid'
  where il.origin = 'sale.line,' || l.id and il.quantity > 0) invoice
where a.ordered - a.shipped - a.cancelled > 0
  or greatest(a.touched_at, case when s.state = 'cancelled' then s.write_date end) >= settings.since
order by a.id
