-- Tryton 8.0 on PostgreSQL, feed `alternatives`: first the product that replaces this one, then other variants of the
-- same template, at most 20. What else fits is known only to modules such as sale_product_recommendation.
-- Cost: the products joined with themselves inside their template.
select
  p.id::text as product_key,
  other.id::text as alternative_key,
  other.rank
from product_product p
cross join lateral (
  select x.id, row_number() over (order by x.id = p.replaced_by desc nulls last, x.id) as rank
  from product_product x
  join product_template t on t.id = x.template
  where (x.id = p.replaced_by or x.template = p.template) and x.id <> p.id
    and x.active and t.active and t.salable and t.type in ('goods', 'assets')
  order by rank
  limit 20) other
order by p.id, other.rank
