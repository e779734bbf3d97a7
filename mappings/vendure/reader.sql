-- The login that backorderd gets in the database of a Vendure shop: it may read these tables and nothing else.
-- Run once by the owner of the tables; then give it a password (psql: \password backorderd_reader).
create role backorderd_reader login;
alter role backorderd_reader set default_transaction_read_only = on;
-- Compiling these queries costs PostgreSQL more time than running them.
alter role backorderd_reader set jit = off;
grant usage on schema public to backorderd_reader;
grant select on
  "order", order_line, order_line_reference, order_channels_channel, order_fulfillments_fulfillment, fulfillment,
  history_entry, payment, refund, customer, channel, global_settings, stock_level, tax_rate, asset, product,
  product_translation, product_variant, product_variant_translation, product_variant_price
  to backorderd_reader;
