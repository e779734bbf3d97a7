//! Mails that came back, from the report or the event to the address that gets no more, on SQLite and on PostgreSQL.

mod api;
mod barred;
mod commands;
mod reports;
mod samples;

use backorderd::bounce::report;
use backorderd::store::bounces::Taken;
use backorderd::store::log::LogEntry;
use backorderd::store::suppressions::Suppression;

use crate::support::app::TestApp;
use samples::Sent;

/// The newest notification.
async fn newest(app: &TestApp) -> LogEntry {
    app.entries().await.pop().unwrap()
}

/// Takes the report that `write` writes of the newest notification.
async fn came_back(app: &TestApp, write: impl Fn(&Sent<'_>) -> String) -> Taken {
    let entry = newest(app).await;
    let (id, message_id) = (entry.id.to_string(), entry.message_id.unwrap());
    let mail = write(&Sent { id: &id, message_id: &message_id, to: &entry.recipient });
    let returned = report::read(mail.as_bytes(), None).unwrap();
    app.store.record_bounce(&returned, "report", app.now()).await.unwrap()
}

/// A report of Postfix that there is no such user.
fn no_such_user(sent: &Sent<'_>) -> String {
    samples::postfix(sent, "5.1.1", "550 5.1.1 no such user")
}

/// The list as `address stream source`.
async fn list(app: &TestApp) -> Vec<String> {
    let list = app.store.suppressions(None, None).await.unwrap();
    let words = |entry: &Suppression| format!("{} {} {}", entry.address, entry.stream.word(), entry.source.word());
    list.iter().map(words).collect()
}
