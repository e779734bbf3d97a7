-- The login that backorderd gets in the database of a Tryton shop: it may read these tables and nothing else.
-- Run once by the owner of the tables; then give it a password (psql: \password backorderd_reader).
create role backorderd_reader login;
alter role backorderd_reader set default_transaction_read_only = on;
-- Compiling these queries costs PostgreSQL more time than running them.
alter role backorderd_reader set jit = off;
grant usage on schema public to backorderd_reader;
grant select on
  sale_sale, sale_line, "sale_line-account_tax", "sale_line-ignored-stock_move", "sale_sale-ignored-account_invoice",
  stock_move, stock_location, stock_shipment_out, product_product, product_template, product_uom, product_list_price,
  product_lead_time, product_category, "product_category-customer-account_tax",
  product_configuration_default_lead_time, account_tax, account_invoice, account_invoice_line, party_party,
  party_address, party_contact_mechanism, party_party_lang, company_company, country_country, currency_currency,
  ir_lang, ir_translation, ir_model_log
  to backorderd_reader;
