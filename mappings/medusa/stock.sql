-- Medusa 2.21 on PostgreSQL; run on PostgreSQL 15 over tables with Medusa's columns.
with levels as (
    select link.variant_id, sum(level.stocked_quantity - level.reserved_quantity) as free
    from product_variant_inventory_item link
    join inventory_level level on level.inventory_item_id = link.inventory_item_id and level.deleted_at is null
    where link.deleted_at is null
    group by link.variant_id
)
select
    variant.id as product_key,
    variant.sku,
    product.title as product_name,
    :shop_url || '/products/' || product.handle as product_url,
    product.thumbnail as image_url,
    coalesce(levels.free, 0) as available
from product_variant variant
join product on product.id = variant.product_id
left join levels on levels.variant_id = variant.id
where variant.deleted_at is null and product.deleted_at is null and variant.manage_inventory
