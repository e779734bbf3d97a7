//! The shop's database is read truly on PostgreSQL, MariaDB and SQLite, and cannot be written or held up.

use std::net::TcpListener;
use std::time::Instant;

use backorderd::settings::duration::Span;
use backorderd::settings::secret::Secret;
use backorderd::shop::line::{Line, Payment, RuleSet};
use backorderd::shop::stock::{Alternative, Expected, Stock};
use backorderd::shop::{Feed, Feeds, Row, Shop, ShopError, Which};
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::Decimal;

use crate::support::servers::{mariadb, postgres};
use crate::support::shops::{Engine, TestShop, only_lines, orders, read};

/// The least that a query of lines must give, of a table that needs no making.
const ONE_LINE: &str = "select 'L1' as line_id, 'O1' as order_id, 'LAMP' as product_key, 'Lamp' as product_name, \
                        2 as ordered_qty, 1 as short_qty";

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

#[tokio::test]
async fn a_line_of_the_databases_own_types_reads_the_same_on_every_engine() {
    for shop in TestShop::on_every_engine().await {
        let (instant, id) = match shop.engine {
            Engine::Postgres => ("timestamptz", "bigint"),
            Engine::MariaDb => ("datetime(6)", "bigint"),
            Engine::Sqlite => ("text", "integer"),
        };
        shop.run(&format!(
            "create table order_lines (
                id {id} primary key, order_ref varchar(20), shop_id integer, customer_email varchar(100),
                customer_name varchar(100), locale varchar(20), ship_to_country char(2), product_key varchar(20),
                sku varchar(20), product_url varchar(100), image_url varchar(100), product_name varchar(100),
                ordered_qty numeric(18,4), shipped_qty numeric(18,4), cancelled_qty double precision, short_qty integer,
                unit_price decimal(12,2), currency char(3), ordered_at {instant}, promised_on date, expected_on date,
                delay_reason varchar(100), payment varchar(20), shipped_at {instant}, refunded_at {instant},
                rules varchar(10), updated_at {instant});
            insert into order_lines values (
                7, 'SO-7', 3, ' ada@Example.COM ', 'Ada  Lovelace', 'de_DE.UTF-8', 'de', 'LAMP',
                'L-1', 'https://shop.example/lamp', 'javascript:alert(1)', 'Läufer 🏃 \"rot\"',
                3, 1.5, 0.25, 1,
                12.50, 'eur', '2026-11-02 10:00:00.5', '2026-12-01', '2027-02-10',
                'Storm', 'on_delivery', null, null,
                'eu', '2026-11-03 11:00:00');"
        ))
        .await;
        let seen = shop
            .read("select id as line_id, order_ref as order_id, order_lines.*, 1 as something_else from order_lines")
            .await
            .unwrap();
        let expected = Line {
            shop_id: "3".into(),
            line_id: "7".into(),
            order_id: "SO-7".into(),
            order_number: "SO-7".into(),
            customer_email: Some("ada@example.com".into()),
            customer_name: Some("Ada Lovelace".into()),
            locale: Some("de-DE".into()),
            ship_to_country: Some("DE".into()),
            product_key: "LAMP".into(),
            sku: Some("L-1".into()),
            product_name: "Läufer 🏃 \"rot\"".into(),
            product_url: Some("https://shop.example/lamp".into()),
            image_url: None,
            ordered_qty: Decimal::from(3),
            shipped_qty: Decimal::new(15, 1),
            cancelled_qty: Decimal::new(25, 2),
            short_qty: Decimal::ONE,
            unit_price: Some(Decimal::new(125, 1)),
            currency: Some("EUR".into()),
            ordered_at: Some(at("2026-11-02T10:00:00.5Z")),
            promised_on: Some(date(2026, 12, 1)),
            expected_on: Some(date(2027, 2, 10)),
            delay_reason: Some("Storm".into()),
            payment: Payment::OnDelivery,
            shipped_at: None,
            refunded_at: None,
            rules: Some(RuleSet::Eu),
            updated_at: Some(at("2026-11-03T11:00:00Z")),
        };
        assert_eq!(seen.set_aside, [], "{:?}", shop.engine);
        assert_eq!(seen.lines, [expected], "{:?}", shop.engine);
        assert_eq!(seen.lines[0].ordered_qty.to_string(), "3", "the scale of the column does not show");
        assert_eq!(seen.rows, 1);
    }
}

#[tokio::test]
async fn a_query_may_end_in_semicolons_and_comments_and_begin_with_a_with() {
    for shop in TestShop::on_every_engine().await {
        let name = if shop.engine == Engine::MariaDb { "`Line_ID`" } else { "\"Line_ID\"" };
        for query in [
            format!("{ONE_LINE};"),
            format!("{ONE_LINE} -- every line"),
            format!("{ONE_LINE}; -- every line;\n/* and; no more */ ;\n"),
            format!("-- ours\nwith w as ({ONE_LINE}) select * from w order by line_id;"),
            ONE_LINE.replace("line_id", name),
        ] {
            let seen = shop.read(&query).await.unwrap_or_else(|error| panic!("{:?}: {query}: {error}", shop.engine));
            assert_eq!(seen.line_ids(), ["L1"], "{:?}: {query}", shop.engine);
        }
    }
}

#[tokio::test]
async fn a_missing_required_column_is_named_together_with_what_was_seen() {
    for shop in TestShop::on_every_engine().await {
        let error = shop.read(&ONE_LINE.replace("product_key", "item")).await.unwrap_err();
        let ShopError::MissingColumn { feed: Feed::Lines, column: "product_key", .. } = &error else {
            panic!("{error:?}")
        };
        assert!(error.needs_mending());
        let expected = "the feed `lines` has no column `product_key`; name one so (`select ... as product_key`), \
                        the query gives only: line_id, order_id, item, product_name, ordered_qty, short_qty";
        assert_eq!(error.to_string(), expected, "{:?}", shop.engine);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_set_aside_and_stops_no_other() {
    for shop in TestShop::on_every_engine().await {
        let row = |id: &str, email: &str, quantity: &str, name: &str| {
            format!(
                "select '{id}' as line_id, 'O1' as order_id, 'LAMP' as product_key, {name} as product_name, \
                 '{email}' as customer_email, {quantity} as ordered_qty, 1 as short_qty"
            )
        };
        // The databases differ in how they write a megabyte and a line break.
        let (megabyte, line_break) = match shop.engine {
            Engine::Postgres | Engine::MariaDb => ("repeat('x', 1048576)", "\n"),
            Engine::Sqlite => ("hex(zeroblob(524288))", "\n"),
        };
        let query = [
            row("good", "ada@example.com", "2", "'Lamp'"),
            row("break", &format!("ada@example.com{line_break}Bcc: eve@example.com"), "2", "'Lamp'"),
            row("negative", "ada@example.com", "-1", "'Lamp'"),
            row("long", "ada@example.com", "2", megabyte),
            row("also good", "ada@example.com", "2", "'Lamp'"),
        ]
        .join(" union all ");
        let seen = shop.read(&query).await.unwrap();
        assert_eq!(seen.rows, 5);
        assert_eq!(seen.line_ids(), ["good", "also good"], "{:?}", shop.engine);
        let reasons: Vec<_> = seen.set_aside.iter().map(|aside| (aside.row, aside.reason.as_str())).collect();
        let x = if shop.engine == Engine::Sqlite { "0" } else { "x" }.repeat(56);
        let expected = [
            (2, "customer_email \"ad…\" holds a line break or another control character; give one bare address".into()),
            (3, "ordered_qty \"-1\" is below zero; give zero or more".to_string()),
            (4, format!("product_name \"{x}…\" is longer than 65536 bytes; shorten it")),
        ];
        let expected: Vec<_> = expected.iter().map(|(row, reason)| (*row, reason.as_str())).collect();
        assert_eq!(reasons, expected, "{:?}", shop.engine);
        assert_eq!(seen.set_aside[0].line_id.as_deref(), Some("break"));
        assert_eq!(seen.set_aside[0].order_id.as_deref(), Some("O1"));
        assert_eq!(seen.set_aside[0].product_key.as_deref(), Some("LAMP"));
    }
}

#[tokio::test]
async fn only_changed_lines_and_those_asked_for_are_read_if_the_query_can_tell_them() {
    for shop in TestShop::on_every_engine().await {
        let types: &[&str] = match shop.engine {
            Engine::Postgres => &["timestamptz", "timestamp", "text"],
            Engine::MariaDb => &["datetime(6)", "timestamp(6) null"],
            Engine::Sqlite => &["text"],
        };
        for (number, kind) in types.iter().enumerate() {
            shop.run(&format!(
                "create table changes_{number} (id integer, updated_at {kind});
                 insert into changes_{number} values (1, '2026-11-02 09:59:59'), (2, '2026-11-02 10:00:00'),
                     (3, '2026-11-02 10:00:00.25'), (4, null), (5, '2020-01-01 00:00:00');"
            ))
            .await;
            if shop.engine == Engine::Sqlite {
                let also = format!(
                    "insert into changes_{number} values (6, '2026-11-02T12:00:00.5+02:00'), (7, '2026-11-02T10:30:00+02:00')"
                );
                shop.run(&also).await;
            }
            let query = format!(
                "select id as line_id, 'O' as order_id, 'P' as product_key, 'P' as product_name, 1 as ordered_qty, \
                 1 as short_qty, updated_at from changes_{number} order by id"
            );
            let mut changed = vec!["2", "3"];
            if shop.engine == Engine::Sqlite {
                changed.push("6");
            }
            let reader = shop.reader(&query);
            let since = at("2026-11-02T10:00:00Z");
            let seen = read(&reader, &Which::Changed { since, also: vec![] }).await.unwrap();
            assert_eq!(seen.line_ids(), changed, "{:?} {kind}", shop.engine);
            let also = vec!["4".to_string(), "5".to_string(), "it's not there".to_string()];
            let seen = read(&reader, &Which::Changed { since, also }).await.unwrap();
            changed.splice(2..2, ["4", "5"]);
            assert_eq!(seen.line_ids(), changed, "{:?} {kind}", shop.engine);

            let mut look = reader.look().await.unwrap();
            assert!(look.has_updated_at().await.unwrap());
            look.end().await.unwrap();
        }
        let reader = shop.reader(ONE_LINE);
        assert!(!reader.look().await.unwrap().has_updated_at().await.unwrap());
        let which = Which::Changed { since: at("2026-11-02T10:00:00Z"), also: vec![] };
        assert_eq!(read(&reader, &which).await.unwrap().line_ids(), ["L1"], "a query that cannot tell gives all");
    }
}

#[tokio::test]
async fn all_feeds_of_a_look_see_the_same_moment() {
    for shop in TestShop::on_every_engine().await {
        if shop.engine == Engine::Sqlite {
            shop.run("pragma journal_mode = wal").await; // else the writer below would wait for the reader
        }
        shop.run("create table products (name varchar(10)); insert into products values ('LAMP');").await;
        let reader = shop.reader_of(Feeds {
            lines: "select name as line_id, name as order_id, name as product_key, name as product_name, \
                    1 as ordered_qty, 1 as short_qty from products"
                .into(),
            stock: Some(
                "select name as product_key, -2.50 as available, '2027-01-02' as expected_on from products".into(),
            ),
            alternatives: Some(
                "select name as product_key, 'TORCH' as alternative_key, 1 as rank from products"
                    .replace("rank", if shop.engine == Engine::MariaDb { "`rank`" } else { "rank" }),
            ),
            expected: Some("select name as product_key, null as expected_on, 'Strike' as reason from products".into()),
        });
        let mut look = reader.look().await.unwrap();
        let none = |_: Row<Line>| Ok::<(), ShopError>(());
        assert_eq!(look.lines(&Which::All, none).await.unwrap(), 1);
        shop.run("insert into products values ('TENT')").await;
        let (mut stock, mut alternatives, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        look.stock::<ShopError>(|row| {
            stock.push(row);
            Ok(())
        })
        .await
        .unwrap();
        look.alternatives::<ShopError>(|row| {
            alternatives.push(row);
            Ok(())
        })
        .await
        .unwrap();
        look.expected::<ShopError>(|row| {
            expected.push(row);
            Ok(())
        })
        .await
        .unwrap();
        look.end().await.unwrap();
        assert_eq!(
            stock,
            [Row::Read(Stock {
                product_key: "LAMP".into(),
                sku: None,
                product_name: None,
                product_url: None,
                image_url: None,
                price: None,
                currency: None,
                available: Decimal::new(-25, 1),
                expected_on: Some(date(2027, 1, 2)),
            })]
        );
        let rank = Some(Decimal::ONE);
        assert_eq!(
            alternatives,
            [Row::Read(Alternative { product_key: "LAMP".into(), alternative_key: "TORCH".into(), rank })]
        );
        let reason = Some("Strike".into());
        assert_eq!(expected, [Row::Read(Expected { product_key: "LAMP".into(), expected_on: None, reason })]);
        let mut look = reader.look().await.unwrap();
        assert_eq!(look.lines(&Which::All, none).await.unwrap(), 2, "the next look sees the newer moment");
    }
}

#[tokio::test]
async fn a_feed_that_is_absent_has_no_rows() {
    let shop = TestShop::on(Engine::Sqlite).await;
    let mut look = shop.reader(ONE_LINE).look().await.unwrap();
    assert_eq!(look.stock::<ShopError>(|_| panic!("no row")).await.unwrap(), 0);
}

#[tokio::test]
async fn the_receiver_of_the_rows_can_end_the_reading() {
    for shop in TestShop::on_every_engine().await {
        let many = format!("{ONE_LINE} union all {ONE_LINE} union all {ONE_LINE}");
        let mut look = shop.reader(&many).look().await.unwrap();
        let mut seen = 0;
        let error = look
            .lines(&Which::All, |_| {
                seen += 1;
                Err::<(), _>(anyhow::anyhow!("enough"))
            })
            .await
            .unwrap_err();
        assert_eq!((error.to_string().as_str(), seen), ("enough", 1));
        look.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_query_is_cut_off_at_the_limit() {
    for shop in TestShop::on_every_engine().await {
        let endless = match shop.engine {
            Engine::Postgres => "(select count(*) from generate_series(1, 1000000000000) n)",
            Engine::MariaDb => "(select benchmark(1000000000000, md5('x')))",
            Engine::Sqlite => {
                "(with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n)"
            }
        };
        let mut orders = shop.orders();
        orders.statement_timeout = Span::seconds(1);
        let query = ONE_LINE.replace("2 as ordered_qty", &format!("{endless} as ordered_qty"));
        let begun = Instant::now();
        let error = read(&Shop::open(&orders, only_lines(&query)).unwrap(), &Which::All).await.unwrap_err();
        assert!(begun.elapsed().as_secs() < 5, "{:?} took {:?}", shop.engine, begun.elapsed());
        let ShopError::TooSlow { feed: Feed::Lines, .. } = &error else { panic!("{:?}: {error:?}", shop.engine) };
        assert!(!error.needs_mending());
        assert!(error.to_string().contains("statement_timeout (1 s)"), "{error}");
        // The statement is really over: SQLite gives the file to nobody else while it runs.
        if shop.engine == Engine::Sqlite {
            shop.run("begin exclusive; create table free (a); commit").await;
        }
    }
}

#[tokio::test]
async fn nothing_can_be_written_through_the_reader() {
    for shop in TestShop::on_every_engine().await {
        shop.run("create table victims (id integer); insert into victims values (1), (2);").await;
        // These break out of the brackets that the reader puts around a query.
        let mut attempts = vec![
            format!("{ONE_LINE}) q; delete from victims; select * from (select 1"),
            format!(
                "{ONE_LINE}) w limit 0) q on 1 = 1; delete from victims; \
                 select q.* from (select 1) o left join (select * from (select 1"
            ),
        ];
        match shop.engine {
            Engine::Postgres => {
                shop.run(
                    "create function wipe() returns integer language plpgsql as \
                     'begin delete from victims; return 1; end'",
                )
                .await;
                attempts.push(ONE_LINE.replace("1 as short_qty", "wipe() as short_qty"));
                attempts.push(format!(
                    "with gone as (delete from victims returning id) {ONE_LINE}, (select count(*) from gone)"
                ));
            }
            Engine::MariaDb => {
                shop.run("create function wipe() returns integer begin delete from victims; return 1; end").await;
                attempts.push(ONE_LINE.replace("1 as short_qty", "wipe() as short_qty"));
            }
            Engine::Sqlite => {
                attempts.push(format!(
                    "{ONE_LINE}) q; pragma query_only = off; delete from victims; select * from (select 1"
                ));
            }
        }
        for attempt in attempts {
            let read = shop.read(&attempt).await;
            assert!(matches!(read, Err(ShopError::Refused { .. })), "{:?}: {attempt}: {read:?}", shop.engine);
        }
        let left = "select id as line_id, 'O' as order_id, 'P' as product_key, 'P' as product_name, \
                    1 as ordered_qty, 1 as short_qty from victims order by id";
        assert_eq!(shop.read(left).await.unwrap().line_ids(), ["1", "2"], "{:?}", shop.engine);
    }
}

/// The error of a look, which must be one line without a secret.
async fn error_of(url: &str, password: Option<&str>) -> String {
    let mut orders = orders(url);
    orders.password = password.map(Secret::new);
    let error = match Shop::open(&orders, only_lines("select * from lamps")) {
        Ok(shop) => read(&shop, &Which::All).await.unwrap_err(),
        Err(error) => error,
    };
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("tiger"), "{text}");
    assert!(!format!("{error:?}").contains("tiger"), "{error:?}");
    text
}

#[tokio::test]
async fn what_is_wrong_with_the_connection_is_said_in_one_line_without_the_password() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["postgres", "mysql"] {
        let error = error_of(&format!("{scheme}://scott:tiger@127.0.0.1:{closed}/shop"), None).await;
        assert!(
            error.starts_with(&format!("the shop's database shop at 127.0.0.1:{closed}: Connection refused")),
            "{error}"
        );
        assert!(error.ends_with("is the server up, and [orders] url right?"), "{error}");
    }

    let on_postgres = TestShop::on(Engine::Postgres).await;
    on_postgres.run("create role by_password login password 'right'").await;
    let url = on_postgres.url.replace("postgres@", "by_password@");
    let error = error_of(&url, Some("tiger")).await;
    assert!(error.contains("password authentication failed for user \"by_password\"; mend the user"), "{error}");
    let error = error_of(&url.replace("by_password@", "by_password:right@"), None).await;
    assert!(error.contains("relation \"lamps\" does not exist"), "the right password lets in: {error}");

    let on_mariadb = TestShop::on(Engine::MariaDb).await;
    on_mariadb
        .run(
            "create user by_password@'127.0.0.1' identified by 'right'; grant select on *.* to by_password@'127.0.0.1'",
        )
        .await;
    let url = on_mariadb.url.replace("root@", "by_password@");
    let error = error_of(&url, Some("tiger")).await;
    assert!(error.contains("Access denied for user 'by_password'") && error.contains("; mend the user"), "{error}");
    let error = error_of(&url, Some("right")).await;
    assert!(error.contains("lamps' doesn't exist"), "the right password lets in: {error}");

    let error = error_of(&postgres().url("nowhere"), None).await;
    assert!(error.contains("database \"nowhere\" does not exist; mend the database in [orders] url"), "{error}");
    let error = error_of(&mariadb().url("nowhere"), None).await;
    assert!(error.contains("Unknown database 'nowhere'; mend the database in [orders] url"), "{error}");
    for url in [
        "postgres://scott:ti?ger@127.0.0.1/shop",
        "mysql://scott:tiger/1@127.0.0.1/shop",
        "postgres://scott:tiger@127.0.0.1:port/shop",
    ] {
        let error = error_of(url, None).await;
        assert!(error.starts_with("[orders] url") && error.contains("password_file"), "{error}");
    }
}

#[tokio::test]
async fn an_absent_table_is_an_error_that_names_feed_and_table() {
    for shop in TestShop::on_every_engine().await {
        let error = error_of(&shop.url, None).await;
        assert!(
            error.starts_with("the shop's database refuses the feed `lines`: ") && error.contains("lamps"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_absent_sqlite_file_is_an_error_and_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    for parameters in ["", "?mode=rwc"] {
        let error = error_of(&format!("sqlite://{}{parameters}", file.display()), None).await;
        assert!(error.contains("shop.db: unable to open database file; mend the path in [orders] url"), "{error}");
        assert!(!file.exists());
    }
}

#[tokio::test]
async fn a_sqlite_shop_in_wal_mode_is_read_beside_its_writer_and_without_one() {
    let shop = TestShop::on(Engine::Sqlite).await;
    shop.run("pragma journal_mode = wal; create table a (id integer); insert into a values (1)").await;
    let query = ONE_LINE.to_string() + " from a";
    assert_eq!(shop.read(&query).await.unwrap().rows, 1);
    let held = shop.reader(&query).look().await.unwrap();
    shop.run("insert into a values (2)").await;
    assert_eq!(shop.read(&query).await.unwrap().rows, 2);
    held.end().await.unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_text_set_only_their_row_aside() {
    let shop = TestShop::on(Engine::Sqlite).await;
    let bad = ONE_LINE.replace("'Lamp'", "cast(x'4cff' as text)").replace("L1", "L2");
    let seen = shop.read(&format!("{ONE_LINE} union all {bad}")).await.unwrap();
    assert_eq!(seen.line_ids(), ["L1"]);
    assert_eq!(seen.set_aside[0].reason, "product_name is no text in UTF-8; mend its bytes, or cast it in the query");
    assert_eq!(seen.set_aside[0].line_id.as_deref(), Some("L2"));
}

#[tokio::test]
async fn columns_of_types_that_the_shop_made_itself_are_read_as_what_they_say() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(
        "create type mood as enum ('wait', 'credit'); create domain address as varchar(80);
         create table own (payment mood, customer_email address, pair int4range, moods mood[]);
         insert into own values ('credit', 'ada@example.com', '[1,2)', '{wait}')",
    )
    .await;
    let seen = shop.read(&format!("{ONE_LINE}, own.*, own as whole from own")).await.unwrap();
    assert_eq!(seen.set_aside, []);
    let line = &seen.lines[0];
    assert_eq!((line.payment, line.customer_email.as_deref()), (Payment::Credit, Some("ada@example.com")));
}

#[tokio::test]
async fn the_zero_dates_of_mysql_count_as_unknown() {
    let shop = TestShop::on(Engine::MariaDb).await;
    shop.run(
        "set session sql_mode = ''; create table zero (day date, moment datetime, changed timestamp null);
              insert into zero values ('0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00')",
    )
    .await;
    let query = format!("{ONE_LINE}, day as expected_on, moment as ordered_at, changed as updated_at from zero");
    let seen = shop.read(&query).await.unwrap();
    assert_eq!(seen.set_aside, []);
    assert_eq!((seen.lines[0].expected_on, seen.lines[0].ordered_at, seen.lines[0].updated_at), (None, None, None));
}

#[tokio::test]
async fn instants_are_read_in_utc_whatever_zone_the_database_prefers() {
    let postgres = TestShop::on(Engine::Postgres).await;
    postgres
        .run(
            "do $$ begin execute format('alter database %I set timezone = ''Asia/Tokyo''', current_database());
                  execute format('alter database %I set datestyle = ''SQL, DMY''', current_database()); end $$",
        )
        .await;
    let query = format!(
        "{ONE_LINE}, timestamptz '2026-11-02 19:00:00+09' as ordered_at, timestamp '2026-11-02 10:00:00' as shipped_at, \
         date '2026-11-02' as expected_on"
    );
    let line = postgres.read(&query).await.unwrap().lines.remove(0);
    let expected = Some(at("2026-11-02T10:00:00Z"));
    assert_eq!((line.ordered_at, line.shipped_at, line.expected_on), (expected, expected, Some(date(2026, 11, 2))));

    let mariadb = TestShop::on(Engine::MariaDb).await;
    mariadb
        .run(
            "set time_zone = '+09:00'; create table a (t timestamp null); insert into a values ('2026-11-02 19:00:00')",
        )
        .await;
    let line = mariadb.read(&format!("{ONE_LINE}, t as ordered_at from a")).await.unwrap().lines.remove(0);
    assert_eq!(line.ordered_at, expected);
}

#[tokio::test]
async fn a_look_can_be_taken_by_a_task_of_its_own() {
    let shop = TestShop::on(Engine::Sqlite).await;
    let reader = shop.reader(ONE_LINE);
    let task = tokio::spawn(async move {
        let mut look = reader.look().await?;
        let mut ids = Vec::new();
        look.lines::<ShopError>(&Which::All, |row| {
            ids.push(row);
            Ok(())
        })
        .await
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);
}
