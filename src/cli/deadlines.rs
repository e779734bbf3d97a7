//! `backorderd deadlines`: what is due by law and by when, soonest first.
//!
//! In: what is recorded. Out: one row for every open line under `us-ftc`, `uk` or `eu` that was seen on backorder, and
//! one for every line whose refund is due.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;

use super::General;
use super::output::{Listing, json_lines, minute, print};
use crate::app::App;
use crate::outbox::schedule::Schedules;
use crate::promise::case::Ended;
use crate::promise::deadline::{Answered, Deadline};
use crate::promise::refund::Reason;
use crate::store::deadlines::Listed;

/// So many objects are printed at a time.
const PRINTED: usize = 1000;
/// Where so many sweeps in a row are missing, the service is not running.
const SWEEPS_MISSED: i32 = 3;

#[derive(Debug, Args)]
pub struct DeadlinesArguments {
    /// Of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl DeadlinesArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let schedules = Schedules::new(&app.settings);
        let now = app.clock.now();
        let mut listed = Vec::new();
        app.store.deadlines(self.shop.as_deref(), &schedules, now, |line| listed.push(line)).await?;
        warn_of_the_past(&app, now).await?;
        // Stable: by shop and line where the days are the same; what has no day comes last.
        listed.sort_by_key(|line| line.soonest().unwrap_or(Date::MAX));
        if self.json {
            for some in listed.chunks(PRINTED) {
                print(json_lines(some.iter().map(|line| &line.deadline))?)?;
            }
        } else if listed.is_empty() {
            eprintln!("no line that waits stands under delay rules, and no refund is due");
        } else {
            let mut listing = Listing::new([
                &["due by", "what"],
                &["order", "line"],
                &["rules, promised", "told"],
                &["answer", "also due", "look at"],
            ]);
            for line in &listed {
                listing.row(&row(line, schedules.of(&line.shop_id).today(now)));
            }
            print(listing.to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the shop did since the last sweep is not in the list.
async fn warn_of_the_past(app: &App, now: Timestamp) -> anyhow::Result<()> {
    let seen_at = app.store.seen_at(now).await?;
    if now > seen_at + app.settings.orders.sweep_every.signed() * SWEEPS_MISSED {
        let seen_at = minute(seen_at, &app.settings.shop.time_zone);
        tracing::warn!(
            "the last sweep began on {seen_at}; what the shop did since then is not seen here: is `backorderd run` running?"
        );
    }
    Ok(())
}

fn row(listed: &Listed, today: Date) -> [Vec<String>; 4] {
    let Listed { shop_id, deadline, .. } = listed;
    let mut due = due(listed);
    due.sort_by_key(|(day, _)| *day);
    let (due_by, what) = match due.first() {
        Some((day, what)) if *day < today => (format!("{day} OVERDUE"), what.clone()),
        Some((day, what)) => (day.to_string(), what.clone()),
        None => ("-".into(), "nothing has a day".into()),
    };
    let later: Vec<String> = due.iter().skip(1).map(|(day, what)| format!("{what} {day}")).collect();
    let order = if shop_id.is_empty() {
        deadline.order_number.clone()
    } else {
        format!("{} of {shop_id}", deadline.order_number)
    };
    let promised = deadline.promised_by.map_or("no day".into(), |day| day.to_string());
    let answer = match (deadline.answer, listed.ended) {
        (Answered::Cancel, _) => "cancelled",
        (_, Some(Ended::BySilence)) => "silence cancelled",
        (Answered::Wait, _) => "waits",
        (Answered::None, _) => "no answer",
    };
    let flags: Vec<&str> = deadline.flags.iter().map(|flag| flag.word()).collect();
    [
        vec![due_by, what],
        vec![order, deadline.line_id.clone()],
        vec![format!("{}, {promised}", deadline.rules.word()), told(deadline)],
        vec![answer.into(), later.join("; "), flags.join(", ")],
    ]
}

/// Everything that has a day, what weighs most first.
fn due(listed: &Listed) -> Vec<(Date, String)> {
    let deadline = &listed.deadline;
    let refund = format!("refund: {}", deadline.refund_reason.map_or("", Reason::in_words));
    let all = [
        (deadline.refund_due_by, refund),
        (listed.answer_due_by(), "answer, or silence cancels".into()),
        (deadline.notice_due_by, "next notice".into()),
    ];
    all.into_iter().filter_map(|(day, what)| Some((day?, what))).collect()
}

/// What she was told, in a few words.
fn told(deadline: &Deadline) -> String {
    let day = deadline.revised_to.map(|day| format!(", {day}")).unwrap_or_default();
    format!("{}{day}", deadline.stage.word())
}
