//! Why a receiver was not reached, in words for an operator that repeat no URL: a query may hold a secret.

use std::error::Error;

use tokio_rustls::rustls;

const MEND: &str = "if its authority is your own, add that to the authorities of this system";

/// The words of what lies at the root of an error.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let root = root(error);
    match root.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(problem)) => {
            format!("its certificate is not trusted ({problem:?}); {MEND}")
        }
        _ => root.to_string(),
    }
}

/// The error that began it. The one inside an `io::Error` is no source of it.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    match inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source()) {
        Some(cause) => root(cause),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_followed_to_its_root_through_every_wrapping() {
        let refused = io::Error::other(io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused)));
        assert_eq!(words(&refused), "connection refused");
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, unknown));
        assert_eq!(words(&wrapped), format!("its certificate is not trusted (UnknownIssuer); {MEND}"));
    }
}
