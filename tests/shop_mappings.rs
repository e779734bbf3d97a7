//! Each shipped mapping runs on its real engine over tables with the platform's columns, and says what the rows mean.
//!
//! The tables hold only the columns that the statements read; what the platforms themselves write into them was
//! learned on running shops and is told in each mapping's README.

use backorderd::settings::orders::{Query, QuerySettings};
use backorderd::shop::line::{Line, Payment, Status};
use backorderd::shop::stock::{Alternative, Stock};
use backorderd::shop::{Feeds, Row, Shop, ShopError, Which};
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::Decimal;

use crate::support::shops::{Engine, TestShop, shop_settings};

/// What a mapping shows of a shop.
struct Shown {
    lines: Vec<Line>,
    stock: Vec<Stock>,
    alternatives: Vec<(String, String)>,
}

impl Shown {
    fn line(&self, line_id: &str) -> &Line {
        self.lines.iter().find(|line| line.line_id == line_id).unwrap_or_else(|| panic!("no line {line_id}"))
    }

    /// Status, open and short of a line.
    fn state(&self, line_id: &str) -> (Status, String, String) {
        let line = self.line(line_id);
        (line.status(), line.open().to_string(), line.short().to_string())
    }

    fn line_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.lines.iter().map(|line| line.line_id.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    fn available(&self) -> Vec<(&str, String)> {
        let mut available: Vec<_> =
            self.stock.iter().map(|stock| (stock.product_key.as_str(), stock.available.to_string())).collect();
        available.sort_unstable();
        available
    }
}

fn state(status: Status, open: &str, short: &str) -> (Status, String, String) {
    (status, open.into(), short.into())
}

fn read<T>(row: Row<T>) -> T {
    match row {
        Row::Read(read) => read,
        Row::SetAside(set_aside) => panic!("{set_aside:?}"),
    }
}

/// Reads everything through the mapping; a row that is set aside fails the test.
async fn show(shop: &TestShop, mapping: &str) -> Shown {
    let mut orders = shop.orders();
    orders.mapping = mapping.into();
    let feeds = Feeds::load(&orders, &shop_settings()).unwrap();
    let mut look = Shop::open(&orders, feeds).unwrap().look().await.unwrap();
    let mut shown = Shown { lines: Vec::new(), stock: Vec::new(), alternatives: Vec::new() };
    let lines = &mut shown.lines;
    look.lines::<ShopError>(&Which::All, |row| {
        lines.push(read(row));
        Ok(())
    })
    .await
    .unwrap();
    let mut changed = 0;
    let which = Which::Changed { since: Timestamp::UNIX_EPOCH, also: vec!["1".into()] };
    let count = |row| {
        read::<Line>(row);
        changed += 1;
        Ok::<(), ShopError>(())
    };
    look.lines(&which, count).await.unwrap();
    assert_eq!(changed, shown.lines.len(), "each line tells when it changed");
    let stock = &mut shown.stock;
    look.stock::<ShopError>(|row| {
        stock.push(read(row));
        Ok(())
    })
    .await
    .unwrap();
    let alternatives = &mut shown.alternatives;
    let see = |row| {
        let Alternative { product_key, alternative_key, .. } = read(row);
        alternatives.push((product_key, alternative_key));
        Ok::<(), ShopError>(())
    };
    look.alternatives(see).await.unwrap();
    alternatives.sort_unstable();
    assert_eq!(look.expected::<ShopError>(|_| Ok(())).await.unwrap(), 0);
    look.end().await.unwrap();
    shown
}

#[tokio::test]
async fn odoo_18_shows_what_moves_lack_and_when_it_comes() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(
        "create table stock_location (id int, warehouse_id int, usage text);
         create table uom_uom (id int, factor numeric);
         create table product_template (id int, uom_id int, name jsonb, is_storable bool, is_published bool,
             active bool, list_price numeric);
         create table product_product (id int, product_tmpl_id int, default_code text, active bool);
         create table product_alternative_rel (src_id int, dest_id int);
         create table stock_quant (product_id int, location_id int, quantity numeric, reserved_quantity numeric);
         create table stock_move (id int, sale_line_id int, product_id int, location_id int, location_dest_id int,
             location_final_id int, product_uom int, product_qty float8, quantity numeric, state text,
             reservation_date date, priority text, date timestamp, date_deadline timestamp, write_date timestamp);
         create table sale_order (id int, name text, company_id int, state text, partner_id int, partner_shipping_id int,
             website_id int, date_order timestamp, write_date timestamp);
         create table sale_order_line (id int, order_id int, product_id int, product_uom int, currency_id int,
             product_uom_qty numeric, qty_delivered numeric, price_reduce_taxinc numeric, display_type text,
             is_downpayment bool, write_date timestamp);
         create table res_partner (id int, email_normalized text, complete_name text, name text, lang text,
             country_id int, write_date timestamp);
         create table res_country (id int, code text);
         create table res_currency (id int, name text);
         create table res_company (id int, currency_id int);
         create table website (id int, domain text);

         insert into stock_location values (1, 1, 'internal'), (2, null, 'customer'), (3, null, 'supplier');
         insert into uom_uom values (1, 1), (2, 0.1); -- pieces, tens of pieces
         insert into product_template values
             (10, 1, '{\"en_US\": \"Lamp\", \"de_DE\": \"Lampe\"}', true, true, true, 20),
             (11, 1, '{\"en_US\": \"Torch\"}', true, true, true, 9);
         insert into product_product values (100, 10, 'L-1', true), (110, 11, '', true);
         insert into product_alternative_rel values (10, 11);
         insert into stock_quant values (100, 1, 5, 4), (110, 1, 8, 0);
         insert into res_partner values (1, 'ada@example.com', 'Ada Lovelace', 'Ada', 'de_DE', 7, now());
         insert into res_country values (7, 'DE');
         insert into res_currency values (1, 'EUR');
         insert into res_company values (1, 1);
         insert into website values (1, 'https://lamps.example');
         insert into sale_order values
             (50, 'S00050', 1, 'sale', 1, 1, 1, '2026-11-01 10:00', now()),
             (51, 'S00051', 1, 'cancel', 1, 1, null, '2026-11-01 11:00', now());
         insert into sale_order_line values
             (1, 50, 100, 1, 1, 4, 0, 19.99, null, null, now()),   -- all reserved
             (2, 50, 100, 2, 1, 1, 0, 199, null, null, now()),     -- a ten, half of it comes with the next arrival
             (3, 51, 100, 1, 1, 2, 0, 19.99, null, null, now()),   -- cancelled
             (4, 50, 100, 1, 1, 3, 1, 19.99, null, null, now()),   -- the rest was dropped
             (5, 50, 100, 1, 1, 2, 2, 19.99, null, null, now()),   -- shipped
             (6, 50, 100, 1, 1, 2, 2, 19.99, null, null, now()),   -- shipped long ago
             (7, 50, 100, 1, 1, 50, 0, 19.99, null, null, now());  -- no arrival covers it
         insert into stock_move values
             (1, 1, 100, 1, 2, null, 1, 4, 4, 'assigned', null, '0', '2026-11-02', '2026-11-10 23:30', now()),
             (2, 2, 100, 1, 2, null, 2, 10, 0, 'confirmed', null, '0', '2026-11-03', '2026-11-11 12:00', now()),
             (3, 3, 100, 1, 2, null, 1, 2, 0, 'cancel', null, '0', '2026-11-03', null, now()),
             (4, 4, 100, 1, 2, null, 1, 1, 1, 'done', null, '0', '2026-11-03', null, now()),
             (5, 5, 100, 1, 2, null, 1, 2, 2, 'done', null, '0', '2026-11-04 08:00', null, now()),
             (6, 6, 100, 1, 2, null, 1, 2, 2, 'done', null, '0', '2025-11-04', null, now() - interval '90 days'),
             (7, 7, 100, 1, 2, null, 1, 50, 0, 'confirmed', null, '0', '2026-11-09', null, now()),
             (8, null, 100, 3, 1, null, 1, 12, 0, 'assigned', null, '0', '2026-12-01 23:30', null, now());",
    )
    .await;
    let shown = show(&shop, "odoo-18").await;
    assert_eq!(shown.line_ids(), ["1", "2", "3", "4", "5", "7"]);
    assert_eq!(shown.state("1"), state(Status::Ready, "4", "0"));
    assert_eq!(shown.state("2"), state(Status::Backordered, "1", "1"));
    assert_eq!(shown.state("3"), state(Status::Cancelled, "0", "0"));
    assert_eq!(shown.state("4"), state(Status::Shipped, "0", "0"));
    assert_eq!(shown.state("5"), state(Status::Shipped, "0", "0"));
    assert_eq!(shown.state("7"), state(Status::Backordered, "50", "50"));
    assert_eq!(shown.line("4").cancelled_qty, Decimal::from(2));
    assert_eq!(shown.line("2").expected_on, Some(date(2026, 12, 2)), "half past midnight in Berlin");
    assert_eq!(shown.line("7").expected_on, None);
    assert_eq!(shown.line("1").promised_on, Some(date(2026, 11, 11)));
    assert_eq!(shown.line("5").shipped_at, "2026-11-04T08:00:00Z".parse().ok());
    let line = shown.line("2");
    assert_eq!((line.shop_id.as_str(), line.order_number.as_str()), ("1", "S00050"));
    assert_eq!((line.locale.as_deref(), line.ship_to_country.as_deref()), (Some("de-DE"), Some("DE")));
    assert_eq!((line.product_name.as_str(), line.sku.as_deref()), ("Lampe", Some("L-1")));
    assert_eq!(line.product_url.as_deref(), Some("https://lamps.example/shop/10"));
    assert_eq!(
        shown.line("3").product_url.as_deref(),
        Some("https://shop.example/shop/10"),
        "without a site of its own"
    );
    assert_eq!(shown.available(), [("100", "1".into()), ("110", "8".into())]);
    assert_eq!(
        shown.stock.iter().find(|stock| stock.product_key == "100").unwrap().expected_on,
        Some(date(2026, 12, 2))
    );
    assert_eq!(shown.alternatives, [("100".into(), "110".into())]);
}

#[tokio::test]
async fn medusa_hands_the_stock_out_in_the_order_of_the_orders() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(
        "create table product_variant_inventory_item (variant_id text, inventory_item_id text, deleted_at timestamptz);
         create table inventory_level (inventory_item_id text, stocked_quantity numeric, reserved_quantity numeric,
             updated_at timestamptz, deleted_at timestamptz);
         create table order_item (id text, item_id text, order_id text, version int, quantity numeric,
             fulfilled_quantity numeric, shipped_quantity numeric, unit_price numeric, updated_at timestamptz,
             deleted_at timestamptz);
         create table \"order\" (id text, version int, status text, is_draft_order bool, custom_display_id text,
             display_id int, email text, locale text, currency_code text, customer_id text, shipping_address_id text,
             created_at timestamptz, updated_at timestamptz, deleted_at timestamptz);
         create table order_line_item (id text, variant_id text, variant_sku text, product_title text,
             product_handle text, thumbnail text, unit_price numeric, updated_at timestamptz);
         create table customer (id text, first_name text, last_name text);
         create table order_address (id text, first_name text, last_name text, country_code text);
         create table product_variant (id text, product_id text, sku text, manage_inventory bool, deleted_at timestamptz);
         create table product (id text, title text, handle text, thumbnail text, deleted_at timestamptz);

         insert into product values ('p1', 'Lamp', 'lamp', null, null);
         insert into product_variant values ('v1', 'p1', 'L-1', true, null), ('v2', 'p1', 'L-2', false, null);
         insert into product_variant_inventory_item values ('v1', 'i1', null);
         insert into inventory_level values ('i1', 3, 2, now(), null), ('i1', 99, 0, now(), now());
         insert into customer values ('c1', 'Ada', 'Lovelace');
         insert into order_address values ('a1', 'Eve', 'Other', 'us');
         insert into \"order\" values
             ('o1', 2, 'pending', false, null, 1001, 'ada@example.com', 'en-US', 'usd', 'c1', 'a1', '2026-11-01', now(), null),
             ('o2', 1, 'pending', false, 'X-7', 1002, 'eve@example.com', null, 'usd', null, 'a1', '2026-11-02', now(), null),
             ('o3', 1, 'canceled', false, null, 1003, 'eve@example.com', null, 'usd', null, null, '2026-10-01', now(), null),
             ('o4', 1, 'completed', false, null, 1004, 'eve@example.com', null, 'usd', null, null, '2026-11-03', now(), null),
             ('o5', 1, 'completed', false, null, 1005, 'old@example.com', null, 'usd', null, null, '2026-01-03',
                 now() - interval '90 days', null);
         insert into order_line_item
             select 'l' || n, case n when 6 then 'v2' else 'v1' end, 'L-1', 'Lamp', 'lamp', 'https://cdn.example/l.png',
                 20, case n when 5 then now() - interval '90 days' else now() end
             from generate_series(1, 6) n;
         insert into order_item values
             ('x1', 'l1', 'o1', 1, 4, 0, 0, null, now(), null), -- an edit took two away
             ('x2', 'l1', 'o1', 2, 2, 0, 0, 18.5, now(), null),
             ('x3', 'l2', 'o2', 1, 3, 0, 0, null, now(), null),
             ('x4', 'l3', 'o3', 1, 5, 0, 0, null, now(), null),
             ('x5', 'l4', 'o4', 1, 1, 1, 1, null, now(), null),
             ('x6', 'l5', 'o5', 1, 1, 1, 1, null, now() - interval '90 days', null),
             ('x7', 'l6', 'o2', 1, 9, 0, 0, null, now(), null);",
    )
    .await;
    let shown = show(&shop, "medusa").await;
    assert_eq!(shown.line_ids(), ["l1", "l2", "l3", "l4", "l6"]);
    assert_eq!(shown.state("l1"), state(Status::Ready, "2", "0"));
    assert_eq!(shown.state("l2"), state(Status::Backordered, "3", "2"));
    assert_eq!(shown.state("l3"), state(Status::Cancelled, "0", "0"));
    assert_eq!(shown.state("l4"), state(Status::Shipped, "0", "0"));
    assert_eq!(shown.state("l6"), state(Status::Ready, "9", "0"), "stock is not kept for this variant");
    let line = shown.line("l1");
    assert_eq!((line.ordered_qty, line.cancelled_qty), (Decimal::from(4), Decimal::from(2)));
    assert_eq!((line.order_number.as_str(), line.customer_name.as_deref()), ("1001", Some("Ada Lovelace")));
    assert_eq!(line.product_url.as_deref(), Some("https://shop.example/products/lamp"));
    assert_eq!((line.unit_price, line.ship_to_country.as_deref()), (Some(Decimal::new(185, 1)), Some("US")));
    assert_eq!(shown.line("l2").order_number, "X-7");
    assert_eq!(shown.available(), [("v1", "1".into())]);
}

#[tokio::test]
async fn oscar_hands_the_stock_out_in_the_order_of_the_orders() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(
        "create table order_order (id int, number text, status text, currency text, guest_email text, user_id int,
             shipping_address_id int, date_placed timestamptz);
         create table order_line (id int, order_id int, product_id int, stockrecord_id int, partner_sku text, upc text,
             title text, quantity int, num_allocated int, allocation_cancelled bool, status text,
             unit_price_incl_tax numeric(12,2));
         create table order_shippingeventtype (id int, code text);
         create table order_shippingevent (id int, order_id int, event_type_id int, date_created timestamptz);
         create table order_shippingeventquantity (id int, event_id int, line_id int, quantity int);
         create table order_orderstatuschange (order_id int, date_created timestamptz);
         create table order_shippingaddress (id int, first_name text, last_name text, country_id varchar(2));
         create table auth_user (id int, email text, first_name text, last_name text);
         create table partner_stockrecord (id int, product_id int, partner_sku text, num_in_stock int, num_allocated int,
             price numeric(12,2), price_currency text);
         create table catalogue_product (id int, title text, slug text, is_public bool);
         create table catalogue_productimage (product_id int, original text, display_order int);
         create table catalogue_productrecommendation (primary_id int, recommendation_id int, ranking int);

         insert into catalogue_product values (1, 'Lamp', 'lamp', true), (2, 'Torch', 'torch', true);
         insert into catalogue_productimage values (1, 'images/l2.png', 2), (1, 'images/l1.png', 1);
         insert into catalogue_productrecommendation values (1, 2, 0);
         insert into partner_stockrecord values (11, 1, 'L-1', 3, 9, 20, 'EUR'), (12, 2, 'T-1', 5, 0, 9, 'EUR');
         insert into auth_user values (1, 'ada@example.com', 'Ada', 'Lovelace');
         insert into order_shippingaddress values (1, 'Eve', 'Other', 'GB');
         insert into order_order values
             (1, '100001', 'Pending', 'EUR', '', 1, 1, now() - interval '60 days'),
             (2, '100002', 'Pending', 'EUR', 'eve@example.com', null, 1, now() - interval '50 days'),
             (3, '100003', 'Cancelled', 'EUR', '', 1, null, now() - interval '40 days'),
             (4, '100004', 'Complete', 'EUR', '', 1, null, now() - interval '70 days');
         insert into order_line values
             (1, 1, 1, 11, 'L-1', '', 'Lamp', 2, 2, false, 'Pending', 20),
             (2, 2, 1, 11, 'L-1', '', 'Lamp', 4, 3, false, null, 20), -- one of four is shipped
             (3, 3, 1, 11, 'L-1', '', 'Lamp', 1, 0, true, 'Pending', 20),
             (4, 1, 1, null, '', '', 'Gift wrap', 1, 0, false, 'Cancelled', 2),
             (5, 4, 1, 11, 'L-1', '', 'Lamp', 1, 0, false, 'Pending', 20);
         insert into order_shippingeventtype values (1, 'shipped'), (2, 'returned');
         insert into order_shippingevent values (1, 2, 1, now()), (2, 4, 1, now() - interval '60 days'), (3, 2, 2, now());
         insert into order_shippingeventquantity values (1, 1, 2, 1), (2, 2, 5, 1), (3, 3, 2, 1);
         insert into order_orderstatuschange values (1, now());",
    )
    .await;
    let shown = show(&shop, "oscar").await;
    assert_eq!(shown.line_ids(), ["1", "2", "3", "4"], "line 5 was shipped long ago");
    assert_eq!(shown.state("1"), state(Status::Ready, "2", "0"));
    assert_eq!(shown.state("2"), state(Status::Backordered, "3", "2"));
    assert_eq!(shown.state("3"), state(Status::Cancelled, "0", "0"));
    assert_eq!(shown.state("4"), state(Status::Cancelled, "0", "0"));
    assert_eq!(shown.line("1").customer_email.as_deref(), Some("ada@example.com"));
    assert_eq!(shown.line("2").customer_email.as_deref(), Some("eve@example.com"));
    assert_eq!(shown.line("2").customer_name.as_deref(), Some("Eve Other"));
    assert_eq!(shown.line("2").ship_to_country.as_deref(), Some("GB"));
    assert_eq!(shown.line("1").product_url.as_deref(), Some("https://shop.example/catalogue/lamp_1/"));
    assert_eq!(shown.line("1").image_url.as_deref(), Some("https://shop.example/media/images/l1.png"));
    assert_eq!(shown.line("4").product_key, "line-4");
    assert_eq!(shown.available(), [("11", "-6".into()), ("12", "5".into())]);
    assert_eq!(shown.alternatives, [("11".into(), "12".into())]);
}

#[tokio::test]
async fn woocommerce_lays_what_is_missing_on_the_newest_orders() {
    let shop = TestShop::on(Engine::MariaDb).await;
    shop.run(
        "create table wp_wc_orders (id bigint unsigned, status varchar(20), currency varchar(10), type varchar(20),
             customer_id bigint unsigned, billing_email varchar(320), date_created_gmt datetime,
             date_updated_gmt datetime, parent_order_id bigint unsigned, payment_method varchar(100));
         create table wp_wc_order_addresses (order_id bigint unsigned, address_type varchar(20), first_name text,
             last_name text, country text);
         create table wp_woocommerce_order_items (order_item_id bigint unsigned, order_item_name text,
             order_item_type varchar(200), order_id bigint unsigned);
         create table wp_woocommerce_order_itemmeta (order_item_id bigint unsigned, meta_key varchar(255),
             meta_value longtext);
         create table wp_wc_product_meta_lookup (product_id bigint, sku varchar(100), min_price decimal(19,4),
             stock_quantity double);
         create table wp_posts (ID bigint unsigned, post_title text, post_status varchar(20), post_parent bigint unsigned,
             guid varchar(255));
         create table wp_postmeta (post_id bigint unsigned, meta_key varchar(255), meta_value longtext);
         create table wp_usermeta (user_id bigint unsigned, meta_key varchar(255), meta_value longtext);
         create table wp_options (option_name varchar(191), option_value longtext);

         insert into wp_options values ('woocommerce_currency', 'EUR');
         insert into wp_posts values (10, 'Lamp', 'publish', 0, ''), (11, 'Lamp red', 'publish', 10, ''),
             (12, 'Torch', 'publish', 0, ''), (90, 'lamp.png', 'inherit', 0, 'https://shop.example/lamp.png');
         insert into wp_postmeta values (10, '_thumbnail_id', '90'), (10, '_upsell_ids', 'a:1:{i:0;i:12;}');
         insert into wp_wc_product_meta_lookup values (10, '', 20, null), (11, 'L-1', 20, -3), (12, '', 9, 4);
         insert into wp_usermeta values (1, 'locale', 'de_DE_formal'), (1, 'nickname', 'ada');
         insert into wp_wc_order_addresses values (100, 'billing', 'Ada', 'Lovelace', 'DE'),
             (100, 'shipping', 'Ada', 'Lovelace', 'AT'), (101, 'billing', 'Eve', '', 'US'), (101, 'shipping', '', '', '');
         insert into wp_wc_orders values
             (100, 'wc-processing', 'EUR', 'shop_order', 1, 'ada@example.com', '2026-11-01 10:00:00', utc_timestamp(), 0, 'cod'),
             (101, 'wc-on-hold', 'EUR', 'shop_order', 0, 'eve@example.com', '2026-11-02 10:00:00', utc_timestamp(), 0, 'bacs'),
             (102, 'wc-completed', 'EUR', 'shop_order', 0, 'eve@example.com', '2026-10-02 10:00:00', utc_timestamp(), 0, 'stripe'),
             (103, 'wc-cancelled', 'EUR', 'shop_order', 0, '', '2026-10-02 10:00:00', utc_timestamp(), 0, ''),
             (104, 'wc-completed', 'EUR', 'shop_order', 0, '', '2025-10-02 10:00:00', '2025-10-03 10:00:00', 0, ''),
             (105, 'wc-pending', 'EUR', 'shop_order', 0, '', '2026-11-02 10:00:00', utc_timestamp(), 0, ''),
             (110, 'wc-completed', 'EUR', 'shop_order_refund', 0, '', '2026-11-03 10:00:00', utc_timestamp(), 101, '');
         insert into wp_woocommerce_order_items values (1, 'Lamp - red', 'line_item', 100), (2, 'Lamp - red', 'line_item', 101),
             (3, 'Torch', 'line_item', 102), (4, 'Torch', 'line_item', 103), (5, 'Torch', 'line_item', 104),
             (6, 'Torch', 'line_item', 105), (7, 'Flat rate', 'shipping', 100), (8, 'Lamp - red', 'line_item', 110);
         insert into wp_woocommerce_order_itemmeta values
             (1, '_product_id', '10'), (1, '_variation_id', '11'), (1, '_qty', '2'), (1, '_line_total', '40'),
             (1, '_line_tax', '7.6'), (1, '_reduced_stock', '2'),
             (2, '_product_id', '10'), (2, '_variation_id', '11'), (2, '_qty', '3'), (2, '_line_total', '60'),
             (2, '_reduced_stock', '3'),
             (3, '_product_id', '12'), (3, '_variation_id', '0'), (3, '_qty', '1'), (3, '_line_total', '9'),
             (4, '_product_id', '12'), (4, '_variation_id', '0'), (4, '_qty', '1'), (4, '_line_total', '9'),
             (5, '_product_id', '12'), (5, '_qty', '1'), (6, '_product_id', '12'), (6, '_qty', '1'),
             (8, '_refunded_item_id', '2'), (8, '_qty', '-1'), (8, '_line_total', '-20');",
    )
    .await;
    let shown = show(&shop, "woocommerce").await;
    assert_eq!(shown.line_ids(), ["1", "2", "3", "4"]);
    assert_eq!(shown.state("2"), state(Status::Backordered, "2", "2"));
    assert_eq!(
        shown.state("1"),
        state(Status::Backordered, "2", "1"),
        "three are missing, two of them by the newer order"
    );
    assert_eq!(shown.state("3"), state(Status::Shipped, "0", "0"));
    assert_eq!(shown.state("4"), state(Status::Cancelled, "0", "0"));
    let line = shown.line("1");
    assert_eq!((line.product_key.as_str(), line.sku.as_deref()), ("11", Some("L-1")));
    assert_eq!((line.order_number.as_str(), line.locale.as_deref()), ("100", Some("de-DE")));
    assert_eq!(line.ship_to_country.as_deref(), Some("AT"));
    assert_eq!(shown.line("2").ship_to_country.as_deref(), Some("US"));
    assert_eq!(line.unit_price, Some(Decimal::new(238, 1)), "with tax");
    assert_eq!((line.payment, shown.line("2").payment), (Payment::OnDelivery, Payment::Unpaid));
    assert_eq!(line.product_url.as_deref(), Some("https://shop.example/?p=10"));
    assert_eq!(line.image_url.as_deref(), Some("https://shop.example/lamp.png"));
    assert_eq!(shown.line("4").customer_email, None);
    assert_eq!(shown.available(), [("11", "-3".into()), ("12", "4".into())]);
    assert_eq!(shown.alternatives, [("10".into(), "12".into()), ("11".into(), "12".into())]);
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_an_error_that_says_what_would() {
    let shop = TestShop::on(Engine::Sqlite).await;
    let mut orders = shop.orders();
    orders.mapping = "woocommerce".into();
    let error = Feeds::load(&orders, &shop_settings()).unwrap_err();
    assert!(error.needs_mending());
    assert_eq!(
        error.to_string(),
        "[orders] mapping \"woocommerce\" is written for MySQL or MariaDB, and [orders] url names a SQLite database; \
         let both speak of the same database, or write mapping = \"custom\""
    );
    orders.mapping = "odoo".into();
    let error = Feeds::load(&orders, &shop_settings()).unwrap_err().to_string();
    assert!(error.starts_with("[orders] mapping \"odoo\" is unknown; write one of odoo-18, vendure, "), "{error}");
    orders.mapping = "custom".into();
    let error = Feeds::load(&orders, &shop_settings()).unwrap_err().to_string();
    assert!(error.contains("needs [orders.queries]"), "{error}");
}

#[tokio::test]
async fn own_queries_come_from_the_settings_or_a_file_and_know_the_shops_url_and_zone() {
    let shop = TestShop::on(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.sql");
    let query = "select 1 as line_id, 1 as order_id, 'P' as product_key, :time_zone as product_name, 1 as ordered_qty, \
                 0 as short_qty, :shop_url || '/p' as product_url; -- all";
    std::fs::write(&file, query).unwrap();
    let mut orders = shop.orders();
    let stock = Some(Query::Text("select 'P' as product_key, 3 as available".into()));
    orders.queries = Some(QuerySettings { lines: Query::File { file }, stock, alternatives: None, expected: None });
    let feeds = Feeds::load(&orders, &shop_settings()).unwrap();
    assert_eq!(feeds.stock.as_deref(), Some("select 'P' as product_key, 3 as available"));
    let reader = shop.reader_of(feeds);
    let line = crate::support::shops::read(&reader, &Which::All).await.unwrap().lines.remove(0);
    assert_eq!(line.product_name, "Europe/Berlin");
    assert_eq!(line.product_url.as_deref(), Some("https://shop.example/p"));

    drop(folder);
    let error = Feeds::load(&orders, &shop_settings()).unwrap_err().to_string();
    assert!(error.starts_with("[orders.queries] lines: the file ") && error.contains("mend the path"), "{error}");
    let mut settings = shop_settings();
    settings.url = "https://shop.example/'||version()||'".into();
    orders.queries.as_mut().unwrap().lines = Query::Text(query.into());
    let error = Feeds::load(&orders, &settings).unwrap_err().to_string();
    assert!(error.starts_with("[shop] url holds a quote"), "{error}");
}
