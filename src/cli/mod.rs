//! The command line: one file per command.
//!
//! In: arguments and `BACKORDERD_CONFIG`. Out: words on stdout, logs and errors on stderr, an exit code: 0 done, 1
//! something failed (said in one line), 2 wrong usage.

mod bounce;
mod check;
mod dates;
mod dead_links;
mod deadlines;
mod demo;
mod draft;
mod dry_run;
mod explain;
mod filter;
pub mod init;
mod log;
mod log_object;
mod output;
mod preview;
mod progress;
mod proof;
mod proof_fields;
mod proof_law;
mod proof_words;
mod refunded;
mod run;
mod show;
mod staff;
mod stranded;
mod suppress;
mod tasks;
mod token;
mod webhook;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::App;
use crate::characters::harmless;
use crate::clock::Clock;
use crate::failpoint;
use crate::settings::secret::Secret;
use crate::settings::{self, Settings};
use crate::store::{Store, file_system};
use output::say;
use staff::Action;

/// Keeps a shop's promise to everyone who waits for a product.
#[derive(Debug, Parser)]
#[command(name = "backorderd", version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    general: General,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct General {
    /// The settings file.
    #[arg(
        short,
        long,
        global = true,
        env = "BACKORDERD_CONFIG",
        default_value = "backorderd.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// How logs are written to stderr; RUST_LOG chooses which.
    #[arg(long, global = true, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    /// The state database, once it is open.
    #[arg(skip)]
    state: OnceLock<Store>,
}

/// How long the end of a command may take to close the state database.
const CLOSING: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it all work: a sample shop, a mail catcher, and the service between them.
    Demo(demo::DemoArguments),
    /// Write a commented settings file.
    Init {
        /// Where; without it, where --config says.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// See whether everything is in reach and right; writes and sends nothing.
    Check,
    /// Watch the shop, tell its customers, serve their pages.
    Run(run::RunArguments),
    /// The sent-log, newest first.
    Log(log::LogArguments),
    /// One notification: what it says, and every try with the relay's reply.
    Show(show::ShowArguments),
    /// Why an order line did or did not get mail.
    Explain(explain::ExplainArguments),
    /// Write sample mails of every kind and locale into a folder.
    Preview(preview::PreviewArguments),
    /// Let held notifications go.
    Release(staff::StaffArguments),
    /// Hold queued notifications back.
    Hold(staff::StaffArguments),
    /// Send again: what was not sent now, of what was sent a new one.
    Resend(staff::StaffArguments),
    /// End queued and held notifications unsent.
    Withdraw(staff::StaffArguments),
    /// What waits for a person, with the reason and the mend.
    Tasks(tasks::TasksArguments),
    /// What is due by law: notices, answers, cancellations by silence, refunds; soonest first.
    Deadlines(deadlines::DeadlinesArguments),
    /// The refund of these lines was made.
    Refunded(refunded::RefundedArguments),
    /// Everything told and answered about an order, in one text for a dispute.
    Proof(proof::ProofArguments),
    /// The receiver of signed notifications.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Expected dates by product, from the supplier.
    Dates(dates::DatesArguments),
    /// Take a report that a mail came back, from standard input.
    Bounce,
    /// Addresses that get no mail, per stream.
    Suppress(suppress::SuppressArguments),
    /// Bearer tokens of the API.
    Token(token::TokenArguments),
}

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    // clap exits with 2 on wrong usage.
    let arguments = Arguments::parse();
    log_to_stderr(arguments.general.log_format);
    if failpoint::COMPILED
        && let Some(Err(error)) = settings::environment::failpoint().map(|point| failpoint::arm(&point))
    {
        return failed(&anyhow::Error::msg(error));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::from(error).context("the process cannot start its threads")),
    };
    let Arguments { general, command } = arguments;
    let ended = runtime.block_on(async {
        let ended = command.run(&general).await;
        general.close().await;
        ended
    });
    // Who still computes, or waits, ends with the process: nobody waits for it, and to be told would be a panic.
    std::mem::forget(runtime);
    match ended {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

impl Command {
    async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        match self {
            Command::Demo(arguments) => Box::pin(arguments.run()).await,
            Command::Init { file } => {
                say!("{}", init::init(file.as_ref().unwrap_or(&general.config))?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Check => check::run(general).await,
            Command::Run(arguments) => arguments.run(general).await,
            Command::Log(arguments) => arguments.run(general).await,
            Command::Show(arguments) => arguments.run(general).await,
            Command::Explain(arguments) => arguments.run(general).await,
            Command::Preview(arguments) => arguments.run(general).await,
            Command::Release(arguments) => arguments.run(Action::Release, general).await,
            Command::Hold(arguments) => arguments.run(Action::Hold, general).await,
            Command::Resend(arguments) => arguments.run(Action::Resend, general).await,
            Command::Withdraw(arguments) => arguments.run(Action::Withdraw, general).await,
            Command::Tasks(arguments) => arguments.run(general).await,
            Command::Deadlines(arguments) => arguments.run(general).await,
            Command::Refunded(arguments) => arguments.run(general).await,
            Command::Proof(arguments) => arguments.run(general).await,
            Command::Webhook(command) => command.run(general).await,
            Command::Dates(arguments) => arguments.run(general).await,
            Command::Bounce => Ok(bounce::run(general).await),
            Command::Suppress(arguments) => arguments.run(general).await,
            Command::Token(arguments) => arguments.run(general).await,
        }
    }
}

impl General {
    /// The settings, with what the environment overrides; their warnings go to the log.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let settings = Settings::load(&self.config, settings::environment::overrides())?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        Ok(settings)
    }

    /// The settings and the state database, for the service: made if absent, refused where it would be damaged.
    pub async fn app(&self) -> anyhow::Result<App> {
        let settings = self.settings()?;
        if let Some(objection) = Store::file(&settings.state.url)?.and_then(|file| file_system::objection(&file)) {
            anyhow::bail!("state.url: {objection}");
        }
        self.open(settings).await
    }

    /// The same for commands that only look at what was recorded: they make no state database.
    pub async fn recorded_app(&self) -> anyhow::Result<App> {
        let settings = self.settings()?;
        let password = settings.state.password.as_ref().map(Secret::expose);
        let recorded = Store::exists(&settings.state.url, password).await?;
        anyhow::ensure!(recorded, "nothing was recorded yet: the first `backorderd run` makes the state database");
        self.open(settings).await
    }

    async fn open(&self, settings: Settings) -> anyhow::Result<App> {
        let app = App::open(settings, Clock::System).await?;
        self.state.get_or_init(|| app.store.clone());
        Ok(app)
    }

    /// Closes the state database: the last process that leaves an SQLite file merges into it what stood beside it. What
    /// does not end in time ends with the process, and loses nothing.
    async fn close(&self) {
        if let Some(store) = self.state.get() {
            let _ = tokio::time::timeout(CLOSING, store.close()).await;
        }
    }
}

/// Says in one line what failed.
fn failed(error: &anyhow::Error) -> ExitCode {
    // It may repeat what was typed, or what others named a file.
    let words = format!("{error:#}").lines().map(harmless).collect::<Vec<_>>().join("\n");
    eprintln!("backorderd: {words}");
    ExitCode::FAILURE
}

fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => logs.json().init(),
    }
}
