//! `backorderd release`, `hold`, `withdraw`: what staff do to notifications that were not sent.
//!
//! In: ids, or all, or a kind. Out: how many it was done to. What is named and cannot be done (it was sent, somebody
//! has it in hand) is said one by one. Nothing is done without a yes, from a person or by `--yes`.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use super::output::count;
use super::{General, log, show};
use crate::app::App;
use crate::outbox::notification::{Kind, State};
use crate::store::StoreError;
use crate::store::staff::Unsent;

#[derive(Debug, Args)]
pub struct StaffArguments {
    #[command(flatten)]
    which: Which,
    /// Those of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID", conflicts_with = "ids")]
    shop: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Which {
    /// Notifications, by their ids or beginnings of them.
    #[arg(value_name = "ID", conflicts_with_all = ["all", "kind"])]
    ids: Vec<String>,
    /// Every one that it can be done to.
    #[arg(long)]
    all: bool,
    /// Those that carry news of this kind.
    #[arg(long, value_parser = log::kind)]
    kind: Option<Kind>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Release,
    Hold,
    Withdraw,
}

impl Action {
    /// What a notification has to be.
    fn states(self) -> &'static [State] {
        match self {
            Action::Release => &[State::Held],
            Action::Hold => &[State::Queued],
            Action::Withdraw => &[State::Queued, State::Held],
        }
    }

    fn word(self) -> &'static str {
        match self {
            Action::Release => "release",
            Action::Hold => "hold",
            Action::Withdraw => "withdraw",
        }
    }

    /// What follows from it, for the question.
    fn consequence(self) -> &'static str {
        match self {
            Action::Release => "to be sent at once",
            Action::Hold => "until they are released or withdrawn",
            Action::Withdraw => "never to be sent",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Action::Release => "released: due now",
            Action::Hold => "held",
            Action::Withdraw => "withdrawn",
        }
    }

    async fn act(self, app: &App, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        match self {
            Action::Release => app.store.release(ids, app.clock.now()).await,
            Action::Hold => app.store.hold(ids).await,
            Action::Withdraw => app.store.withdraw(ids, app.clock.now()).await,
        }
    }
}

impl StaffArguments {
    pub async fn run(self, action: Action, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let (chosen, refused) = self.choose(action, &app).await?;
        for refusal in &refused {
            eprintln!("backorderd: {refusal}");
        }
        let unwilling = if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        if chosen.is_empty() {
            if refused.is_empty() {
                println!("there is nothing to {}", action.word());
            }
            return Ok(unwilling);
        }
        match (self.yes, io::stdin().is_terminal()) {
            (true, _) => {}
            (false, true) if ask(action, chosen.len())? => {}
            (false, true) => {
                println!("nothing was done");
                return Ok(ExitCode::SUCCESS);
            }
            (false, false) => {
                let what = count(chosen.len(), "notification", "notifications");
                let word = action.word();
                eprintln!("backorderd: there is no terminal to ask at whether to {word} {what}; add --yes");
                return Ok(ExitCode::from(2));
            }
        }
        let done = action.act(&app, &chosen).await?;
        println!("{} {}", count(done.len(), "notification", "notifications"), action.done());
        let missed = chosen.iter().filter(|id| !done.contains(id)).count();
        if missed > 0 {
            eprintln!("backorderd: {} changed meanwhile and left as they are", count(missed, "was", "were"));
        }
        Ok(unwilling)
    }

    /// What it is to be done to, and why not to the others that were named.
    async fn choose(&self, action: Action, app: &App) -> anyhow::Result<(Vec<Uuid>, Vec<String>)> {
        if self.which.ids.is_empty() {
            let which = Unsent { states: action.states().to_vec(), kind: self.which.kind, shop_id: self.shop.clone() };
            return Ok((app.store.unsent(&which).await?, Vec::new()));
        }
        let (mut chosen, mut refused) = (Vec::new(), Vec::new());
        for id in &self.which.ids {
            match show::find(&app.store, id).await {
                Ok(entry) if action.states().contains(&entry.state) => chosen.push(entry.id),
                Ok(entry) => {
                    let needed: Vec<&str> = action.states().iter().map(|state| state.word()).collect();
                    let (word, state, needed) = (action.word(), entry.state.word(), needed.join(" or "));
                    refused.push(format!("cannot {word} {}: it is {state}, not {needed}", entry.id));
                }
                Err(error) => refused.push(format!("{error:#}")),
            }
        }
        Ok((chosen, refused))
    }
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
