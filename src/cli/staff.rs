//! `backorderd hold`, `release`, `resend`, `withdraw`: what staff do to notifications.
//!
//! In: ids, or all, or a filter. Out: how many it was done to. What is named and cannot be done (it was sent, it is in
//! transfer) is said one by one. Nothing is done without a yes, from a person or by `--yes`; who did what is
//! written down. Many are done some hundreds at a time; what was done stays done if the next fail.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use super::filter::FilterArguments;
use super::output::{count, say};
use super::{General, show};
use crate::app::App;
use crate::outbox::notification::State;
use crate::outbox::schedule::Schedules;
use crate::settings::environment;
use crate::store::log::{LogEntry, LogFilter};
use crate::store::resend::Resent;
use crate::store::staff::By;

/// So many are done in one transaction.
const AT_ONCE: usize = 500;
/// So many letters of what was typed are kept.
const KEPT: usize = 500;

#[derive(Debug, Args)]
pub struct StaffArguments {
    /// Notifications, by their ids or beginnings of them.
    #[arg(value_name = "ID", conflicts_with_all = ["all", "order", "email", "product", "kind", "state", "since", "until", "shop", "channel"])]
    ids: Vec<String>,
    /// Every one that it can be done to; `resend`: every one that was not sent, or may not have been.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: FilterArguments,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Release,
    Hold,
    Withdraw,
    Resend,
}

impl Action {
    /// What a notification has to be.
    fn states(self) -> &'static [State] {
        match self {
            Action::Release => &[State::Held],
            Action::Hold => &[State::Queued, State::Sending, State::InDoubt],
            Action::Withdraw => &[State::Queued, State::Sending, State::Held],
            Action::Resend => &[
                State::Queued,
                State::Held,
                State::InDoubt,
                State::Sent,
                State::Failed,
                State::Suppressed,
                State::Withdrawn,
            ],
        }
    }

    /// Those that a filter without a state means: a whole log is not sent again by a slip.
    fn meant(self) -> &'static [State] {
        match self {
            Action::Resend => &[State::Queued, State::InDoubt],
            other => other.states(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Action::Release => "release",
            Action::Hold => "hold",
            Action::Withdraw => "withdraw",
            Action::Resend => "resend",
        }
    }

    /// What follows from it, for the question.
    fn consequence(self) -> &'static str {
        match self {
            Action::Release => "to be sent at once",
            Action::Hold => "until they are released or withdrawn",
            Action::Withdraw => "never to be sent",
            Action::Resend => "to be sent at once; what was sent before is told as it stands today",
        }
    }

    async fn act(self, app: &App, ids: &[Uuid], by: &By) -> anyhow::Result<Acted> {
        let now = app.clock.now();
        Ok(match self {
            Action::Release => Acted::simply(app.store.release(ids, by, now).await?),
            Action::Hold => {
                let doubted = app.store.hold_doubted(ids, by, now).await?;
                let held = app.store.hold(ids, by, now).await?;
                Acted { left: doubted.len(), done: held.into_iter().chain(doubted).collect(), ..Acted::default() }
            }
            Action::Withdraw => Acted::simply(app.store.withdraw(ids, by, now).await?),
            Action::Resend => Acted::again(
                app.store
                    .resend(ids, by, app.settings.delivery.channel, &Schedules::new(&app.settings), &app.clock)
                    .await?,
            ),
        })
    }
}

/// What was done to how many, and what was not.
#[derive(Debug, Default)]
struct Acted {
    done: Vec<Uuid>,
    /// How many of those were in doubt, and are left to staff.
    left: usize,
    /// Of those, what was made anew; the same one may say several again.
    made: Vec<Uuid>,
    notes: Vec<String>,
    refused: Vec<(Uuid, String)>,
}

impl Acted {
    fn simply(done: Vec<Uuid>) -> Acted {
        Acted { done, ..Acted::default() }
    }

    fn again(resent: Resent) -> Acted {
        let done = resent.tried.into_iter().chain(resent.made.iter().map(|(of, _)| *of)).collect();
        let mut made: Vec<Uuid> = resent.made.iter().map(|(_, made)| *made).collect();
        made.sort_unstable();
        made.dedup();
        let notes = resent.held.into_iter().map(|(id, why)| format!("{id} is held: {why}")).collect();
        Acted { done, left: 0, made, notes, refused: resent.refused }
    }

    fn add(&mut self, other: Acted) {
        self.done.extend(other.done);
        self.left += other.left;
        self.made.extend(other.made);
        self.notes.extend(other.notes);
        self.refused.extend(other.refused);
    }

    /// One sentence.
    fn said(&mut self, action: Action) -> String {
        self.made.sort_unstable();
        self.made.dedup();
        let number = count(self.done.len(), "notification", "notifications");
        match action {
            Action::Release => format!("{number} released: due now"),
            Action::Hold if self.left == 0 => format!("{number} held"),
            Action::Hold => {
                let held = count(self.done.len() - self.left, "notification", "notifications");
                format!("{held} held, {} in doubt left to staff (see `backorderd tasks`)", self.left)
            }
            Action::Withdraw => format!("{number} withdrawn"),
            Action::Resend if self.made.is_empty() => format!("{number} due now"),
            Action::Resend => {
                let made: Vec<String> = self.made.iter().take(3).map(Uuid::to_string).collect();
                let more = if self.made.len() > made.len() { ", ..." } else { "" };
                format!("{number} sent again: {} made ({}{more})", self.made.len(), made.join(", "))
            }
        }
    }
}

impl StaffArguments {
    pub async fn run(self, action: Action, general: &General) -> anyhow::Result<ExitCode> {
        if let Some(wrong) = self.wrong_usage(action) {
            eprintln!("backorderd: {wrong}");
            return Ok(ExitCode::from(2));
        }
        let app = general.recorded_app().await?;
        if action == Action::Hold {
            // What a dead process left would go out as soon as the next one starts: after a restore, that may be much.
            app.store.reap(None, app.clock.now()).await?;
        }
        let (chosen, refused) = self.choose(action, &app).await?;
        for refusal in &refused {
            eprintln!("backorderd: {refusal}");
        }
        let mut willing = refused.is_empty();
        if chosen.is_empty() {
            if willing {
                say!("there is nothing to {}", action.word());
            }
            return Ok(if willing { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        if let Some(code) = self.asked(action, chosen.len())? {
            return Ok(code);
        }
        let mut acted = Acted::default();
        let by = self.by(&app);
        let mut failed = Ok(());
        for some in chosen.chunks(AT_ONCE) {
            match action.act(&app, some, &by).await {
                Ok(done) => acted.add(done),
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            }
        }
        if !acted.done.is_empty() {
            say!("{}", acted.said(action));
        }
        failed?;
        willing &= acted.refused.is_empty();
        say_the_rest(action, &chosen, &acted);
        Ok(if willing { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// What is wrong with the arguments; `None`: nothing.
    fn wrong_usage(&self, action: Action) -> Option<String> {
        let word = action.word();
        if self.ids.is_empty() && !self.all && !self.filter.narrows() {
            return Some(format!(
                "{word} what? Name notifications, or --all, or a filter: see `backorderd {word} --help`"
            ));
        }
        let state = self.filter.state.filter(|state| !action.states().contains(state))?;
        Some(format!("--state {}: {word} takes those that are {}", state.word(), words_of(action.states())))
    }

    /// The exit code of a command that is not to go on; `None`: somebody said yes.
    fn asked(&self, action: Action, number: usize) -> io::Result<Option<ExitCode>> {
        match (self.yes, io::stdin().is_terminal()) {
            (true, _) => Ok(None),
            (false, true) if ask(action, number)? => Ok(None),
            (false, true) => {
                say!("nothing was done");
                Ok(Some(ExitCode::SUCCESS))
            }
            (false, false) => {
                let what = count(number, "notification", "notifications");
                let word = action.word();
                eprintln!("backorderd: there is no terminal to ask at whether to {word} {what}; add --yes");
                Ok(Some(ExitCode::from(2)))
            }
        }
    }

    /// Who acts, for the record.
    fn by(&self, app: &App) -> By {
        let typed = if self.ids.is_empty() {
            let all = if self.all { "--all " } else { "" };
            format!("{all}{}", self.filter.typed())
        } else {
            self.ids.join(" ")
        };
        let who = environment::login_name().unwrap_or_else(|| "somebody without a login name".into());
        By {
            action_id: app.clock.new_id(),
            who: who.chars().filter(|letter| !letter.is_control()).take(100).collect(),
            chosen_by: typed.trim().chars().take(KEPT).collect(),
        }
    }

    /// What it is to be done to. Of those in doubt, only what goes out once more by itself can be held.
    async fn choose_by_filter(&self, action: Action, app: &App) -> anyhow::Result<Vec<Uuid>> {
        let filter = self.filter.filter(app, 0)?;
        let states = if filter.states.is_empty() { action.meant().to_vec() } else { filter.states.clone() };
        let of = |states| LogFilter { states, ..filter.clone() };
        if action == Action::Resend {
            let mut chosen = app.store.chosen(&of(states)).await?;
            let settled = app.store.settled(&chosen).await?;
            chosen.retain(|id| !settled.contains(id));
            if !settled.is_empty() {
                let were = count(settled.len(), "one in doubt was", "in doubt were");
                say!("{were} settled by `tasks done` and left out: name it by its id to send it again");
            }
            return Ok(chosen);
        }
        if action != Action::Hold {
            return Ok(app.store.chosen(&of(states)).await?);
        }
        let mut chosen = Vec::new();
        for state in states {
            let found = app.store.chosen(&of(vec![state])).await?;
            chosen.extend(if state == State::InDoubt { app.store.doubted(&found).await? } else { found });
        }
        Ok(chosen)
    }

    /// What it is to be done to, and why not to the others that were named.
    async fn choose(&self, action: Action, app: &App) -> anyhow::Result<(Vec<Uuid>, Vec<String>)> {
        if self.ids.is_empty() {
            return Ok((self.choose_by_filter(action, app).await?, Vec::new()));
        }
        let (mut chosen, mut refused) = (Vec::new(), Vec::new());
        for id in &self.ids {
            match show::find(&app.store, id).await {
                Ok(entry) if action == Action::Hold && waits_for_staff(&entry, app).await? => {
                    refused.push(format!("cannot hold {}: it is in doubt, and waits for staff", entry.id));
                }
                // What is sent again says itself why it cannot be.
                Ok(entry) if action == Action::Resend || action.states().contains(&entry.state) => {
                    if !chosen.contains(&entry.id) {
                        chosen.push(entry.id);
                    }
                }
                Ok(entry) => {
                    let (word, state, needed) = (action.word(), entry.state.word(), words_of(action.states()));
                    refused.push(format!("cannot {word} {}: it is {state}, not {needed}", entry.id));
                }
                Err(error) => refused.push(format!("{error:#}")),
            }
        }
        Ok((chosen, refused))
    }
}

/// Whether it is in doubt and does not go out once more by itself.
async fn waits_for_staff(entry: &LogEntry, app: &App) -> anyhow::Result<bool> {
    Ok(entry.state == State::InDoubt && app.store.doubted(&[entry.id]).await?.is_empty())
}

/// What else became of those that were chosen.
fn say_the_rest(action: Action, chosen: &[Uuid], acted: &Acted) {
    acted.notes.iter().for_each(|note| say!("{note}"));
    for (id, why) in &acted.refused {
        eprintln!("backorderd: cannot {} {id}: {why}", action.word());
    }
    let told: HashSet<&Uuid> = acted.done.iter().chain(acted.refused.iter().map(|(id, _)| id)).collect();
    let missed = chosen.iter().filter(|id| !told.contains(id)).count();
    if missed > 0 {
        let were = count(missed, "was", "were");
        eprintln!("backorderd: {were} left: in transfer at this moment, or changed meanwhile; see `backorderd log`");
    }
}

fn words_of(states: &[State]) -> String {
    states.iter().map(|state| state.word()).collect::<Vec<_>>().join(" or ")
}

/// Asks the person at the terminal.
fn ask(action: Action, number: usize) -> io::Result<bool> {
    let what = count(number, "notification", "notifications");
    eprint!("{} {what}, {}? [y/N] ", capitalised(action.word()), action.consequence());
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
