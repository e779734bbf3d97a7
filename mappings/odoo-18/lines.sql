-- Odoo 18.0 Community with eCommerce (modules sale_stock, website_sale) on PostgreSQL.
-- Its rules were tried on a running Odoo 18.0 (one- and two-step delivery, make-to-order); this text itself has been
-- run on PostgreSQL 15 over tables with Odoo's columns, by tests/shop_mappings.rs.
with shortage as materialized (
    -- What every open outgoing move still lacks, in the order in which Odoo's own forecast hands goods out.
    select m.id, m.sale_line_id, m.product_id, source.warehouse_id, lack.short,
        sum(lack.short) over (
            partition by m.product_id, source.warehouse_id
            order by m.reservation_date, m.priority desc, m.date, m.id
        ) as short_until_here
    from stock_move m
    join stock_location source on source.id = m.location_id
    -- Since 18.0 the first move of a several-step delivery carries the final place.
    join stock_location target on target.id = coalesce(m.location_final_id, m.location_dest_id)
    join product_product p on p.id = m.product_id
    join product_template t on t.id = p.product_tmpl_id
    join uom_uom move_unit on move_unit.id = m.product_uom
    join uom_uom product_unit on product_unit.id = t.uom_id
    cross join lateral (
        select greatest(m.product_qty - coalesce(m.quantity, 0) / move_unit.factor * product_unit.factor, 0) as short
    ) lack
    where m.state in ('confirmed', 'waiting', 'partially_available', 'assigned')
        and source.warehouse_id is not null
        and target.warehouse_id is distinct from source.warehouse_id
),
incoming as materialized (
    select m.id, m.product_id, target.warehouse_id, m.date, m.write_date,
        sum(m.product_qty) over (partition by m.product_id, target.warehouse_id order by m.date, m.id) as in_until_here
    from stock_move m
    join stock_location source on source.id = m.location_id
    join stock_location target on target.id = m.location_dest_id
    where m.state in ('confirmed', 'waiting', 'partially_available', 'assigned')
        and target.warehouse_id is not null
        and source.warehouse_id is distinct from target.warehouse_id
),
free as materialized (
    select q.product_id, l.warehouse_id, sum(q.quantity - q.reserved_quantity) as free
    from stock_quant q
    join stock_location l on l.id = q.location_id
    where l.usage = 'internal' and l.warehouse_id is not null
    group by q.product_id, l.warehouse_id
),
moves as (
    -- Every line with an open move, and those whose last move closed within 30 days.
    select m.sale_line_id,
        count(*) filter (where m.state not in ('done', 'cancel')) as open_moves,
        max(m.date) filter (where m.state = 'done') as last_done,
        min(m.date_deadline) as deadline,
        max(m.write_date) as write_date
    from stock_move m
    where m.sale_line_id in (
        select sale_line_id from stock_move
        where sale_line_id is not null
            and (state not in ('done', 'cancel') or write_date > (now() at time zone 'UTC') - interval '30 days')
    )
    group by m.sale_line_id
),
short_lines as (
    select s.sale_line_id,
        sum(s.short) as short,
        max(i.date) as expected,
        max(i.write_date) as incoming_write_date,
        bool_or(s.short > 0 and i.id is null) as has_uncovered
    from shortage s
    left join free f using (product_id, warehouse_id)
    left join lateral (
        -- The first arrival with which everything up to this move is covered.
        select i.* from incoming i
        where i.product_id = s.product_id and i.warehouse_id = s.warehouse_id and s.short > 0
            and i.in_until_here >= s.short_until_here - greatest(coalesce(f.free, 0), 0)
        order by i.date, i.id
        limit 1
    ) i on true
    where s.sale_line_id is not null
    group by s.sale_line_id
)
select
    l.id as line_id,
    o.id as order_id,
    o.name as order_number,
    o.company_id as shop_id,
    customer.email_normalized as customer_email,
    coalesce(customer.complete_name, customer.name) as customer_name,
    customer.lang as locale,
    country.code as ship_to_country,
    p.id as product_key,
    p.default_code as sku,
    coalesce(t.name ->> customer.lang, t.name ->> 'en_US') as product_name,
    case when t.is_published then coalesce(nullif(site.domain, ''), :shop_url) || '/shop/' || t.id end as product_url,
    case when t.is_published
        then coalesce(nullif(site.domain, ''), :shop_url) || '/web/image/product.product/' || p.id || '/image_256'
    end as image_url,
    l.product_uom_qty as ordered_qty,
    greatest(l.qty_delivered, 0) as shipped_qty,
    -- Of a cancelled order, and of one whose rest was dropped ("No Backorder"), nothing more will come.
    case when o.state = 'cancel' or moves.open_moves = 0
        then greatest(l.product_uom_qty - greatest(l.qty_delivered, 0), 0)
        else 0
    end as cancelled_qty,
    case when o.state = 'cancel' then 0
        else coalesce(short_lines.short, 0) / product_unit.factor * line_unit.factor
    end as short_qty,
    l.price_reduce_taxinc as unit_price,
    currency.name as currency,
    o.date_order as ordered_at,
    -- Odoo moves this date with the order; backorderd takes it once, when it first sees the line.
    (moves.deadline at time zone 'UTC' at time zone :time_zone)::date as promised_on,
    case when not short_lines.has_uncovered
        then (short_lines.expected at time zone 'UTC' at time zone :time_zone)::date
    end as expected_on,
    case when moves.open_moves = 0 and l.qty_delivered > 0 then moves.last_done end as shipped_at,
    greatest(l.write_date, o.write_date, moves.write_date, short_lines.incoming_write_date, customer.write_date)
        as updated_at
from sale_order_line l
join sale_order o on o.id = l.order_id
join moves on moves.sale_line_id = l.id
join res_partner customer on customer.id = o.partner_id
join product_product p on p.id = l.product_id
join product_template t on t.id = p.product_tmpl_id
join uom_uom line_unit on line_unit.id = l.product_uom
join uom_uom product_unit on product_unit.id = t.uom_id
join res_currency currency on currency.id = l.currency_id
left join res_partner recipient on recipient.id = o.partner_shipping_id
left join res_country country on country.id = coalesce(recipient.country_id, customer.country_id)
left join website site on site.id = o.website_id
left join short_lines on short_lines.sale_line_id = l.id
where o.state in ('sale', 'cancel')
    and t.is_storable
    and l.display_type is null
    and l.is_downpayment is not true
