-- Vendure 3.7 on PostgreSQL, feed `alternatives`: the other variants of the same product, in the order of their making.
-- The core knows no substitutes. A shop with its own relation (a custom field) puts it here instead.
-- Cost: the variants joined with themselves inside their product.
select
  v.id::text as product_key,
  other.id::text as alternative_key,
  row_number() over (partition by v.id order by other.id) as rank
from product_variant v
join product p on p.id = v."productId" and p."deletedAt" is null and p.enabled
join product_variant other on other."productId" = v."productId" and other.id <> v.id
where v."deletedAt" is null and other."deletedAt" is null and other.enabled
order by v.id, rank
