-- django-oscar 4.2 on PostgreSQL, with the statuses of its sandbox.
-- Its rules were tried on a running django-oscar 4.2; this text itself has been run on PostgreSQL 15 over tables with
-- Oscar's columns, by tests/shop_mappings.rs. Oscar knows no expected dates.
with shipped as (
    select q.line_id, sum(q.quantity) as quantity, max(e.date_created) as last_shipped
    from order_shippingeventquantity q
    join order_shippingevent e on e.id = q.event_id
    join order_shippingeventtype t on t.id = e.event_type_id
    where t.code = 'shipped'
    group by q.line_id
),
lines as (
    select l.*, o.number, o.date_placed, o.currency, o.guest_email, o.user_id, o.shipping_address_id,
        coalesce(shipped.quantity, 0) as shipped,
        shipped.last_shipped,
        -- The statuses are the shop's own words; write yours here.
        l.status = 'Cancelled' or o.status = 'Cancelled' as is_cancelled,
        greatest(o.date_placed, shipped.last_shipped, (
            select max(c.date_created) from order_orderstatuschange c where c.order_id = o.id
        )) as last_trace
    from order_line l
    join order_order o on o.id = l.order_id
    left join shipped on shipped.line_id = l.id
),
queue as (
    -- num_in_stock is what lies there, num_allocated counts all open lines, also beyond the stock.
    select lines.*, s.num_in_stock,
        sum(case when lines.allocation_cancelled or lines.is_cancelled then 0 else lines.num_allocated end)
            over (partition by lines.stockrecord_id order by lines.date_placed, lines.id) as wanted_until_here
    from lines
    left join partner_stockrecord s on s.id = lines.stockrecord_id
)
select
    queue.id as line_id,
    queue.order_id,
    queue.number as order_number,
    coalesce(nullif(queue.guest_email, ''), account.email) as customer_email,
    coalesce(
        nullif(trim(concat_ws(' ', account.first_name, account.last_name)), ''),
        trim(concat_ws(' ', address.first_name, address.last_name))
    ) as customer_name,
    address.country_id as ship_to_country, -- address_country is keyed by its two letters
    coalesce(queue.stockrecord_id::text, 'line-' || queue.id) as product_key,
    coalesce(nullif(queue.partner_sku, ''), queue.upc) as sku,
    queue.title as product_name,
    :shop_url || '/catalogue/' || product.slug || '_' || product.id || '/' as product_url,
    :shop_url || '/media/' || image.original as image_url,
    queue.quantity as ordered_qty,
    queue.shipped as shipped_qty,
    case when queue.is_cancelled then greatest(queue.quantity - queue.shipped, 0) else 0 end as cancelled_qty,
    case when queue.is_cancelled then 0
        else greatest(
            least(
                queue.quantity - queue.shipped,
                queue.num_allocated,
                queue.wanted_until_here - coalesce(queue.num_in_stock, 0)
            ), 0)
    end as short_qty,
    queue.unit_price_incl_tax as unit_price,
    queue.currency,
    queue.date_placed as ordered_at,
    case when queue.shipped >= queue.quantity then queue.last_shipped end as shipped_at,
    queue.last_trace as updated_at
from queue
left join auth_user account on account.id = queue.user_id
left join order_shippingaddress address on address.id = queue.shipping_address_id
left join catalogue_product product on product.id = queue.product_id
left join lateral (
    select i.original from catalogue_productimage i where i.product_id = product.id order by i.display_order limit 1
) image on true
where case
    -- When a line was cancelled is written nowhere, so it stays in sight for a year after the order.
    when queue.is_cancelled then queue.date_placed > now() - interval '1 year'
    when queue.shipped >= queue.quantity then queue.last_trace > now() - interval '30 days'
    else true
end
