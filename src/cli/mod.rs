//! The command line: one file per command.
//!
//! In: arguments and `BACKORDERD_CONFIG`. Out: words on stdout, logs and errors on stderr, an exit code: 0 done, 1
//! something failed (said in one line), 2 wrong usage.

mod dry_run;
pub mod init;
mod progress;
mod run;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::App;
use crate::clock::Clock;
use crate::settings::{self, Settings};

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
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented settings file.
    Init {
        #[arg(default_value = "backorderd.toml", value_name = "FILE")]
        file: PathBuf,
    },
    /// Watch the shop, tell its customers, serve their pages.
    Run(run::RunArguments),
}

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    // clap exits with 2 on wrong usage.
    let arguments = Arguments::parse();
    log_to_stderr(arguments.general.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::from(error).context("the process cannot start its threads")),
    };
    match runtime.block_on(arguments.command.run(&arguments.general)) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

impl Command {
    async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        match self {
            Command::Init { file } => {
                println!("{}", init::init(&file)?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Run(arguments) => arguments.run(general).await,
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

    /// The settings and the state database.
    pub async fn app(&self) -> anyhow::Result<App> {
        App::open(self.settings()?, Clock::System).await
    }
}

/// Says in one line what failed.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("backorderd: {error:#}");
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
