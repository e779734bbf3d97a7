//! `POST /api/v1/bounces`: what mail providers say of mails that came back.
//!
//! In: events as JSON, in our words or, with `?from=`, in a provider's; a token, and Mailgun's signature. Out: how many were recorded. An event
//! that names no notification of ours is no error, so that nobody sends it again and again; one that cannot be read is,
//! and then nothing of the same request is recorded. Content types are not looked at: Amazon SNS says `text/plain`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::choice::visitor::Visitor;
use super::{LONGEST_EVENTS, Web, token};
use crate::bounce::Returned;
use crate::bounce::provider::{Heard, Provider};
use crate::store::StoreError;
use crate::store::bounces::Taken;
use crate::store::tasks::NewTask;

#[derive(Debug, Deserialize)]
pub struct From {
    from: Option<String>,
}

/// What became of the events.
#[derive(Debug, Default, Serialize)]
struct Counted {
    /// Known now, those that were known before among them.
    recorded: usize,
    /// Of no notification that we know.
    unknown: usize,
    /// Nothing that came back.
    ignored: usize,
}

/// Records events.
pub async fn take(
    State(web): State<Arc<Web>>,
    client: Visitor,
    Query(From { from }): Query<From>,
    request: Request,
) -> Response {
    match let_in(&web, client.address, request.headers()).await {
        Ok(None) => {}
        Ok(Some(refusal)) => return refusal,
        Err(error) => return later(&error),
    }
    // Only now: whoever has no token takes no memory of ours.
    let Ok(body) = to_bytes(request.into_body(), LONGEST_EVENTS).await else {
        return refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is longer than 4 MiB, or broke off; send fewer events at once",
        );
    };
    let word = from.unwrap_or_else(|| Provider::Generic.word().to_owned());
    let Some(provider) = Provider::of_word(&word) else {
        let known = Provider::ALL.map(Provider::word).join(", ");
        return refused(StatusCode::BAD_REQUEST, &format!("from: there is no {word:?}; write one of {known}"));
    };
    if let (Provider::Mailgun, Some(key)) = (provider, &web.settings.bounces.mailgun_signing_key)
        && !provider.is_signed(&body, key.expose())
    {
        return refused(StatusCode::FORBIDDEN, "signature: it is not that of bounces.mailgun_signing_key");
    }
    // Mails may be among it, whole ones.
    let heard = match spawn_blocking(move || provider.read(&body)).await {
        Ok(Ok(heard)) => heard,
        Ok(Err(bad)) => return refused(StatusCode::BAD_REQUEST, &bad.to_string()),
        Err(broken) => {
            tracing::error!(error = %broken, "reading events broke; please report this");
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "this could not be read");
        }
    };
    match record(&web, provider, heard).await {
        Ok(counted) => Json(counted).into_response(),
        Err(error) => later(&error),
    }
}

/// Whether who asks has a token; else what she is told.
async fn let_in(web: &Web, client: IpAddr, headers: &HeaderMap) -> Result<Option<Response>, StoreError> {
    let now = web.clock.now();
    let Some(shown) = token::shown(headers) else {
        return Ok(Some(unknown_client("a token is needed: Authorization: Bearer TOKEN")));
    };
    let tokens = web.store.tokens().await?;
    if let Some(token) = token::known(&shown, &tokens) {
        web.store.note_use(token, now).await?;
        return Ok(None);
    }
    if !web.guessing.allows(client, now) {
        return Ok(Some(refused(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens; wait a minute")));
    }
    Ok(Some(unknown_client("this token is not known; `backorderd token add` makes one")))
}

/// Amazon SNS shows its login only once it was asked for it.
fn unknown_client(why: &str) -> Response {
    let mut response = refused(StatusCode::UNAUTHORIZED, why);
    let ask = header::HeaderValue::from_static("Basic realm=\"backorderd\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
    response
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

fn later(error: &StoreError) -> Response {
    tracing::error!(%error, "events of a mail provider could not be recorded");
    refused(StatusCode::SERVICE_UNAVAILABLE, "this could not be recorded now; send it again")
}

async fn record(web: &Web, provider: Provider, heard: Vec<Heard>) -> Result<Counted, StoreError> {
    let mut counted = Counted::default();
    for heard in heard {
        match heard {
            Heard::Returned(returned) => {
                if take_one(web, provider, &returned).await? {
                    counted.recorded += 1;
                } else {
                    counted.unknown += 1;
                }
            }
            Heard::Unnamed => {
                tracing::warn!(provider = provider.word(), "an event names no notification: does it hold the headers?");
                counted.unknown += 1;
            }
            Heard::Nothing => counted.ignored += 1,
            Heard::Confirm { topic, url } => {
                ask_staff(web, topic, &url).await?;
                counted.ignored += 1;
            }
        }
    }
    Ok(counted)
}

/// Records one; whether its notification is known.
async fn take_one(web: &Web, provider: Provider, returned: &Returned) -> Result<bool, StoreError> {
    let taken = web.store.record_bounce(returned, provider.word(), web.clock.now()).await?;
    let (provider, verdict) = (provider.word(), returned.verdict.word());
    if let Some(id) = taken.id() {
        tracing::info!(notification.id = %id, provider, verdict, "a mail came back");
    } else {
        tracing::warn!(provider, verdict, "an event names a notification that nobody knows");
    }
    Ok(!matches!(taken, Taken::Unknown))
}

/// That somebody subscribed us is for a person to confirm; the address is fetched by nobody else.
async fn ask_staff(web: &Web, topic: String, url: &str) -> Result<(), StoreError> {
    let task = NewTask {
        kind: "subscription",
        shop_id: String::new(),
        reason: format!("Amazon SNS asks whether the topic {topic} may post bounces here"),
        mend: format!("if you set this up, open {url} in a browser; then end the task with `backorderd tasks done`"),
        subject: topic,
    };
    web.store.record_tasks(&[task], &[], web.clock.now()).await
}
