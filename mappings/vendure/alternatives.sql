-- Vendure 3.7 on PostgreSQL, feed `alternatives`: other variants of the same product, in the order of their making, at
-- most 20. The core knows no substitutes. A shop with its own relation (a custom field) puts it here instead.
-- Cost: the variants joined with themselves inside their product.
select
  v.id::text as product_key,
  other.id::text as alternative_key,
  other.rank
from product_variant v
join product p on p.id = v."productId" and p."deletedAt" is null and p.enabled
cross join lateral (
  select x.id, row_number() over (order by x.id) as rank
  from product_variant x
  where x."productId" = v."productId" and x.id <> v.id and x."deletedAt" is null and x.enabled
  order by x.id
  limit 20) other
where v."deletedAt" is null
order by v.id, other.rank
