-- WooCommerce 9.3 with High-Performance Order Storage on MariaDB; the tables begin with wp_.
-- Its rules were tried on a running WooCommerce 9.3; this text itself has been run on MariaDB 10.11 over tables with
-- WooCommerce's columns, by tests/shop_mappings.rs. WooCommerce knows no expected dates and no partly shipped lines.
with orders as (
    select o.*,
        o.status in ('wc-cancelled', 'wc-refunded', 'wc-failed', 'trash') as is_cancelled
    from wp_wc_orders o
    where o.type = 'shop_order'
        and o.status not in ('wc-pending', 'auto-draft', 'wc-checkout-draft', 'draft')
        and (o.status not in ('wc-completed', 'wc-cancelled', 'wc-refunded', 'wc-failed', 'trash')
            or o.date_updated_gmt > utc_timestamp() - interval 30 day)
),
items as (
    select
        i.order_item_id as id,
        max(i.order_id) as order_id,
        max(i.order_item_name) as name,
        cast(nullif(max(case when m.meta_key = '_variation_id' then m.meta_value end), '0') as unsigned)
            as variation_id,
        cast(max(case when m.meta_key = '_product_id' then m.meta_value end) as unsigned) as product_id,
        cast(max(case when m.meta_key = '_qty' then m.meta_value end) as decimal(18, 4)) as quantity,
        cast(max(case when m.meta_key = '_line_total' then m.meta_value end) as decimal(18, 4))
            + cast(coalesce(max(case when m.meta_key = '_line_tax' then m.meta_value end), '0') as decimal(18, 4))
            as total,
        max(m.meta_key = '_reduced_stock') as has_reduced_stock
    from orders
    join wp_woocommerce_order_items i on i.order_id = orders.id and i.order_item_type = 'line_item'
    join wp_woocommerce_order_itemmeta m on m.order_item_id = i.order_item_id
    group by i.order_item_id
),
refunds as (
    select cast(refunded.meta_value as unsigned) as id, -sum(cast(pieces.meta_value as decimal(18, 4))) as quantity
    from orders
    join wp_wc_orders refund on refund.parent_order_id = orders.id and refund.type = 'shop_order_refund'
    join wp_woocommerce_order_items i on i.order_id = refund.id
    join wp_woocommerce_order_itemmeta refunded
        on refunded.order_item_id = i.order_item_id and refunded.meta_key = '_refunded_item_id'
    join wp_woocommerce_order_itemmeta pieces
        on pieces.order_item_id = i.order_item_id and pieces.meta_key = '_qty'
    group by refunded.meta_value
),
lines_of_orders as (
    select
        items.*,
        coalesce(items.variation_id, nullif(items.product_id, 0)) as stock_id,
        least(coalesce(refunds.quantity, 0), items.quantity) as refunded,
        orders.status, orders.is_cancelled, orders.billing_email, orders.currency, orders.customer_id,
        orders.payment_method, orders.date_created_gmt, orders.date_updated_gmt
    from items
    join orders on orders.id = items.order_id
    left join refunds on refunds.id = items.id
),
queue as (
    -- Open orders have taken their pieces already and the stock goes below zero: the last orders are the short ones.
    select
        l.id,
        l.quantity - l.refunded as wanted,
        product.stock_quantity,
        sum(l.quantity - l.refunded)
            over (partition by l.stock_id order by l.date_created_gmt desc, l.id desc) as wanted_from_here
    from lines_of_orders l
    join wp_wc_product_meta_lookup product on product.product_id = l.stock_id
    where l.status in ('wc-processing', 'wc-on-hold') and l.has_reduced_stock
)
select
    l.id as line_id,
    l.order_id,
    nullif(l.billing_email, '') as customer_email,
    nullif(trim(concat_ws(' ', billing.first_name, billing.last_name)), '') as customer_name,
    (select max(u.meta_value) from wp_usermeta u where u.user_id = l.customer_id and u.meta_key = 'locale') as locale,
    coalesce(nullif(shipping.country, ''), billing.country) as ship_to_country,
    coalesce(l.stock_id, concat('line-', l.id)) as product_key,
    nullif(product.sku, '') as sku,
    l.name as product_name,
    concat(:shop_url, '/?p=', l.product_id) as product_url,
    (select max(picture.guid) from wp_postmeta thumbnail join wp_posts picture on picture.ID = thumbnail.meta_value
        where thumbnail.post_id = l.product_id and thumbnail.meta_key = '_thumbnail_id') as image_url,
    l.quantity as ordered_qty,
    case when l.status = 'wc-completed' then l.quantity - l.refunded else 0 end as shipped_qty,
    case when l.is_cancelled then l.quantity else l.refunded end as cancelled_qty,
    coalesce(
        greatest(least(queue.wanted, -queue.stock_quantity - (queue.wanted_from_here - queue.wanted)), 0), 0
    ) as short_qty,
    l.total / nullif(l.quantity, 0) as unit_price,
    l.currency,
    l.date_created_gmt as ordered_at,
    -- Money by transfer or cheque is on its way while the order is on hold.
    case when l.payment_method = 'cod' then 'on_delivery'
        when l.payment_method in ('bacs', 'cheque') and l.status = 'wc-on-hold' then 'unpaid'
        else 'paid'
    end as payment,
    l.date_updated_gmt as updated_at
from lines_of_orders l
left join queue on queue.id = l.id
left join wp_wc_product_meta_lookup product on product.product_id = l.stock_id
left join wp_wc_order_addresses billing on billing.order_id = l.order_id and billing.address_type = 'billing'
left join wp_wc_order_addresses shipping on shipping.order_id = l.order_id and shipping.address_type = 'shipping'
