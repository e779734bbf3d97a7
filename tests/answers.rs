//! The shop's own statements on real databases: what stands in the tables afterwards, and what each error means.

use backorderd::settings::duration::Span;
use backorderd::settings::orders::{ChoiceSettings, ChoiceStatements};
use backorderd::shop::answers::{Answers, Outcome, Values};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, MySqlConnection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::support::shops::{Engine, TestShop};

/// Two lines of order 100, of which the second has shipped. The statements' columns have the types of their values.
const LINES: &str = "
    create table order_lines (id bigint primary key, order_id bigint, ordered integer, shipped integer,
        cancelled integer default 0, answer varchar(10), answer_id varchar(36),
        constraint no_more_than_ordered check (shipped + cancelled <= ordered));
    insert into order_lines (id, order_id, ordered, shipped) values (1, 100, 2, 0), (2, 100, 2, 2);";
/// Safe to repeat.
const CANCEL: &str = "
    update order_lines
    set cancelled = cancelled + case when answer_id = :choice_id then 0 else :quantity end,
        answer = :choice, answer_id = :choice_id
    where id = :line_id and order_id = :order_id";
const LIMIT: Span = Span::seconds(10);
const SHORT: Span = Span::seconds(1);

fn values(line_id: &str) -> Values<'_> {
    Values {
        choice_id: Uuid::from_u128(7),
        order_id: "100",
        line_id,
        choice: "cancel",
        quantity: "2.000".parse().unwrap(),
        chosen_at: "2027-01-12T15:00:30.25Z".parse().unwrap(),
        by: "customer",
    }
}

/// What the statements for a cancel say to line `line_id`.
async fn cancel(shop: &TestShop, statements: &str, line_id: &str) -> Outcome {
    shop.answers(statements, LIMIT).carry(&values(line_id)).await.unwrap()
}

#[track_caller]
fn reason(outcome: &Outcome) -> &str {
    let Outcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    reason
}

#[track_caller]
fn problem(outcome: &Outcome) -> &str {
    let Outcome::Failed { problem } = outcome else { panic!("{outcome:?}") };
    problem
}

/// `id cancelled answer` of each line.
async fn lines(shop: &TestShop) -> Vec<String> {
    shop.texts("select concat(id, ' ', cancelled, ' ', coalesce(answer, '-')) from order_lines order by id").await
}

#[tokio::test]
async fn an_answer_stands_in_its_row_and_a_second_time_changes_no_more() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        for _ in 0..2 {
            assert_eq!(cancel(&shop, CANCEL, "1").await, Outcome::Changed(1), "{:?}", shop.engine);
            assert_eq!(lines(&shop).await, ["1 2 cancel", "2 0 -"], "{:?}", shop.engine);
        }
    }
}

#[tokio::test]
async fn a_line_that_is_not_there_leaves_the_answer_unconfirmed() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        assert_eq!(cancel(&shop, CANCEL, "3").await, Outcome::Untouched, "{:?}", shop.engine);
        // Of several statements the sum counts.
        let both = format!("{CANCEL}; update order_lines set answer = :by where id = 1;");
        assert_eq!(cancel(&shop, &both, "3").await, Outcome::Changed(1), "{:?}", shop.engine);
        assert_eq!(lines(&shop).await, ["1 0 customer", "2 0 -"]);
    }
}

#[tokio::test]
async fn what_a_constraint_forbids_is_refused_in_the_databases_words() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        let words = match shop.engine {
            Engine::Postgres => {
                "new row for relation \"order_lines\" violates check constraint \"no_more_than_ordered\""
            }
            Engine::MariaDb => "CONSTRAINT `no_more_than_ordered` failed for `",
            Engine::Sqlite => "CHECK constraint failed: no_more_than_ordered",
        };
        let refused = cancel(&shop, CANCEL, "2").await;
        assert!(reason(&refused).starts_with(words), "{refused:?}");
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"]);
    }
}

#[tokio::test]
async fn a_trigger_may_refuse_in_its_own_words() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        shop.run(match shop.engine {
            Engine::Postgres => {
                "create function refuse() returns trigger language plpgsql as $$
                 begin raise exception 'Line % is on\n the truck.', new.id; end $$;
                 create trigger refuse before update on order_lines for each row execute function refuse();"
            }
            Engine::MariaDb => {
                "create trigger refuse before update on order_lines for each row
                 signal sqlstate '45000' set message_text = 'Line 1 is on\n the truck.'"
            }
            Engine::Sqlite => {
                "create trigger refuse before update on order_lines begin
                 select raise(abort, 'Line 1 is on\n the truck.'); end"
            }
        })
        .await;
        let refused = cancel(&shop, CANCEL, "1").await;
        assert_eq!(reason(&refused), "Line 1 is on the truck.");
    }
}

#[tokio::test]
async fn what_a_constraint_forbids_only_at_the_commit_is_refused_too() {
    // MariaDB looks at every constraint at once.
    for engine in [Engine::Postgres, Engine::Sqlite] {
        let shop = TestShop::on(engine).await;
        shop.run(LINES).await;
        shop.run(
            "create table reasons (answer varchar(10) primary key);
             create table answers (line_id bigint, answer varchar(10) references reasons deferrable initially deferred);",
        )
        .await;
        let both = "update order_lines set answer = :choice where id = :line_id;
                    insert into answers values (:line_id, :choice)";
        let refused = cancel(&shop, both, "1").await;
        assert!(reason(&refused).to_lowercase().contains("foreign key constraint"), "{refused:?}");
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"], "{engine:?}");
        shop.run("insert into reasons values ('cancel')").await;
        assert_eq!(cancel(&shop, both, "1").await, Outcome::Changed(2), "{engine:?}");
    }
}

#[tokio::test]
async fn where_the_second_statement_fails_the_first_is_taken_back() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        let refused = cancel(&shop, &format!("{CANCEL}; insert into order_lines (id) values (2)"), "1").await;
        assert!(!reason(&refused).is_empty());
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"], "{:?}", shop.engine);
        let failed = cancel(&shop, &format!("{CANCEL}; update nowhere set a = :by"), "1").await;
        assert!(problem(&failed).contains("nowhere"), "{failed:?}");
        assert!(problem(&failed).ends_with("; mend the statement"), "{failed:?}");
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"], "{:?}", shop.engine);
    }
}

#[tokio::test]
async fn every_type_of_postgresql_takes_its_value_without_a_cast() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(
        "create type choice as enum ('wait', 'cancel');
         create domain public_id as uuid;
         create table orders (id integer, line text, quantity numeric(10, 3), whole integer, precise double precision,
             at timestamptz, plain timestamp, day date, written text, public public_id, key uuid, word choice,
             short varchar(6), padded char(8), json jsonb, once boolean default false);
         insert into orders (id, line) values (100, '9007199254740993'), (101, '9007199254740993');
         create function note(who text, what choice, line bigint) returns bigint language sql as
             $$update orders set once = true where line = $3::text and word = $2 returning 1::bigint$$;",
    )
    .await;
    let update = "update orders set quantity = :quantity, whole = :quantity, precise = :quantity, at = :chosen_at,
         plain = :chosen_at, day = :chosen_at, written = :chosen_at, public = :choice_id, key = :choice_id,
         word = :choice, short = :choice, padded = :choice, json = jsonb_build_object('by', :by::text)
         where id = :order_id and line = :line_id;
         select note(:by, :choice, :line_id)";
    assert_eq!(cancel(&shop, update, "9007199254740993").await, Outcome::Changed(2));
    let row = "select row(quantity, whole, precise, at at time zone 'Asia/Tokyo', plain, day, written, public, key, word, \
               short, padded, json, once)::text from orders where id = 100";
    let id = "00000000-0000-0000-0000-000000000007";
    let expected = format!(
        "(2.000,2,2,\"2027-01-13 00:00:30.25\",\"2027-01-12 15:00:30.25\",2027-01-12,2027-01-12T15:00:30.250000Z,{id},{id},\
         cancel,cancel,\"cancel  \",\"{{\"\"by\"\": \"\"customer\"\"}}\",t)"
    );
    assert_eq!(shop.texts(row).await, [expected]);
    assert_eq!(shop.texts("select id::text from orders where whole is null").await, ["101"]);
}

#[tokio::test]
async fn every_type_of_mariadb_takes_its_value_without_a_cast() {
    let shop = TestShop::on(Engine::MariaDb).await;
    shop.run(
        "create table orders (id int, line bigint, quantity decimal(10, 3), whole int, at datetime(6), second datetime,
             stamp timestamp(6) null, day date, written varchar(30), public uuid, word enum('wait', 'cancel'),
             latin varchar(10) character set latin1, json json, doubled int);
         insert into orders (id, line) values (100, 9007199254740993), (100, 9007199254740992);",
    )
    .await;
    let update = "update orders set quantity = :quantity, whole = :quantity, at = :chosen_at, second = :chosen_at,
         stamp = :chosen_at, day = :chosen_at, written = :chosen_at, public = :choice_id, word = :choice,
         latin = :choice, json = json_object('by', :by), doubled = :quantity + :quantity
         where id = :order_id and line = :line_id";
    // A bigint that no double can hold must not meet its neighbour.
    assert_eq!(cancel(&shop, update, "9007199254740993").await, Outcome::Changed(1));
    let row = "select concat_ws(' ', quantity, whole, at, second, convert_tz(stamp, @@time_zone, '+09:00'), day, written, \
               public, word, latin, json, doubled, line) from orders where whole is not null";
    let expected = "2.000 2 2027-01-12 15:00:30.250000 2027-01-12 15:00:30 2027-01-13 00:00:30.250000 2027-01-12 \
                    2027-01-12 15:00:30.250000 00000000-0000-0000-0000-000000000007 cancel cancel \
                    {\"by\": \"customer\"} 4 9007199254740993";
    let mut connection = MySqlConnection::connect(&shop.url).await.unwrap();
    let row: Vec<u8> = sqlx::query_scalar(row).fetch_one(&mut connection).await.unwrap();
    assert_eq!(String::from_utf8(row).unwrap(), expected);
}

#[tokio::test]
async fn every_type_of_sqlite_takes_its_value_and_a_view_with_triggers_counts_its_rows() {
    let shop = TestShop::on(Engine::Sqlite).await;
    shop.run(
        "create table orders (id integer primary key, line text, quantity real, whole integer, at text, doubled any) strict;
         insert into orders (id, line) values (100, '007');
         create view answers as select id, whole from orders;
         create trigger answering instead of update on answers begin
             update orders set whole = new.whole + 1 where id = new.id; end;",
    )
    .await;
    let update =
        "update orders set quantity = :quantity, whole = :quantity, at = :chosen_at, doubled = :quantity + :quantity
         where id = :order_id and line = :line_id and :quantity < 3";
    assert_eq!(cancel(&shop, update, "007").await, Outcome::Changed(1));
    let row = "select concat_ws(' ', quantity, whole, at, doubled, typeof(doubled), datetime(at)) from orders";
    assert_eq!(shop.texts(row).await, ["2.0 2 2027-01-12T15:00:30.250000Z 4 integer 2027-01-12 15:00:30"]);
    let through_view = "update answers set whole = :quantity where id = :order_id";
    assert_eq!(cancel(&shop, through_view, "007").await, Outcome::Changed(1));
    assert_eq!(shop.texts("select cast(whole as text) from orders").await, ["3"]);
}

/// A writer of the shop's that has line 1 and does not let go.
enum Writer {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
    Sqlite(sqlx::SqliteConnection),
}

impl Writer {
    async fn let_go(self) {
        match self {
            Writer::Postgres(connection) => connection.close().await.unwrap(),
            Writer::MariaDb(connection) => connection.close().await.unwrap(),
            Writer::Sqlite(connection) => connection.close().await.unwrap(),
        }
    }

    async fn holding_line_1(shop: &TestShop) -> Writer {
        const HOLD: &str = "update order_lines set ordered = ordered where id = 1";
        match shop.engine {
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&shop.url).await.unwrap();
                for statement in ["begin", HOLD] {
                    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                }
                Writer::Postgres(connection)
            }
            Engine::MariaDb => {
                let mut connection = MySqlConnection::connect(&shop.url).await.unwrap();
                for statement in ["begin", HOLD] {
                    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                }
                Writer::MariaDb(connection)
            }
            Engine::Sqlite => {
                let mut connection = shop.url.parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
                for statement in ["begin immediate", HOLD] {
                    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                }
                Writer::Sqlite(connection)
            }
        }
    }
}

#[tokio::test]
async fn a_lock_that_is_not_free_in_time_fails_and_the_next_try_succeeds() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        let answers = shop.answers(CANCEL, SHORT);
        let writer = Writer::holding_line_1(&shop).await;
        let failed = answers.carry(&values("1")).await.unwrap();
        assert!(problem(&failed).contains("statement_timeout (1 s)"), "{:?}: {failed:?}", shop.engine);
        writer.let_go().await;
        assert_eq!(answers.carry(&values("1")).await, Some(Outcome::Changed(1)), "{:?}", shop.engine);
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cut_off_and_changes_nothing() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        let slow = match shop.engine {
            Engine::Postgres => "select pg_sleep(60)",
            Engine::MariaDb => "select sleep(60) from order_lines where id = 1 for update",
            Engine::Sqlite => "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n",
        };
        let answers = shop.answers(&format!("{CANCEL}; {slow}"), SHORT);
        let failed = answers.carry(&values("1")).await.unwrap();
        assert!(problem(&failed).ends_with("statement_timeout (1 s) and was cut off"), "{:?}: {failed:?}", shop.engine);
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"], "{:?}", shop.engine);
    }
}

/// A way to a PostgreSQL server on which the connection breaks when the server has committed and before we hear of it.
async fn way_that_breaks_at_the_commit(url: &str) -> String {
    let (_, address) = url.split_once('@').unwrap();
    let (address, database) = address.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = listener.local_addr().unwrap();
    let address = address.to_owned();
    tokio::spawn(async move {
        let (mut ours, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(address).await.unwrap();
        let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
        let mut is_prepared = false;
        loop {
            tokio::select! {
                length = ours.read(&mut asked) => {
                    let message = &asked[..length.unwrap()];
                    server.write_all(message).await.unwrap();
                    if is_prepared {
                        assert!(server.read(&mut said).await.unwrap() > 0);
                        return;
                    }
                    is_prepared = message.windows(6).any(|word| word == b"commit");
                }
                length = server.read(&mut said) => ours.write_all(&said[..length.unwrap()]).await.unwrap(),
            }
        }
    });
    format!("postgres://postgres@{way}/{database}")
}

#[tokio::test]
async fn a_connection_that_breaks_at_the_commit_is_tried_again_and_the_answer_counts_once() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(LINES).await;
    let sql = ChoiceStatements { cancel: Some(CANCEL.into()), wait: None };
    let way = way_that_breaks_at_the_commit(&shop.url).await;
    let choices = ChoiceSettings { url: Some(way), sql, ..ChoiceSettings::default() };
    let answers = Answers::open(&shop.orders(), &choices).unwrap().unwrap();
    let failed = answers.carry(&values("1")).await.unwrap();
    assert!(problem(&failed).ends_with(" at the commit, so it may have been done"), "{failed:?}");
    assert_eq!(lines(&shop).await, ["1 2 cancel", "2 0 -"]);
    assert_eq!(cancel(&shop, CANCEL, "1").await, Outcome::Changed(1));
    assert_eq!(lines(&shop).await, ["1 2 cancel", "2 0 -"]);
}

#[tokio::test]
async fn two_at_once_are_no_refusal() {
    let shop = TestShop::on(Engine::Postgres).await;
    shop.run(LINES).await;
    let raise = "do $$ begin raise exception 'two at once' using errcode = '40001'; end $$";
    let failed = cancel(&shop, &format!("{CANCEL}; {raise}"), "1").await;
    assert!(problem(&failed).ends_with("two at once"), "{failed:?}");
    assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"]);
}

/// The same database by a login that may only read, and what it is called in the settings.
async fn reader_of(shop: &TestShop) -> String {
    match shop.engine {
        Engine::Postgres => {
            let role = format!("reader_{}", std::process::id());
            let create = format!(
                "do $$ begin create role {role} login; exception when duplicate_object then null; end $$;
                 grant select on order_lines to {role};"
            );
            shop.run(&create).await;
            shop.url.replace("postgres@", &format!("{role}@"))
        }
        Engine::MariaDb => {
            shop.run("create or replace user reader@'%'; grant select on *.* to reader@'%'").await;
            shop.url.replace("root@", "reader@")
        }
        Engine::Sqlite => format!("{}?mode=ro", shop.url),
    }
}

#[tokio::test]
async fn a_login_that_may_not_write_is_told_where_the_mend_is_before_and_when_an_answer_comes() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        let sql = ChoiceStatements { cancel: Some(CANCEL.into()), wait: None };
        let choices = ChoiceSettings { url: Some(reader_of(&shop).await), sql, ..ChoiceSettings::default() };
        let answers = Answers::open(&shop.orders(), &choices).unwrap().unwrap();
        let failed = answers.carry(&values("1")).await.unwrap();
        assert!(problem(&failed).contains(" in [choices] url"), "{:?}: {failed:?}", shop.engine);
        let rehearsed = match answers.probe().await {
            Ok(_) => answers.rehearse().await.remove(0).1.map(drop),
            Err(problem) => Err(problem),
        };
        assert!(
            rehearsed.as_ref().is_err_and(|problem| problem.contains(" in [choices] url")),
            "{:?}: {rehearsed:?}",
            shop.engine
        );
        // The feeds' login may write, and is not used.
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"]);
    }
}

#[tokio::test]
async fn a_rehearsal_runs_nothing_and_finds_what_the_database_does_not_know() {
    for shop in TestShop::on_every_engine().await {
        shop.run(LINES).await;
        let rehearsed = shop.answers(&format!("{CANCEL}; delete from order_lines where id = :line_id"), LIMIT);
        assert_eq!(rehearsed.rehearse().await, [("cancel", Ok(2))], "{:?}", shop.engine);
        assert_eq!(lines(&shop).await, ["1 0 -", "2 0 -"], "{:?}", shop.engine);
        for (wrong, words) in [
            ("update order_lines set canceled = :quantity where id = :line_id", "canceled"),
            ("update orderlines set cancelled = :quantity where id = :line_id", "orderlines"),
            ("updat order_lines set cancelled = :quantity where id = :line_id", "updat"),
        ] {
            let (_, found) = shop.answers(wrong, LIMIT).rehearse().await.remove(0);
            let problem = found.unwrap_err();
            assert!(
                problem.contains(words) && problem.ends_with("; mend the statement"),
                "{:?}: {problem}",
                shop.engine
            );
        }
    }
    let shop = TestShop::on(Engine::Postgres).await;
    let (_, found) = shop.answers("select :line_id, jsonb_build_object('by', :by)", LIMIT).rehearse().await.remove(0);
    assert_eq!(found.unwrap_err(), "could not determine data type of parameter :by; say the type, as in :choice::text");
}

#[tokio::test]
async fn a_database_that_is_away_is_a_failure_that_names_the_place_and_no_password() {
    let sql = ChoiceStatements { cancel: Some(CANCEL.into()), wait: None };
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/shop.db", folder.path().display());
    for url in ["postgres://clerk:hunter2@127.0.0.1:1/shop", "mysql://clerk:hunter2@127.0.0.1:1/shop", &file] {
        let choices = ChoiceSettings { url: Some(url.into()), sql: sql.clone(), ..ChoiceSettings::default() };
        let answers = Answers::open(&crate::support::shops::orders(url), &choices).unwrap().unwrap();
        let failed = answers.carry(&values("1")).await.unwrap();
        assert!(problem(&failed).contains("[choices] url"), "{failed:?}");
        assert!(!problem(&failed).contains("hunter2"), "{failed:?}");
    }
    assert!(!folder.path().join("shop.db").exists());
}
