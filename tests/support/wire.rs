//! A wire to a server of this machine that a test can cut: then nobody gets through, and whoever was is cut off.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Listens on a port of its own and carries everything to the server.
pub struct Wire {
    pub address: SocketAddr,
    whole: Arc<AtomicBool>,
    carrying: Arc<Mutex<JoinSet<()>>>,
    accepting: JoinHandle<()>,
}

impl Wire {
    pub async fn to(server: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, carrying) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(JoinSet::new())));
        let accepting = tokio::spawn(accept(listener, server, whole.clone(), carrying.clone()));
        Wire { address, whole, carrying, accepting }
    }

    pub fn cut(&self) {
        self.whole.store(false, Ordering::Relaxed);
        self.carrying.lock().unwrap().abort_all();
    }

    pub fn mend(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, whole: Arc<AtomicBool>, carrying: Arc<Mutex<JoinSet<()>>>) {
    while let Ok((mut client, _)) = listener.accept().await {
        if whole.load(Ordering::Relaxed) {
            carrying.lock().unwrap().spawn(async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                // One of the two hung up.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    }
}
