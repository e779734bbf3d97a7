//! A small file beside an SQLite state database, for what must be durable before anything else goes on.
//!
//! In: statements on its tables and, only to be read, those of the state database, which is `state` there. Out: rows; what
//! a statement wrote is durable then. SQLite has one writer a file: in the state database itself such a statement would
//! wait for whatever batch is being written, and every connection to a relay with it. One statement sees one state of both
//! files, and takes the write lock of this one before it looks. What can go wrong: who is dropped midway may leave a
//! statement that still runs; then the connection is let go.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use super::db::patiently;
use super::{Row, Sql, Value};
use crate::store::StoreError;

/// The file, opened when it is first needed; cheap to clone.
#[derive(Clone, Debug)]
pub struct Beside(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    state: PathBuf,
    /// Makes what is in a file of an older version, which it raises.
    made: &'static str,
    version: i64,
    /// `None`: it was not opened, somebody uses it, or it was let go.
    connection: Mutex<Option<SqliteConnection>>,
}

impl Beside {
    /// That of the state database that `options` opens, with `name` at the end of its name; `made` makes what is in
    /// it, of this version.
    pub fn new(options: &SqliteConnectOptions, (name, made, version): (&str, &'static str, i64)) -> Beside {
        // Who comes by a link must find the same file as who does not.
        let state = options.get_filename().canonicalize().unwrap_or_else(|_| options.get_filename().to_owned());
        let mut file = OsString::from(&state);
        file.push(name);
        // Little is in it, so what is written beside it stays little too.
        let options = options.clone().filename(PathBuf::from(file)).pragma("wal_autocheckpoint", "1000");
        Beside(Arc::new(Shared { options, state, made, version, connection: Mutex::default() }))
    }

    /// Makes the file, if it is not there.
    pub async fn make(&self) -> Result<(), StoreError> {
        if !self.0.options.get_filename().exists() {
            let mut turn = self.0.connection.lock().await;
            *turn = Some(self.open().await.map_err(|error| self.named(error))?);
        }
        Ok(())
    }

    /// Runs a statement of SQLite; its rows.
    pub async fn rows(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let query = sql.for_sqlite(values)?;
        let mut turn = self.0.connection.lock().await;
        let connection = match turn.take() {
            Some(connection) => Ok(connection),
            None => self.open().await,
        };
        let run = async {
            let mut connection = connection?;
            let rows = query.fetch_all(&mut connection).await?;
            *turn = Some(connection);
            Ok(rows.into_iter().map(Row::Sqlite).collect())
        };
        run.await.map_err(|error| self.named(error))
    }

    /// Says of which file an error tells.
    fn named(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Database(error) => StoreError::Beside { file: self.0.options.get_filename().to_owned(), error },
            other => other,
        }
    }

    async fn open(&self) -> Result<SqliteConnection, StoreError> {
        make_like(self.0.options.get_filename(), &self.0.state);
        let mut connection = patiently(|| async { Ok(self.0.options.connect().await?) }).await?;
        let attach = sqlx::query("attach $1 as state").bind(self.0.state.to_string_lossy().into_owned());
        attach.execute(&mut connection).await?;
        let version = sqlx::query_scalar("select user_version from pragma_user_version");
        if version.fetch_one(&mut connection).await.map(|version: i64| version < self.0.version)? {
            sqlx::raw_sql(self.0.made).execute(&mut connection).await?;
        }
        Ok(connection)
    }

    /// Waits for the statement that runs, and closes.
    pub async fn close(&self) {
        if let Some(connection) = self.0.connection.lock().await.take() {
            // What was committed stays, whatever becomes of the connection.
            let _ = connection.close().await;
        }
    }
}

/// Makes a file that belongs to whom `state` belongs to, as SQLite does with all that it writes beside a database: whoever
/// comes first may be root.
fn make_like(file: &Path, state: &Path) {
    let Ok(made) = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) else { return };
    let Ok(like) = state.metadata() else { return };
    // What is not allowed is said by whoever cannot write then.
    let _ = std::os::unix::fs::fchown(&made, Some(like.uid()), Some(like.gid()));
    let _ = made.set_permissions(like.permissions());
}
