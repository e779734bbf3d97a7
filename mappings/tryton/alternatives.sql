-- Tryton 8.0 on PostgreSQL, feed `alternatives`: first the product that replaces this one, then the other variants of
-- the same template. What else fits is known only to modules such as sale_product_recommendation, by computation.
-- Cost: the products joined with themselves inside their template.
with candidates as (
  select p.id as product, p.replaced_by as other, 1 as kind
  from product_product p
  where p.replaced_by is not null
  union all
  select p.id, other.id, 2
  from product_product p
  join product_product other on other.template = p.template and other.id <> p.id
  where other.id is distinct from p.replaced_by
)
select
  c.product::text as product_key,
  c.other::text as alternative_key,
  row_number() over (partition by c.product order by c.kind, c.other) as rank
from candidates c
join product_product other on other.id = c.other and other.active
join product_template t on t.id = other.template and t.active and t.salable and t.type in ('goods', 'assets')
order by c.product, rank
