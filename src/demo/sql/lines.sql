-- A shop this small shows all its lines; a large one leaves out what was closed more than 30 days ago.
select
    l.id as line_id,
    o.id as order_id,
    o.id as order_number,
    c.email as customer_email,
    c.name as customer_name,
    c.locale as locale,
    c.country as ship_to_country,
    p.sku as product_key,
    p.sku as sku,
    p.name as product_name,
    :shop_url || '/#' || p.sku as product_url,
    :shop_url || '/demo/picture/' || p.sku || '.svg' as image_url,
    l.ordered_qty as ordered_qty,
    l.shipped_qty as shipped_qty,
    l.cancelled_qty as cancelled_qty,
    v.short_qty as short_qty,
    printf('%d.%02d', p.price_cents / 100, p.price_cents % 100) as unit_price,
    'USD' as currency,
    o.ordered_at as ordered_at,
    l.promised_on as promised_on,
    case when v.short_qty > 0 then p.expected_on end as expected_on,
    case when v.short_qty > 0 then p.delay_reason end as delay_reason,
    l.shipped_at as shipped_at
from order_lines l
join coverage v on v.line_id = l.id
join orders o on o.id = l.order_id
join customers c on c.id = o.customer_id
join products p on p.sku = l.sku
order by l.id
