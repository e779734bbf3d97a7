//! A shop, a relay and a process that do anything at any moment, and what must hold of the mailboxes all the same.
//!
//! In: a random sequence of steps (orders, receipts, moved dates, cancellations, deletions, other addresses, looks,
//! deliveries, a relay that refuses or breaks off, a process that dies in transfer). While it runs, each mail must say
//! what was recorded when its transfer began. After quiet, one sweep and one delivery, the last mail about each line
//! must have told its newest state, no mail may have come twice without being shown so, none in the wrong order.

use std::collections::BTreeMap;

use backorderd::outbox::notification::State as NotificationState;
use backorderd::outbox::plan::ContentLine;
use backorderd::store::log::LogEntry;
use backorderd::watch::detect;
use backorderd::watch::standing::{Standing, Told};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::support::app::{Process, TestApp};
use crate::support::smtp_server::{Act, At};
use crate::support::state::Engine;

/// Lines 0 and 1 are of one order, 2 and 3 of another.
const LINES: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// A line is ordered, or ordered anew as it was when it was deleted.
    Order {
        line: u8,
        ordered: u8,
        day: Option<u8>,
    },
    Receive {
        line: u8,
        pieces: u8,
    },
    /// Stock that was there goes to somebody else.
    Lose {
        line: u8,
    },
    Expect {
        line: u8,
        day: Option<u8>,
    },
    Cancel {
        line: u8,
        pieces: u8,
    },
    Ship {
        line: u8,
    },
    Delete {
        line: u8,
    },
    Address {
        line: u8,
        email: Option<&'static str>,
    },
    MoveToOrder {
        line: u8,
        order: u8,
    },
    Sweep,
    Poll,
    /// Sweeps until the news has settled.
    Settle,
    Wait {
        seconds: u32,
    },
    Deliver,
    Fault {
        at: At,
        act: Act,
    },
    Away(bool),
    DieInTransfer,
    DieBeforeTransfer,
    AnotherProcess,
}

fn step() -> impl Strategy<Value = Step> {
    let line = || 0..LINES;
    let day = || proptest::option::weighted(0.8, 1u8..28);
    prop_oneof![
        2 => (line(), 1u8..4, day()).prop_map(|(line, ordered, day)| Step::Order { line, ordered, day }),
        3 => (line(), 1u8..4).prop_map(|(line, pieces)| Step::Receive { line, pieces }),
        2 => line().prop_map(|line| Step::Lose { line }),
        5 => (line(), day()).prop_map(|(line, day)| Step::Expect { line, day }),
        1 => (line(), 1u8..3).prop_map(|(line, pieces)| Step::Cancel { line, pieces }),
        1 => line().prop_map(|line| Step::Ship { line }),
        1 => line().prop_map(|line| Step::Delete { line }),
        1 => (line(), address()).prop_map(|(line, email)| Step::Address { line, email }),
        1 => (line(), 0u8..2).prop_map(|(line, order)| Step::MoveToOrder { line, order }),
        3 => Just(Step::Sweep),
        2 => Just(Step::Poll),
        8 => Just(Step::Settle),
        4 => prop_oneof![Just(10u32), Just(30), Just(90), Just(600), Just(86_400)].prop_map(|seconds| Step::Wait { seconds }),
        10 => Just(Step::Deliver),
        4 => fault().prop_map(|(at, act)| Step::Fault { at, act }),
        1 => proptest::bool::weighted(0.3).prop_map(Step::Away),
        2 => Just(Step::DieInTransfer),
        1 => Just(Step::DieBeforeTransfer),
        1 => Just(Step::AnotherProcess),
    ]
}

fn address() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![Just(Some("ada@example.com")), Just(Some("bob@example.com")), Just(None)]
}

fn fault() -> impl Strategy<Value = (At, Act)> {
    prop_oneof![
        Just((At::RcptTo, Act::Say("450 4.2.0 later"))),
        Just((At::RcptTo, Act::Say("550 5.2.1 mailbox disabled"))),
        Just((At::End, Act::Say("451 4.3.0 later"))),
        Just((At::End, Act::Close)),
        Just((At::End, Act::Reset)),
        Just((At::BodyByte(50), Act::Close)),
        Just((At::MailFrom, Act::SayThenClose("421 4.7.0 too many"))),
        Just((At::Greeting, Act::Close)),
    ]
}

/// The world of one run.
struct Model {
    app: TestApp,
    process: Option<Process>,
    /// How many mails have been looked at.
    read: usize,
}

impl Model {
    async fn on(engine: Engine) -> Model {
        let app = TestApp::on(engine, &[("updates.date_mails_per_week", "0"), ("delivery.max_per_sweep", "0")]).await;
        // A feed that is emptied would be refused, and rightly so.
        app.shop.line("ready").order("R").short(0).put().await;
        for line in 0..LINES {
            app.shop.line(&format!("L{line}")).order(&format!("S{}", line / 2)).put().await;
        }
        app.sweep().await;
        Model { app, process: None, read: 0 }
    }

    fn process(&self) -> &Process {
        self.process.as_ref().unwrap_or(&self.app.process)
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let app = &self.app;
        let id = |line: u8| format!("L{line}");
        let date = |day: Option<u8>| day.map(|day| format!("2027-06-{day:02}"));
        match step {
            Step::Order { line, ordered, day } => self.order(*line, *ordered, date(*day)).await,
            Step::Receive { line, pieces } => {
                app.shop.set(&id(*line), &format!("short_qty = max(0, short_qty - {pieces})")).await
            }
            Step::Lose { line } => app.shop.set(&id(*line), "short_qty = ordered_qty").await,
            Step::Expect { line, day } => {
                let day = date(*day).map_or("null".into(), |day| format!("'{day}'"));
                app.shop.set(&id(*line), &format!("expected_on = {day}")).await;
            }
            Step::Cancel { line, pieces } => {
                let cancelled = format!("min(ordered_qty - coalesce(shipped_qty, 0), {pieces})");
                app.shop.set(&id(*line), &format!("cancelled_qty = {cancelled}")).await;
            }
            Step::Ship { line } => {
                app.shop.set(&id(*line), "shipped_qty = ordered_qty - coalesce(cancelled_qty, 0), short_qty = 0").await;
            }
            Step::Delete { line } => app.shop.delete(&id(*line)).await,
            Step::Address { line, email } => {
                let email = email.map_or("null".into(), |email| format!("'{email}'"));
                app.shop.set(&id(*line), &format!("customer_email = {email}")).await;
            }
            Step::MoveToOrder { line, order } => app.shop.set(&id(*line), &format!("order_id = 'S{order}'")).await,
            Step::Sweep => drop(self.process().sweep().await.unwrap()),
            Step::Settle => {
                self.process().sweep().await.unwrap();
                app.advance("30s");
                self.process().sweep().await.unwrap();
            }
            Step::Poll => {
                if self.process().watcher.has_lease().await {
                    self.process().watcher.poll().await.unwrap();
                }
            }
            Step::Wait { seconds } => app.advance(&format!("{seconds}s")),
            Step::Deliver => {
                self.process().delivery.tick().await.unwrap();
                self.read_mails().await?;
            }
            Step::Fault { at, act } => app.relay.once(*at, *act),
            Step::Away(away) => app.relay.is_away(*away),
            Step::DieInTransfer => self.die_in_transfer().await?,
            Step::DieBeforeTransfer => {
                let lease = backorderd::settings::duration::Span::seconds(30);
                app.store.claim("a dying process", "mail", app.now(), 1, lease).await.unwrap();
                app.store.expire_leases().await.unwrap();
            }
            Step::AnotherProcess => {
                self.process().rest().await;
                self.process = Some(self.app.another_process(DIFFERING).await);
            }
        }
        Ok(())
    }

    async fn order(&self, line: u8, ordered: u8, day: Option<String>) {
        let id = format!("L{line}");
        self.app.shop.delete(&id).await;
        let new = self.app.shop.line(&id).order(&format!("S{}", line / 2));
        new.ordered(ordered.into()).short(ordered.into()).expected(day.as_deref()).put().await;
    }

    /// A delivery whose process dies when the relay has a mail and has not answered.
    async fn die_in_transfer(&mut self) -> Result<(), TestCaseError> {
        let mails = self.app.relay.mails().len();
        self.app.relay.once(At::End, Act::Stall);
        let stalled = self.app.relay.next_stall();
        let delivery = self.process().delivery.clone();
        let mut sending = tokio::spawn(async move { delivery.tick().await });
        tokio::select! {
            ended = &mut sending => drop(ended.unwrap().unwrap()),
            () = stalled => {
                sending.abort();
                let _ = sending.await;
            }
        }
        self.app.relay.forget_faults();
        self.app.store.expire_leases().await.unwrap();
        prop_assert!(self.app.relay.mails().len() >= mails);
        self.process = Some(self.app.another_process(DIFFERING).await);
        self.read_mails().await
    }

    /// Each new mail says what is recorded: nothing was read since its transfer began.
    async fn read_mails(&mut self) -> Result<(), TestCaseError> {
        let mails = self.app.mails();
        let entries = self.by_message_id().await;
        for mail in &mails[self.read..] {
            let entry = &entries[&mail.id];
            prop_assert_eq!(&mail.to, &entry.recipient);
            let order = self.app.store.orders(&[entry.order_row], "mail", self.app.now()).await.unwrap().remove(0);
            for said in &entry.content.lines {
                let view = order.view.lines.iter().find(|view| view.line.line_id == said.line_id);
                let recorded = view.map(|view| Standing::of(&view.line, self.today()));
                prop_assert_eq!(recorded.as_ref(), Some(&said.standing), "{} in {}", &said.line_id, &mail.text);
            }
        }
        self.read = mails.len();
        Ok(())
    }

    fn today(&self) -> jiff::civil::Date {
        self.app.now().to_zoned(jiff::tz::TimeZone::get("America/New_York").unwrap()).date()
    }

    async fn by_message_id(&self) -> BTreeMap<String, LogEntry> {
        let entries = self.app.entries().await;
        entries.into_iter().filter_map(|entry| Some((entry.message_id.clone()?, entry))).collect()
    }

    /// Everything comes to rest: a relay that works, a sweep, a delivery, and the retries that are left.
    async fn come_to_rest(&mut self) -> Result<(), TestCaseError> {
        self.app.relay.forget_faults();
        self.app.relay.is_away(false);
        for _ in 0..20 {
            self.take(&Step::Sweep).await?;
            self.take(&Step::Wait { seconds: 600 }).await?;
            self.take(&Step::Sweep).await?;
            self.take(&Step::Deliver).await?;
            if self.app.store.outbox_counts().await.unwrap().is_empty() {
                return Ok(());
            }
        }
        Err(TestCaseError::fail(format!("it does not come to rest: {:?}", self.app.log().await)))
    }

    /// What must hold in the end.
    async fn judge(&self) -> Result<(), TestCaseError> {
        let entries = self.by_message_id().await;
        let mails = self.app.mails();
        let mut times = BTreeMap::<&str, u32>::new();
        let mut newest = BTreeMap::<i64, Timestamp>::new();
        let mut told = BTreeMap::<(String, String), Told>::new();
        for mail in &mails {
            let entry = &entries[&mail.id];
            *times.entry(&mail.id).or_default() += 1;
            let last = newest.entry(entry.order_row).or_insert(entry.created_at);
            prop_assert!(entry.created_at >= *last, "{} came after a newer one", mail.id);
            *last = entry.created_at;
            for ContentLine { line_id, standing, .. } in &entry.content.lines {
                let now_told = Told { standing: standing.clone(), at: entry.created_at, waited: true };
                told.insert((line_id.clone(), entry.recipient.clone()), now_told);
            }
            let first = mails.iter().find(|other| other.id == mail.id).unwrap();
            prop_assert_eq!(&first.bytes, &mail.bytes, "the same mail has the same bytes");
        }
        self.believe_what_is_in_doubt(&entries, &mut told).await?;
        for (id, times) in times {
            let entry = &entries[id];
            prop_assert!(times == 1 || times == 2 && entry.possible_duplicate, "{} came {} times", id, times);
            let known = matches!(entry.state, NotificationState::Sent | NotificationState::InDoubt);
            prop_assert!(known, "{} came and is {:?}", id, entry.state);
        }
        let sent = entries.values().filter(|entry| entry.state == NotificationState::Sent);
        for entry in sent {
            prop_assert!(
                mails.iter().any(|mail| Some(&mail.id) == entry.message_id.as_ref()),
                "sent, and nobody has it"
            );
        }
        self.judge_lines(&told).await
    }

    /// A process that died in transfer cannot know whether the mail got through: what is in doubt counts as told, and
    /// staff see it.
    async fn believe_what_is_in_doubt(
        &self,
        entries: &BTreeMap<String, LogEntry>,
        told: &mut BTreeMap<(String, String), Told>,
    ) -> Result<(), TestCaseError> {
        let tasks = self.app.tasks().await;
        for entry in entries.values().filter(|entry| entry.state == NotificationState::InDoubt) {
            prop_assert!(tasks.contains(&format!("in_doubt {}", entry.id)), "{:?}", tasks);
            for ContentLine { line_id, standing, .. } in &entry.content.lines {
                let said = Told { standing: standing.clone(), at: entry.created_at, waited: true };
                let known = told.entry((line_id.clone(), entry.recipient.clone())).or_insert_with(|| said.clone());
                if known.at < said.at {
                    *known = said;
                }
            }
        }
        Ok(())
    }

    /// Every line that she can be told of stands as she was told, or the mail that said so failed and is a task.
    async fn judge_lines(&self, told: &BTreeMap<(String, String), Told>) -> Result<(), TestCaseError> {
        let entries = self.app.entries().await;
        let tasks = self.app.tasks().await;
        let rows: Vec<i64> = (1..=20).collect();
        for order in self.app.store.orders(&rows, "mail", self.app.now()).await.unwrap() {
            for view in order.view.lines.iter().filter(|_| order.view.recipient.is_some()) {
                let now = Standing::of(&view.line, self.today());
                let told = told.get(&(view.line.line_id.clone(), order.recipient.clone()));
                let news = detect::detect(told, &now, self.today());
                let failed = entries.iter().any(|entry| {
                    let says = entry
                        .content
                        .lines
                        .iter()
                        .any(|line| line.line_id == view.line.line_id && line.standing == now);
                    let refused = entry.state == NotificationState::Failed && entry.recipient == order.recipient;
                    says && refused && tasks.contains(&format!("failed {}", entry.id))
                });
                prop_assert!(
                    news.is_empty() || failed,
                    "{}: {:?} for {:?}\n{:?}\n{:?}",
                    view.line.line_id,
                    news,
                    told,
                    now,
                    view
                );
                let recorded = view.told.as_ref().map(|told| &told.standing);
                prop_assert_eq!(recorded, told.map(|told| &told.standing), "what is recorded as told was told");
            }
        }
        Ok(())
    }
}

const DIFFERING: crate::support::app::Differing<'static> =
    &[("updates.date_mails_per_week", "0"), ("delivery.max_per_sweep", "0")];

fn whatever_happens(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() });
    let run = runner.run(&proptest::collection::vec(step(), 20..80), |steps| {
        runtime.block_on(async {
            let mut model = Model::on(engine).await;
            for step in &steps {
                model.take(step).await?;
            }
            model.come_to_rest().await?;
            model.judge().await
        })
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn whatever_happens_she_was_told_the_newest_state_once_on_sqlite() {
    whatever_happens(Engine::Sqlite, 16);
}

#[test]
fn whatever_happens_she_was_told_the_newest_state_once_on_postgresql() {
    whatever_happens(Engine::Postgres, 8);
}
