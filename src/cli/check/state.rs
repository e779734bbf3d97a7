//! The state database: can it be opened and written, and is it where a database can live?
//!
//! Nothing is made: where there is no database yet, that is said.

use super::Report;
use crate::clock::Clock;
use crate::settings::Settings;
use crate::settings::secret::Secret;
use crate::store::{Store, StoreError, VERSION, file_system};

const WHAT: &str = "state database";

/// Says what was found; `None`: there is none, or it cannot be used.
pub async fn check(settings: &Settings, report: &mut Report) -> Option<Store> {
    let password = settings.state.password.as_ref().map(Secret::expose);
    match open(&settings.state.url, password, report).await {
        Ok(store) => store,
        Err(error) => {
            report.error(WHAT, error.to_string());
            None
        }
    }
}

async fn open(url: &str, password: Option<&str>, report: &mut Report) -> Result<Option<Store>, StoreError> {
    let file = Store::file(url)?;
    if let Some(file) = &file {
        let folder = file_system::folder_of(file);
        if !folder.is_dir() {
            report.error(WHAT, format!("the folder {} is not there; make it, or mend state.url", folder.display()));
            return Ok(None);
        }
        if let Some(objection) = file_system::objection(file) {
            report.error(WHAT, objection);
        }
    }
    let place = file.map_or("PostgreSQL".to_owned(), |file| file.display().to_string());
    if !Store::exists(url, password).await? {
        report.ok(WHAT, format!("{place}: nothing is there yet; the first run makes it"));
        return Ok(None);
    }
    let store = Store::open(url, password).await?;
    store.try_to_write(Clock::System.now()).await?;
    store.forget_marks().await?;
    report.ok(WHAT, format!("{place}: can be read and written, version {VERSION}"));
    Ok(Some(store))
}
