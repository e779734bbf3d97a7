//! `backorderd tasks`: what waits for a person, and `tasks done`: it has been done.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::{Listing, count, instant, json_lines, minute, print, say};
use super::{General, dead_links};
use crate::app::App;
use crate::outbox::schedule::Schedules;
use crate::store::tasks::Task;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TasksArguments {
    #[command(subcommand)]
    command: Option<TasksCommand>,
    /// Of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum TasksCommand {
    /// End tasks that have been done.
    Done {
        /// Tasks, by their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Serialize)]
struct TaskObject<'a> {
    id: &'a str,
    kind: &'a str,
    shop_id: &'a str,
    subject: &'a str,
    reason: &'a str,
    mend: &'a str,
    since: String,
}

impl TasksArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        match &self.command {
            Some(TasksCommand::Done { ids }) => done(&app, ids).await,
            None => self.list(&app).await,
        }
    }

    async fn list(&self, app: &App) -> anyhow::Result<ExitCode> {
        let schedules = Schedules::new(&app.settings);
        let mut tasks = app.store.tasks().await?;
        tasks.extend(app.store.refunds_due(&schedules, app.clock.now()).await?);
        tasks.sort_by_key(Task::rank);
        for task in &mut tasks {
            say_when_too_late(task, &schedules);
        }
        // What concerns all shops has no shop.
        let concerns = |task: &Task, shop: &String| task.shop_id == *shop || task.shop_id.is_empty();
        tasks.retain(|task| self.shop.as_ref().is_none_or(|shop| concerns(task, shop)));
        if dead_links::are_dead(&app.store, app.clock.now()).await? {
            tracing::warn!("{}", dead_links::WARNING);
        }
        if self.json {
            print(json_lines(tasks.iter().map(object))?)?;
        } else if tasks.is_empty() {
            eprintln!("nothing waits for a person");
        } else {
            print(listing(&tasks, &schedules).to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Adds to the reason until when a legal notice in it can leave.
fn say_when_too_late(task: &mut Task, schedules: &Schedules) {
    if let Some(too_late_at) = task.too_late_at {
        let too_late_at = minute(too_late_at, &schedules.of(&task.shop_id).zone);
        task.reason += &format!("; it holds a legal notice, which is too late from {too_late_at} on");
    }
}

fn object(task: &Task) -> TaskObject<'_> {
    TaskObject {
        id: &task.id,
        kind: &task.kind,
        shop_id: &task.shop_id,
        subject: &task.subject,
        reason: &task.reason,
        mend: &task.mend,
        since: instant(task.since),
    }
}

fn listing(tasks: &[Task], schedules: &Schedules) -> Listing<3> {
    let mut listing = Listing::new([&["since", "id"], &["kind", "subject"], &["reason", "mend"]]);
    for task in tasks {
        let zone = &schedules.of(&task.shop_id).zone;
        listing.row(&[
            vec![minute(task.since, zone), task.id.clone()],
            vec![task.kind.clone(), task.subject.clone()],
            vec![task.reason.clone(), task.mend.clone()],
        ]);
    }
    listing
}

/// Ends tasks; says of each that cannot be ended why not.
async fn done(app: &App, ids: &[String]) -> anyhow::Result<ExitCode> {
    let (mut numbers, mut refused) = (Vec::new(), Vec::new());
    for id in ids {
        match id.parse::<i64>() {
            Ok(number) => numbers.push(number),
            Err(_) => refused.push(ends_otherwise(id)),
        }
    }
    let ended = app.store.end_tasks(&numbers, app.clock.now()).await?;
    refused.extend(
        numbers
            .iter()
            .filter(|number| !ended.contains(number))
            .map(|number| format!("task {number} is not open; `backorderd tasks` lists those that are")),
    );
    if !ended.is_empty() {
        say!("{} done", count(ended.len(), "task is", "tasks are"));
    }
    for refusal in &refused {
        eprintln!("backorderd: {refusal}");
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a task ends that is seen from other things recorded.
fn ends_otherwise(id: &str) -> String {
    match id.split_once(':') {
        Some(("held", notification)) => format!(
            "task {id} ends when what is held is released or withdrawn: `backorderd release {notification}`, or \
             `withdraw`"
        ),
        Some(("address", line)) => format!(
            "task {id} ends by itself when the shop has an e-mail address for line {line}, or the line no longer waits"
        ),
        Some(("refund", line)) => {
            format!("task {id} ends when the refund is made: `backorderd refunded {line}`")
        }
        _ => format!("there is no task {id}; `backorderd tasks` lists them"),
    }
}
