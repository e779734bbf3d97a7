-- Tryton 8.0 on PostgreSQL, feed `stock`: one row per product on sale, all warehouses and companies together.
-- available = what lies in the storage zones less all that is planned to leave them (customer shipments, productions,
-- transfers), reserved or not. expected_on = the next planned arrival.
-- Tryton has no shop front: no links. The price is the list price of the first company with the customer taxes of the
-- accounting category; price lists are not applied.
-- Cost: all done moves of the products on sale; see README.md before running it on millions of moves.
with recursive
zones as (
  select w.id as warehouse, l.id as location, bool_or(root.id = w.storage_location) as storage
  from stock_location w
  join stock_location root on root.id in (w.storage_location, w.input_location)
  join stock_location l on l."left" >= root."left" and l."right" <= root."right"
  where w.type = 'warehouse'
  group by w.id, l.id
),
levels as (
  select m.product,
    sum(case when here.storage and m.state = 'done' then m.internal_quantity else 0 end)
      - sum(case when there.storage then m.internal_quantity else 0 end) as available
  from stock_move m
  left join zones here on here.location = m.to_location
  left join zones there on there.location = m.from_location
  where m.state in ('staging', 'draft', 'assigned', 'done')
    -- From shelf to shelf of one storage zone changes nothing.
    and not (coalesce(here.storage, false) and coalesce(there.storage, false) and here.warehouse = there.warehouse)
  group by m.product
),
arrivals as (
  select m.product, min(m.planned_date) as expected_on
  from stock_move m
  join zones here on here.location = m.to_location
  left join zones before on before.location = m.from_location and before.warehouse = here.warehouse
  join stock_location source on source.id = m.from_location
  where m.state in ('draft', 'assigned')
    and ((before.location is null and source.type not in ('customer', 'lost_found'))
      or (here.storage and not before.storage))
  group by m.product
),
first_company as (
  select c.id, currency.code as currency, currency.digits
  from company_company c
  join currency_currency currency on currency.id = c.currency
  order by c.id
  limit 1
),
-- A category may leave its taxes to its parent.
categories as (
  select id as category, id as source, parent, taxes_parent, 1 as depth from product_category where accounting
  union all
  select c.category, above.id, above.parent, above.taxes_parent, c.depth + 1
  from categories c
  join product_category above on above.id = c.parent
  where c.taxes_parent and c.depth < 16
),
taxes as (
  select id as root, id, 1 as depth from account_tax
  union all
  select parent.root, child.id, parent.depth + 1
  from taxes parent
  join account_tax child on child.parent = parent.id
  where parent.depth < 8
)
select
  p.id::text as product_key,
  nullif(p.code, '') as sku,
  t.name as product_name,
  null::text as product_url,
  null::text as image_url,
  round(price.list_price * (1 + tax.rate) + tax.amount, first_company.digits) as price,
  case when price.list_price is not null then first_company.currency end as currency,
  case when t.consumable then 999999 else round(coalesce(levels.available, 0)::numeric, unit.digits) end as available,
  arrivals.expected_on
from product_product p
join product_template t on t.id = p.template
join product_uom unit on unit.id = t.default_uom
left join first_company on true
left join levels on levels.product = p.id
left join arrivals on arrivals.product = p.id
left join lateral (
  select x.list_price from product_list_price x
  where (x.product = p.id or (x.template = t.id and x.product is null))
    and (x.company = first_company.id or x.company is null)
  order by x.product nulls last, x.company nulls last, x.id
  limit 1) price on true
cross join lateral (
  select coalesce(sum(x.rate) filter (where x.type = 'percentage'), 0) as rate,
    coalesce(sum(x.amount) filter (where x.type = 'fixed'), 0) as amount
  from categories c
  join "product_category-customer-account_tax" link on link.category = c.source
  join taxes on taxes.root = link.tax
  join account_tax x on x.id = taxes.id
  where c.category = t.account_category and c.taxes_parent is not true
    and x.company = first_company.id
    and (x.start_date is null or x.start_date <= now()::date)
    and (x.end_date is null or x.end_date >= now()::date)) tax
where p.active and t.active and t.salable and t.type in ('goods', 'assets')
order by p.id
