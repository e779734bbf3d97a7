select
    p.sku as product_key,
    p.sku as sku,
    p.name as product_name,
    :shop_url || '/#' || p.sku as product_url,
    :shop_url || '/demo/picture/' || p.sku || '.svg' as image_url,
    printf('%d.%02d', p.price_cents / 100, p.price_cents % 100) as price,
    'USD' as currency,
    p.on_hand - coalesce(sum(v.open_qty), 0) as available,
    p.expected_on as expected_on
from products p
left join coverage v on v.sku = p.sku
group by p.sku
