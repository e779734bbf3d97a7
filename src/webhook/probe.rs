//! Is the receiver there? Its name, the connection and, over `https`, the handshake; nothing is sent to it.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{Receiver, problem};

impl Receiver {
    /// Whether messages travel encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether messages stay on this machine.
    pub fn is_on_this_machine(&self) -> bool {
        match self.url.host_str().map(|host| host.trim_matches(['[', ']'])) {
            Some("localhost") => true,
            Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }

    /// Connects within `patience`, and says what was found or what is wrong.
    pub async fn probe(&self, patience: Duration) -> Result<&'static str, String> {
        match timeout(patience, self.connect()).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(format!("cannot connect: {}", problem::words(&error))),
            Err(_) => Err(format!("no connection within {} s", patience.as_secs_f64())),
        }
    }

    async fn connect(&self) -> io::Result<&'static str> {
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await?;
        if !self.is_encrypted() {
            return Ok("connected");
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.tls.clone()).connect(name, stream).await?;
        Ok("connected, encrypted, its certificate is good")
    }
}
