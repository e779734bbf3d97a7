-- Vendure 3.7 on PostgreSQL, feed `lines`: every open order line, and those touched in the last 30 days.
-- Tested with @vendure/core 3.7.3, PostgreSQL 15 (scripts/real-shops/vendure).
--
-- Not known by Vendure, therefore NULL here: expected_on, promised_on, delay_reason (add custom fields and a copy of
-- this file, see README.md), and the locale of orders in the default channel.
-- The default stock rules hold: what is ordered first is served first, and all stock locations count together.
-- Cost: the orders that are not finished, those of the last 30 days, and their lines; never all the lines
-- there ever were. Times are stored without a zone and read as UTC: run Vendure with TZ=UTC.
with orders as materialized (
  select o.*
  from "order" o
  where o."orderPlacedAt" is not null
    -- An aggregate order was split by seller; the lines that are shipped stand in the seller orders.
    and o.type <> 'Aggregate'
    and (o.state not in ('Shipped', 'Delivered', 'Cancelled')
      or o."updatedAt" >= (now() at time zone 'UTC') - interval '30 days'
      -- A parcel called back re-opens its lines, but the order stays "Shipped".
      or o.id in (
        select link."orderId"
        from order_fulfillments_fulfillment link
        join fulfillment f on f.id = link."fulfillmentId"
        where f.state = 'Cancelled'))
),
-- The default channel holds every order; a second one is the shop (or the seller) that it belongs to.
channels as (
  select link."orderId", min(c.id) as id
  from order_channels_channel link
  join orders o on o.id = link."orderId"
  join channel c on c.id = link."channelId" and c.code <> '__default_channel__'
  group by link."orderId"
),
-- The history is the only exact record of what was cancelled: "quantity" just shrinks, stock movements count twice.
cancelled as (
  select entry ->> 'orderLineId' as line, sum((entry ->> 'quantity')::numeric) as quantity
  from history_entry h
  join orders o on o.id = h."orderId"
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(h.data::jsonb -> 'lines') = 'array' then h.data::jsonb -> 'lines' end) entry
  where h.type = 'ORDER_CANCELLATION'
  group by 1
),
-- When a parcel left: its row only tells when it was last touched.
departures as (
  select h.data::jsonb ->> 'fulfillmentId' as fulfillment, min(h."createdAt") as at
  from history_entry h
  join orders o on o.id = h."orderId"
  where h.type = 'ORDER_FULFILLMENT_TRANSITION' and h.data::jsonb ->> 'to' in ('Shipped', 'Delivered')
  group by 1
),
parcels as (
  select r."orderLineId",
    sum(r.quantity) filter (where f.state in ('Shipped', 'Delivered')) as shipped,
    -- Any other state on the way: Vendure took these pieces off the stock when the parcel was made.
    sum(r.quantity) filter (where f.state not in ('Shipped', 'Delivered', 'Cancelled')) as packed,
    max(coalesce(d.at, f."updatedAt")) filter (where f.state in ('Shipped', 'Delivered')) as shipped_at,
    max(f."updatedAt") as updated_at
  from order_line_reference r
  join fulfillment f on f.id = r."fulfillmentId"
  join order_line l on l.id = r."orderLineId"
  join orders o on o.id = l."orderId"
  left join departures d on d.fulfillment = f.id::text
  where r.discriminator = 'FulfillmentLine'
  group by r."orderLineId"
),
-- "quantity" is what the customer is still to have, shipped pieces included.
lines as (
  select l.id, l."orderId", l."productVariantId" as variant, o."orderPlacedAt",
    l.quantity + greatest(coalesce(c.quantity, 0), l."orderPlacedQuantity" - l.quantity, 0) as ordered,
    coalesce(p.shipped, 0) as shipped,
    case when o.state = 'Cancelled' then 0 else greatest(l.quantity - coalesce(p.shipped, 0), 0) end as open,
    coalesce(p.packed, 0) as packed,
    p.shipped_at,
    greatest(l."updatedAt", p.updated_at, case when o.state = 'Cancelled' then o."updatedAt" end) as touched_at
  from order_line l
  join orders o on o.id = l."orderId"
  left join cancelled c on c.line = l.id::text
  left join parcels p on p."orderLineId" = l.id
),
stock as (
  select "productVariantId" as variant, sum("stockOnHand") as on_hand, max("updatedAt") as updated_at
  from stock_level
  group by "productVariantId"
),
settings as (
  select "trackInventory" as tracked from global_settings order by "createdAt" limit 1
),
queue as (
  select l.*,
    greatest(l.open - l.packed, 0) as waiting,
    sum(greatest(l.open - l.packed, 0)) over (
      partition by l.variant order by l."orderPlacedAt", l.id rows unbounded preceding) as waiting_up_to_here
  from lines l
),
payments as (
  select p."orderId", sum(p.amount) as taken
  from payment p
  join orders o on o.id = p."orderId"
  where p.state = 'Settled'
  group by p."orderId"
),
refunds as (
  select p."orderId", sum(r.total) as returned, max(r."updatedAt") as at
  from refund r
  join payment p on p.id = r."paymentId"
  join orders o on o.id = p."orderId"
  where r.state = 'Settled'
  group by p."orderId"
),
-- A refund may name its lines; refunds made in the dashboard as an amount name none.
line_refunds as (
  select r."orderLineId", max(refund."updatedAt") as at
  from order_line_reference r
  join refund on refund.id = r."refundId" and refund.state = 'Settled'
  join order_line l on l.id = r."orderLineId"
  join orders o on o.id = l."orderId"
  where r.discriminator = 'RefundLine'
  group by r."orderLineId"
)
select
  q.id::text as line_id,
  o.id::text as order_id,
  o.code as order_number,
  shop.id::text as shop_id,
  nullif(trim(customer."emailAddress"), '') as customer_email,
  nullif(trim(concat_ws(' ', customer."firstName", customer."lastName")), '') as customer_name,
  shop."defaultLanguageCode" as locale,
  upper(nullif(o."shippingAddress"::jsonb ->> 'countryCode', '')) as ship_to_country,
  q.variant::text as product_key,
  v.sku,
  rtrim(:shop_url, '/') || '/product/' || product.slug as product_url,
  case when image.preview ~ '^https?://' then image.preview
    else rtrim(:shop_url, '/') || '/assets/' || image.preview end as image_url,
  coalesce(name.name, product.name, v.sku) as product_name,
  q.ordered as ordered_qty,
  q.shipped as shipped_qty,
  -- Shipped pieces that came back are "cancelled" for Vendure; for the customer they were shipped.
  greatest(q.ordered - q.shipped - q.open, 0) as cancelled_qty,
  case when v."trackInventory" = 'TRUE' or (v."trackInventory" = 'INHERIT' and settings.tracked)
    then least(q.waiting, greatest(q.waiting_up_to_here - greatest(coalesce(stock.on_hand, 0), 0), 0))
    else 0 end as short_qty,
  round((l."listPrice" + discount.total / greatest(l."orderPlacedQuantity", l.quantity, 1))
    * case when l."listPriceIncludesTax" then 1 else 1 + tax.rate / 100 end / 100, 2) as unit_price,
  o."currencyCode" as currency,
  o."orderPlacedAt" at time zone 'UTC' as ordered_at,
  null::date as promised_on,
  null::date as expected_on,
  null::text as delay_reason,
  -- An authorised payment has taken no money yet.
  case when payments.taken > 0 then 'paid' else 'unpaid' end as payment,
  q.shipped_at at time zone 'UTC' as shipped_at,
  coalesce(line_refunds.at,
    -- Something of the line was cancelled, and the order holds no money beyond what it costs now.
    case when q.ordered > l.quantity and payments.taken - refunds.returned <= o."subTotalWithTax" + o."shippingWithTax"
      then refunds.at end) at time zone 'UTC' as refunded_at,
  greatest(q.touched_at, o."updatedAt", stock.updated_at) at time zone 'UTC' as updated_at
from queue q
cross join settings
join order_line l on l.id = q.id
join orders o on o.id = q."orderId"
join product_variant v on v.id = q.variant
left join customer on customer.id = o."customerId"
left join channels on channels."orderId" = o.id
left join channel shop on shop.id = channels.id
left join channel main on main.code = '__default_channel__'
left join asset image on image.id = l."featuredAssetId"
left join stock on stock.variant = q.variant
left join payments on payments."orderId" = o.id
left join refunds on refunds."orderId" = o.id
left join line_refunds on line_refunds."orderLineId" = q.id
left join lateral (
  select t.name from product_variant_translation t
  where t."baseId" = v.id and t.name <> ''
  order by t."languageCode" = shop."defaultLanguageCode" desc nulls last,
    t."languageCode" = main."defaultLanguageCode" desc, t."languageCode"
  limit 1) name on true
left join lateral (
  select t.name, t.slug from product_translation t
  where t."baseId" = v."productId"
  order by t."languageCode" = shop."defaultLanguageCode" desc nulls last,
    t."languageCode" = main."defaultLanguageCode" desc, t."languageCode"
  limit 1) product on true
cross join lateral (
  select coalesce(sum((entry ->> 'amount')::numeric), 0) as total
  from jsonb_array_elements(l.adjustments::jsonb) entry) discount
cross join lateral (
  select coalesce(sum((entry ->> 'taxRate')::numeric), 0) as rate
  from jsonb_array_elements(l."taxLines"::jsonb) entry) tax
where q.ordered > 0
  and (q.open > 0 or q.touched_at >= (now() at time zone 'UTC') - interval '30 days')
order by q.id
