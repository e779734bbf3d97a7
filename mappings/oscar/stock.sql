-- django-oscar 4.2 on PostgreSQL; run on PostgreSQL 15 over tables with Oscar's columns.
select
    s.id as product_key,
    s.partner_sku as sku,
    product.title as product_name,
    :shop_url || '/catalogue/' || product.slug || '_' || product.id || '/' as product_url,
    :shop_url || '/media/' || image.original as image_url,
    s.price, -- as entered, often without tax
    s.price_currency as currency,
    s.num_in_stock - coalesce(s.num_allocated, 0) as available
from partner_stockrecord s
join catalogue_product product on product.id = s.product_id
left join lateral (
    select i.original from catalogue_productimage i where i.product_id = product.id order by i.display_order limit 1
) image on true
where s.num_in_stock is not null and product.is_public
