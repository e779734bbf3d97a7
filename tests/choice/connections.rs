//! Visitors who send half of a request, or nothing, or come in a crowd: raw sockets against the real server.

use std::net::SocketAddr;
use std::time::Duration;

use backorderd::web;
use backorderd::web::serving::{self, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::app::TestApp;
use crate::support::state::Engine;

const WHOLE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: orders.shop.example\r\n\r\n";
/// For what is to happen, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the pages of a process within these limits.
async fn serve(app: &TestApp, limits: Limits, serving: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = web::router(app.process.app.web(false).await.unwrap());
    serving.spawn(serving::serve(listener, router, limits, std::future::pending()));
    address
}

/// A connection over which this was sent.
async fn sent(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Everything until the other side ends the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await;
    // A reset is an end too.
    let _ = read.expect("the connection was not ended");
    String::from_utf8(all).unwrap()
}

/// Waits for the answer's first line.
async fn first_line(stream: &mut TcpStream) -> String {
    let mut line = [0; 15];
    stream.read_exact(&mut line).await.unwrap();
    String::from_utf8(line.to_vec()).unwrap()
}

#[tokio::test]
async fn who_sends_half_a_head_or_nothing_is_left_alone_and_others_are_served() {
    let app = TestApp::on(Engine::Sqlite, &[]).await;
    let mut serving = JoinSet::new();
    let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
    let address = serve(&app, limits, &mut serving).await;
    for half in
        [&b""[..], b"G", b"GET /choice/x HTTP/1.1\r\nhost: orders.shop.example\r\nx-", &WHOLE[..WHOLE.len() - 1]]
    {
        let answer = rest(sent(address, half).await).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // A head in pieces is whole if it comes in time; and the time begins anew with the next request.
    let mut served = sent(address, &WHOLE[..10]).await;
    served.write_all(&WHOLE[10..]).await.unwrap();
    assert_eq!(first_line(&mut served).await, "HTTP/1.1 200 OK");
    assert!(!rest(served).await.is_empty(), "who asks nothing more is left alone too");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_takes_no_answer_gives_his_place_to_the_next_one() {
    let app = TestApp::on(Engine::Sqlite, &[]).await;
    let mut serving = JoinSet::new();
    let limits = Limits { connections: 1, unread: Duration::from_secs(1), ..Limits::default() };
    let address = serve(&app, limits, &mut serving).await;
    let many = WHOLE.repeat(400_000);
    let mut greedy = TcpStream::connect(address).await.unwrap();
    // More questions than answers find room; he may be cut off while he asks.
    let asking = tokio::time::timeout(Duration::from_secs(1), greedy.write_all(&many)).await;
    assert!(!matches!(asking, Ok(Ok(()))), "all of it found room");
    let mut next = sent(address, WHOLE).await;
    let line = tokio::time::timeout(PATIENCE, first_line(&mut next)).await.expect("he keeps his place");
    assert_eq!(line, "HTTP/1.1 200 OK");
    drop(greedy);
}

#[tokio::test]
async fn of_a_crowd_the_next_one_waits_until_another_has_gone() {
    let app = TestApp::on(Engine::Sqlite, &[]).await;
    let mut serving = JoinSet::new();
    let limits = Limits { connections: 2, ..Limits::default() };
    let address = serve(&app, limits, &mut serving).await;
    let (first, _second) = (sent(address, b"GET").await, sent(address, b"GET").await);
    let mut third = sent(address, WHOLE).await;
    let early = tokio::time::timeout(Duration::from_millis(300), first_line(&mut third)).await;
    assert!(early.is_err(), "two are connected: {early:?}");
    drop(first);
    let line = tokio::time::timeout(PATIENCE, first_line(&mut third)).await.unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK");
}
