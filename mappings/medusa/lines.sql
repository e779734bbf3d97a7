-- Medusa 2.21 on PostgreSQL.
-- Its rules were tried on a running Medusa 2.21; this text itself has been run on PostgreSQL 15 over tables with
-- Medusa's columns, by tests/shop_mappings.rs. Medusa knows no expected dates.
with levels as (
    -- Stock per variant. A kit (several inventory items for one variant) needs min() over its items instead.
    select link.variant_id, sum(level.stocked_quantity) as stocked, max(level.updated_at) as updated_at
    from product_variant_inventory_item link
    join inventory_level level on level.inventory_item_id = link.inventory_item_id and level.deleted_at is null
    where link.deleted_at is null
    group by link.variant_id
),
items as (
    -- order_item is versioned: the row of the order's current version counts, the first one tells what was ordered.
    select item.item_id, item.order_id, line.variant_id, o.status,
        item.quantity,
        item.fulfilled_quantity as fulfilled,
        item.shipped_quantity as shipped,
        greatest(item.quantity, (
            select first.quantity from order_item first where first.item_id = item.item_id
            order by first.version limit 1
        )) as ordered,
        coalesce(item.unit_price, line.unit_price) as unit_price,
        greatest(o.updated_at, item.updated_at, line.updated_at) as updated_at,
        sum(case when o.status in ('canceled', 'archived') then 0 else item.quantity - item.fulfilled_quantity end)
            over (partition by line.variant_id order by o.created_at, item.id) as wanted_until_here
    from order_item item
    join "order" o on o.id = item.order_id and o.version = item.version and o.deleted_at is null
    join order_line_item line on line.id = item.item_id
    where item.deleted_at is null and not o.is_draft_order and o.status <> 'draft'
)
select
    items.item_id as line_id,
    o.id as order_id,
    coalesce(o.custom_display_id, o.display_id::text) as order_number,
    o.email as customer_email,
    coalesce(
        nullif(trim(concat_ws(' ', customer.first_name, customer.last_name)), ''),
        nullif(trim(concat_ws(' ', address.first_name, address.last_name)), '')
    ) as customer_name,
    o.locale,
    address.country_code as ship_to_country,
    coalesce(line.variant_id, line.id) as product_key,
    line.variant_sku as sku,
    line.product_title as product_name,
    :shop_url || '/products/' || line.product_handle as product_url,
    line.thumbnail as image_url,
    items.ordered as ordered_qty,
    items.shipped as shipped_qty,
    case when items.status = 'canceled' then greatest(items.ordered - items.shipped, 0)
        else items.ordered - items.quantity
    end as cancelled_qty,
    case when items.status = 'canceled' or variant.manage_inventory is false then 0
        else greatest(
            least(items.quantity - items.fulfilled, items.wanted_until_here - coalesce(levels.stocked, 0)), 0)
    end as short_qty,
    items.unit_price,
    o.currency_code as currency,
    o.created_at as ordered_at,
    greatest(items.updated_at, levels.updated_at) as updated_at
from items
join "order" o on o.id = items.order_id
join order_line_item line on line.id = items.item_id
left join customer on customer.id = o.customer_id
left join order_address address on address.id = o.shipping_address_id
left join product_variant variant on variant.id = items.variant_id
left join levels on levels.variant_id = items.variant_id
where items.status <> 'archived'
    and ((items.status <> 'canceled' and items.shipped < items.quantity)
        or items.updated_at > now() - interval '30 days')
