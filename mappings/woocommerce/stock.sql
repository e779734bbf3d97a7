-- WooCommerce 9.3 on MariaDB; run on MariaDB 10.11 over tables with WooCommerce's columns.
select
    stock.product_id as product_key,
    nullif(stock.sku, '') as sku,
    post.post_title as product_name,
    concat(:shop_url, '/?p=', coalesce(nullif(post.post_parent, 0), post.ID)) as product_url,
    (select max(picture.guid) from wp_postmeta thumbnail join wp_posts picture on picture.ID = thumbnail.meta_value
        where thumbnail.post_id = coalesce(nullif(post.post_parent, 0), post.ID)
            and thumbnail.meta_key = '_thumbnail_id') as image_url,
    stock.min_price as price,
    (select option_value from wp_options where option_name = 'woocommerce_currency') as currency,
    stock.stock_quantity as available
from wp_wc_product_meta_lookup stock
join wp_posts post on post.ID = stock.product_id and post.post_status = 'publish'
where stock.stock_quantity is not null
