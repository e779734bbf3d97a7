//! `backorderd token`: who may use the API. A token is shown once, when it is made; only its fingerprint is kept.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::General;
use super::output::{Listing, minute, print, say};
use crate::settings::environment;
use crate::store::tokens::Token;
use crate::web::token;

#[derive(Debug, Args)]
pub struct TokenArguments {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, once.
    Add {
        /// What it is for, such as the provider that uses it.
        #[arg(value_parser = name)]
        name: String,
    },
    /// Which there are, and when each was last used.
    List,
    /// A token is good no more.
    Remove { name: String },
}

impl TokenArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        match self.command {
            TokenCommand::Add { name } => {
                let app = general.app().await?;
                let secret = token::create(&app.clock);
                let made = Token {
                    hash: token::hash(&secret),
                    created_at: app.clock.now(),
                    created_by: environment::login_name().unwrap_or_default(),
                    used_at: None,
                    name,
                };
                let name = &made.name;
                anyhow::ensure!(
                    app.store.add_token(&made).await?,
                    "there is a token {name}; take another name, or `backorderd token remove {name}` first"
                );
                // It is shown nowhere else.
                print(format!("{secret}\n"))?;
                eprintln!("this is shown once; who has it may use the API as {name}");
            }
            TokenCommand::List => {
                let app = general.recorded_app().await?;
                let tokens = app.store.tokens().await?;
                if tokens.is_empty() {
                    eprintln!("there is no token; `backorderd token add NAME` makes one");
                    return Ok(ExitCode::SUCCESS);
                }
                let zone = &app.settings.shop.time_zone;
                let mut listing = Listing::new([&["name"], &["made", "by"], &["last used"]]);
                for token in tokens {
                    let used_at = token.used_at.map_or_else(|| "never".to_owned(), |at| minute(at, zone));
                    listing.row(&[
                        vec![token.name],
                        vec![minute(token.created_at, zone), token.created_by],
                        vec![used_at],
                    ]);
                }
                print(listing.to_string())?;
            }
            TokenCommand::Remove { name } => {
                let app = general.recorded_app().await?;
                anyhow::ensure!(
                    app.store.remove_token(&name).await?,
                    "there is no token {name}; `backorderd token list` shows which there are"
                );
                say!("the token {name} is good no more");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn name(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        return Err("write a short name of letters, digits, hyphens and dots".into());
    }
    Ok(text.to_owned())
}
