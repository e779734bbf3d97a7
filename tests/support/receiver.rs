//! A receiver of signed messages, over real HTTP: it keeps what it was sent and answers what the test wrote down.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::serve::Listener;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::smtp_server::certificate;

/// What signs messages, unless a test says otherwise.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/// A stream that may be encrypted.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What it answers to one message; what the test did not write down is taken with 204.
#[derive(Clone, Debug)]
pub enum Says {
    This {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: &'static str,
    },
    /// A status and a body without an end.
    Endless(u16),
    /// A status, the beginning of a body, and then nothing more.
    Stalls(u16),
    /// Nothing at all: the connection stays open.
    Nothing,
    /// 204, once the gate is open.
    Waits(Arc<Notify>),
}

/// Keeps the receiver from answering a message.
pub struct Gate(Arc<Notify>);

impl Gate {
    pub fn open(self) {
        self.0.notify_one();
    }
}

impl Says {
    /// A status, no body.
    pub fn status(status: u16) -> Says {
        Says::This { status, headers: Vec::new(), body: "" }
    }

    pub fn body(mut self, text: &'static str) -> Says {
        if let Says::This { body, .. } = &mut self {
            *body = text;
        }
        self
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Says {
        if let Says::This { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    /// The path with its query.
    pub to: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Script {
    says: Mutex<VecDeque<Says>>,
    messages: Mutex<Vec<Message>>,
    connections: AtomicUsize,
    /// Of endless bodies.
    chunks: AtomicUsize,
    came: watch::Sender<usize>,
}

pub struct Receiver {
    pub address: SocketAddr,
    /// The certificate that it shows, where it speaks TLS.
    pub certificate: Option<String>,
    script: Arc<Script>,
    _serving: JoinSet<()>,
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether a signature is that of `secret`, worked out here from the words of the specification and of RFC 2104.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(&key);
        let padded = |with: u8| block.map(|byte| byte ^ with);
        let head = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp"));
        let inner = Sha256::new().chain_update(padded(0x36)).chain_update(head).chain_update(&self.body).finalize();
        let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize();
        let expected = format!("v1,{}", STANDARD.encode(outer));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

impl Receiver {
    pub async fn start() -> Receiver {
        Receiver::at("127.0.0.1:0".parse().unwrap()).await
    }

    /// One that comes back to the place where it was.
    pub async fn at(address: SocketAddr) -> Receiver {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        Receiver::serve(address, listener, None)
    }

    /// One that shows a certificate that nobody has signed.
    pub async fn start_with_tls() -> Receiver {
        let (certificate, acceptor) = certificate();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Receiver::serve(address, Encrypted { listener, acceptor }, Some(certificate))
    }

    fn serve(address: SocketAddr, listener: impl Listener<Addr = SocketAddr>, certificate: Option<String>) -> Receiver {
        let script = Arc::new(Script::default());
        let counted = Counted { listener, script: script.clone() };
        let router = Router::new().fallback(answer).with_state(script.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(counted, router).await.unwrap() });
        Receiver { address, certificate, script, _serving: serving }
    }

    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/answers", self.address)
    }

    /// What it answers to the next messages.
    pub fn say(&self, says: impl IntoIterator<Item = Says>) {
        self.script.says.lock().unwrap().extend(says);
    }

    /// The next message is answered when the gate is open.
    pub fn hold_back(&self) -> Gate {
        let gate = Arc::new(Notify::new());
        self.say([Says::Waits(gate.clone())]);
        Gate(gate)
    }

    /// It answers as usual from here on, whatever the test wrote down.
    pub fn forget(&self) {
        self.script.says.lock().unwrap().clear();
    }

    pub fn messages(&self) -> Vec<Message> {
        self.script.messages.lock().unwrap().clone()
    }

    /// Waits until so many messages have come.
    pub async fn has_messages(&self, number: usize) {
        self.script.came.subscribe().wait_for(|came| *came >= number).await.unwrap();
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.script.connections.load(Ordering::Relaxed)
    }

    /// How much of endless bodies was taken, in bytes.
    pub fn poured(&self) -> usize {
        self.script.chunks.load(Ordering::Relaxed) * CHUNK
    }
}

const CHUNK: usize = 16 * 1024;

async fn answer(State(script): State<Arc<Script>>, to: Uri, headers: HeaderMap, body: Bytes) -> Response {
    script.messages.lock().unwrap().push(Message { to: to.to_string(), headers, body: body.to_vec() });
    script.came.send_modify(|came| *came += 1);
    let says = script.says.lock().unwrap().pop_front();
    let status = |status: u16| Response::builder().status(status);
    match says.unwrap_or_else(|| Says::status(204)) {
        Says::This { status: code, headers, body } => {
            let response = headers.iter().fold(status(code), |response, (name, value)| response.header(*name, value));
            response.body(Body::from(body)).unwrap()
        }
        Says::Endless(code) => {
            let chunks = stream::repeat_with(move || {
                script.chunks.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; CHUNK]))
            });
            status(code).body(Body::from_stream(chunks)).unwrap()
        }
        Says::Stalls(code) => {
            let beginning = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"reason\":"))]);
            status(code).body(Body::from_stream(beginning.chain(stream::pending()))).unwrap()
        }
        Says::Nothing => std::future::pending().await,
        Says::Waits(gate) => {
            gate.notified().await;
            status(204).body(Body::empty()).unwrap()
        }
    }
}

/// Counts connections.
struct Counted<L> {
    listener: L,
    script: Arc<Script>,
}

impl<L: Listener> Listener for Counted<L> {
    type Io = L::Io;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (L::Io, L::Addr) {
        let accepted = self.listener.accept().await;
        self.script.connections.fetch_add(1, Ordering::Relaxed);
        accepted
    }

    fn local_addr(&self) -> std::io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

/// Connections whose handshake succeeded.
struct Encrypted {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Encrypted {
    type Io = Box<dyn Stream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Box<dyn Stream>, SocketAddr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (Box::new(stream), address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A server that says these bytes to everybody, whatever it is asked, and then nothing more.
pub async fn babbler(bytes: &'static [u8], serving: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serving.spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(bytes).await.unwrap();
            held.push(stream);
        }
    });
    address
}
