-- django-oscar 4.2 on PostgreSQL; run on PostgreSQL 15 over tables with Oscar's columns.
-- "Recommended products"; those with the highest ranking come first.
select
    s.id as product_key,
    alternative.id as alternative_key,
    row_number() over (partition by s.id order by r.ranking desc, alternative.id) as rank
from catalogue_productrecommendation r
join partner_stockrecord s on s.product_id = r.primary_id
join partner_stockrecord alternative on alternative.product_id = r.recommendation_id
