//! Who may use the API: the fingerprints of tokens by name. The tokens themselves are stored nowhere.

use jiff::{SignedDuration, Timestamp};

use super::dialect::{Row, sql, values};
use super::{Store, StoreError};

/// The last use is written down at most so often.
const USE_NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub name: String,
    /// SHA-256 in hexadecimal.
    pub hash: String,
    pub created_at: Timestamp,
    /// The login name.
    pub created_by: String,
    /// To the hour.
    pub used_at: Option<Timestamp>,
}

impl Store {
    /// Adds a token; `false`: there is one of this name.
    pub async fn add_token(&self, token: &Token) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let insert = sql!("insert into api_tokens (name, hash, created_at, created_by) values ($1, $2, $3, $4) "
            "on conflict (name) do nothing");
        let added = tx.execute(insert, values![&token.name, &token.hash, token.created_at, &token.created_by]).await?;
        tx.commit().await?;
        Ok(added > 0)
    }

    /// Takes a token away; `false`: there is none of this name.
    pub async fn remove_token(&self, name: &str) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let removed = tx.execute(sql!("delete from api_tokens where name = $1"), values![name]).await?;
        tx.commit().await?;
        Ok(removed > 0)
    }

    /// All tokens, by name.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let token = |row: &Row| {
            Ok(Token {
                name: row.text("name")?,
                hash: row.text("hash")?,
                created_at: row.time("created_at")?,
                created_by: row.text("created_by")?,
                used_at: row.maybe_time("used_at")?,
            })
        };
        let all = sql!("select * from api_tokens order by name");
        self.rows(all, values![]).await?.iter().map(token).collect()
    }

    /// Notes that a token was used.
    pub async fn note_use(&self, token: &Token, now: Timestamp) -> Result<(), StoreError> {
        if token.used_at.is_some_and(|used_at| now.duration_since(used_at) < USE_NOTED_EVERY) {
            return Ok(());
        }
        let note = sql!("update api_tokens set used_at = $2 where name = $1");
        self.alone(note, values![&token.name, now]).await.map(drop)
    }
}
