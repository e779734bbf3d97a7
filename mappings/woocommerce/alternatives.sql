-- WooCommerce 9.3 on MariaDB; run on MariaDB 10.11 over tables with WooCommerce's columns.
-- Up-sells: a list that PHP wrote as text, for a product and all its variations.
select
    product.product_id as product_key,
    alternative.product_id as alternative_key
from wp_postmeta list
join wp_posts post on post.ID = list.post_id or post.post_parent = list.post_id
join wp_wc_product_meta_lookup product on product.product_id = post.ID
join wp_wc_product_meta_lookup alternative
    on list.meta_value regexp concat('i:[0-9]+;i:', alternative.product_id, ';')
join wp_posts offered on offered.ID = alternative.product_id and offered.post_status = 'publish'
where list.meta_key = '_upsell_ids'
