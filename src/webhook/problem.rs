//! Why a receiver was not reached, in words for an operator that repeat no URL: a query may hold a secret.

use std::error::Error;

use tokio_rustls::rustls::{self, CertificateError};

/// The words of what lies at the root of an error.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let root = root(error);
    match root.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "its certificate is not trusted: nobody whom this system knows has signed it; if the authority is your own, \
             add it to those of this system"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(problem)) => format!("its certificate is not trusted: {problem}"),
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS; write http:// if that is meant".to_owned(),
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
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_with_the_mend_where_there_is_one() {
        for (problem, said) in [
            (CertificateError::UnknownIssuer, "has signed it; if the authority is your own, add it"),
            (CertificateError::Revoked, "its certificate is not trusted: Revoked"),
        ] {
            let error = rustls::Error::InvalidCertificate(problem);
            let said_so = words(&io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error)));
            assert!(said_so.contains(said), "{said_so}");
        }
    }
}
