-- Odoo 18.0 Community with eCommerce on PostgreSQL; run on PostgreSQL 15 over tables with Odoo's columns.
-- The "Alternative Products" of a product, each by its first active variant.
select
    p.id as product_key,
    variant.id as alternative_key,
    row_number() over (partition by p.id order by alternative.id) as rank
from product_alternative_rel r
join product_product p on p.product_tmpl_id = r.src_id and p.active
join product_template alternative on alternative.id = r.dest_id and alternative.active and alternative.is_published
join lateral (
    select v.id from product_product v
    where v.product_tmpl_id = alternative.id and v.active
    order by v.id
    limit 1
) variant on true
