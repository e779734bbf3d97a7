select sku as product_key, alternative_sku as alternative_key, rank
from alternatives
