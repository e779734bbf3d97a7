//! Whom we trust on an encrypted connection to a relay: the system's authorities and, beside them, those of a `ca_file`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::trust;

/// Why nothing can be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("ca_file {} of a relay cannot be used: {reason}; it must hold certificates in PEM form", file.display())]
    CaFile { file: PathBuf, reason: String },
    #[error("TLS cannot be set up: {reason}")]
    SetUp { reason: String },
}

/// The configuration of a relay's connections.
pub fn configuration(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let added = ca_file.map(authorities).transpose()?.unwrap_or_default();
    match (trust::configuration(added), ca_file) {
        (Ok(config), _) => Ok(Arc::new(config)),
        (Err(error), Some(file)) => Err(TlsError::CaFile { file: file.to_path_buf(), reason: error.to_string() }),
        (Err(error), None) => Err(TlsError::SetUp { reason: error.to_string() }),
    }
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |reason: String| TlsError::CaFile { file: file.to_path_buf(), reason };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unreadable("it holds no certificate".into()));
    }
    Ok(certificates)
}
