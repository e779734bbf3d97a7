-- Odoo 18.0 Community with eCommerce on PostgreSQL; run on PostgreSQL 15 over tables with Odoo's columns.
-- One row a product: what all warehouses together have free, and their next arrival.
with free as (
    select q.product_id, sum(q.quantity - q.reserved_quantity) as free
    from stock_quant q
    join stock_location l on l.id = q.location_id
    where l.usage = 'internal' and l.warehouse_id is not null
    group by q.product_id
),
arrivals as (
    select m.product_id, min(m.date) as next
    from stock_move m
    join stock_location source on source.id = m.location_id
    join stock_location target on target.id = m.location_dest_id
    where m.state in ('confirmed', 'waiting', 'partially_available', 'assigned')
        and target.warehouse_id is not null
        and source.warehouse_id is distinct from target.warehouse_id
    group by m.product_id
)
select
    p.id as product_key,
    p.default_code as sku,
    t.name ->> 'en_US' as product_name,
    case when t.is_published then :shop_url || '/shop/' || t.id end as product_url,
    case when t.is_published then :shop_url || '/web/image/product.product/' || p.id || '/image_256' end as image_url,
    t.list_price as price, -- before price lists and what a variant costs extra
    (select c.name from res_company rc join res_currency c on c.id = rc.currency_id order by rc.id limit 1) as currency,
    coalesce(free.free, 0) as available,
    (arrivals.next at time zone 'UTC' at time zone :time_zone)::date as expected_on
from product_product p
join product_template t on t.id = p.product_tmpl_id
left join free on free.product_id = p.id
left join arrivals on arrivals.product_id = p.id
where p.active and t.active and t.is_storable
