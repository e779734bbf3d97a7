//! `backorderd bounce`: one report from a mail server's pipe.
//!
//! In: a mail on standard input. Out: a sentence on what it was. A pipe must not itself cause a bounce, so the exit code
//! is 0 whatever the mail is; where the report could not be recorded (no settings, no state database) it is 75, by which
//! mail servers keep a mail and try again (`EX_TEMPFAIL` in sysexits).

use std::io::{self, Read};
use std::process::ExitCode;

use anyhow::Context;

use super::General;
use super::output::print;
use crate::bounce::report;
use crate::store::bounces::Taken;

/// `EX_TEMPFAIL`.
const TRY_AGAIN: u8 = 75;

/// Takes one report.
pub async fn run(general: &General) -> ExitCode {
    match take(general).await {
        Ok(said) => {
            // Whether anybody reads that no longer matters.
            let _ = print(format!("{said}\n"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("backorderd: the report was not recorded; the mail server may try again: {error:#}");
            ExitCode::from(TRY_AGAIN)
        }
    }
}

async fn take(general: &General) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock();
    input.by_ref().take(report::LONGEST as u64).read_to_end(&mut bytes).context("standard input cannot be read")?;
    // Whoever writes must not be cut off: that would be an error of the pipe.
    io::copy(&mut input, &mut io::sink()).context("standard input cannot be read")?;
    let app = general.recorded_app().await?;
    let return_path = app.settings.mail.as_ref().and_then(|mail| mail.return_path.as_ref());
    let returned = match report::read(&bytes, return_path) {
        Ok(returned) => returned,
        Err(why) => return Ok(why.to_string()),
    };
    let word = returned.verdict.word();
    Ok(match app.store.record_bounce(&returned, "report", app.clock.now()).await? {
        Taken::Unknown => "this report names a notification that nobody knows; nothing was done".into(),
        Taken::Before(id) => format!("notification {id}: recorded before ({word})"),
        Taken::Recorded { id, barred: None } => format!("notification {id}: recorded ({word})"),
        Taken::Recorded { id, barred: Some(stream) } => {
            format!("notification {id}: recorded ({word}); its address gets no more {}", stream.in_words())
        }
    })
}
