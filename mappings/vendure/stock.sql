-- Vendure 3.7 on PostgreSQL, feed `stock`: one row per variant on sale.
-- available = on hand less what placed orders hold (stockAllocated), over all stock locations; the
-- out-of-stock threshold is left out on purpose: what may be oversold is not there. A variant whose inventory is not
-- tracked is always there. Not known by Vendure: expected_on.
-- The price is that of the default channel, with the tax of its default tax zone. Cost: the variants, once.
with main as (
  select * from channel where code = '__default_channel__'
),
settings as (
  select "trackInventory" as tracked from global_settings order by "createdAt" limit 1
),
levels as (
  select "productVariantId" as variant, sum("stockOnHand") - sum("stockAllocated") as available
  from stock_level
  group by "productVariantId"
)
select
  v.id::text as product_key,
  v.sku,
  coalesce(name.name, product.name, v.sku) as product_name,
  rtrim(:shop_url, '/') || '/product/' || product.slug as product_url,
  case when image.preview ~ '^https?://' then image.preview
    else rtrim(:shop_url, '/') || '/assets/' || image.preview end as image_url,
  round(price.price * case when main."pricesIncludeTax" then 1 else 1 + coalesce(tax.value, 0) / 100 end / 100, 2) as price,
  price."currencyCode" as currency,
  case when v."trackInventory" = 'TRUE' or (v."trackInventory" = 'INHERIT' and settings.tracked)
    then coalesce(levels.available, 0) else 999999 end as available,
  null::date as expected_on
from product_variant v
cross join main
cross join settings
join product p on p.id = v."productId" and p."deletedAt" is null and p.enabled
left join levels on levels.variant = v.id
left join asset image on image.id = coalesce(v."featuredAssetId", p."featuredAssetId")
left join lateral (
  select t.name from product_variant_translation t
  where t."baseId" = v.id and t.name <> ''
  order by t."languageCode" = main."defaultLanguageCode" desc, t."languageCode"
  limit 1) name on true
left join lateral (
  select t.name, t.slug from product_translation t
  where t."baseId" = v."productId"
  order by t."languageCode" = main."defaultLanguageCode" desc, t."languageCode"
  limit 1) product on true
left join lateral (
  select x.price, x."currencyCode" from product_variant_price x
  where x."variantId" = v.id and x."channelId" = main.id
  order by x."currencyCode" = main."defaultCurrencyCode" desc, x."currencyCode"
  limit 1) price on true
left join lateral (
  select r.value from tax_rate r
  where r.enabled and r."customerGroupId" is null
    and r."categoryId" = v."taxCategoryId" and r."zoneId" = main."defaultTaxZoneId"
  order by r.id
  limit 1) tax on true
where v."deletedAt" is null and v.enabled
order by v.id
