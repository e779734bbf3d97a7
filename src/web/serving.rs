//! The connections of visitors: how many are open at once, and how long the head of a request may take.
//!
//! In: a listener and the routes. Out: answers, until it is told to stop; then requests that are under way come to their
//! end. What can go wrong: who sends half a head, or none, or takes no answer, is left alone when his time is over; where
//! too many are connected, the next one waits until another has gone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait after no connection could be taken: there are no more file handles, most often.
const PAUSE: Duration = Duration::from_secs(1);

/// What visitors may take of us.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the head of a request may take, the time before it begins included.
    pub head: Duration,
    /// How many may be connected at once.
    pub connections: usize,
    /// How long an answer may wait to be taken.
    pub unread: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        // Half of the file handles that a process gets where nobody has set it.
        Limits { head: Duration::from_secs(20), connections: 512, unread: Duration::from_secs(30) }
    }
}

/// Serves `router` until `stopped` comes, and then what is under way.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stopped: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let leaving = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        let (stream, visitor, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stopped => break,
        };
        leave_unread(&stream, limits.unread);
        let routes = TowerToHyperService::new(router.clone());
        let service = service_fn(move |request| answer(&routes, visitor, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .serve_connection(TokioIo::new(stream), service);
        let connection = leaving.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of a visitor ended");
            }
            drop(place);
        });
    }
    drop(listener);
    leaving.shutdown().await;
}

/// Ends a connection whose other end takes no answer for so long. The system does that, where it can.
fn leave_unread(stream: &TcpStream, after: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, after.as_millis() as u32) {
        tracing::debug!(%error, "a connection has no time-out for what is not taken");
    }
}

/// The answer to one request, which learns who asks.
fn answer(
    routes: &TowerToHyperService<Router>,
    visitor: SocketAddr,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    request.extensions_mut().insert(ConnectInfo(visitor));
    routes.call(request)
}

/// The next visitor, once there is a place.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = places.clone().acquire_owned().await.expect("nobody closes this semaphore");
    loop {
        match listener.accept().await {
            Ok((stream, visitor)) => return (stream, visitor, place),
            Err(error) => {
                tracing::warn!(%error, "a visitor could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
