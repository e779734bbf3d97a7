//! The key that signs mails: RSA of 2048 bits or more, or Ed25519.
//!
//! In: PEM, in the form of PKCS#8 or, for RSA, PKCS#1. Out: signatures, and what is published in the DNS. What can go
//! wrong is a [`KeyError`] with the mend; the key itself is never repeated.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKey;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

const MEND: &str = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem`";

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("this holds no private key in PEM form; {MEND}")]
    Pem,
    #[error("the key is neither RSA of 2048 to 8192 bits nor Ed25519; {MEND}")]
    Kind,
}

/// A key that signs.
#[derive(Clone)]
pub struct SigningKey(Arc<Kind>);

enum Kind {
    Rsa { key: RsaKey, public: Vec<u8> },
    Ed25519(Ed25519KeyPair),
}

/// Shows of what kind it is, and no key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.algorithm())
    }
}

impl SigningKey {
    /// Reads the first private key of a PEM text.
    pub fn parse(pem: &str) -> Result<SigningKey, KeyError> {
        let kind = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::Pem)? {
            PrivateKeyDer::Pkcs1(der) => Kind::rsa(RsaKey::from_der(der.secret_pkcs1_der()).ok()),
            PrivateKeyDer::Pkcs8(der) => Kind::rsa(RsaKey::from_pkcs8(der.secret_pkcs8_der()).ok()).or_else(|| {
                // What openssl writes has no public half to be held against the private one.
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).ok().map(Kind::Ed25519)
            }),
            _ => None,
        };
        kind.map(|kind| SigningKey(Arc::new(kind))).ok_or(KeyError::Kind)
    }

    /// As in `a=`.
    pub fn algorithm(&self) -> &'static str {
        match *self.0 {
            Kind::Rsa { .. } => "rsa-sha256",
            Kind::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The public half, as in `k=` and `p=`: of RSA with its kind (as everybody publishes it), of Ed25519 bare (RFC 8463).
    pub fn public(&self) -> (&'static str, &[u8]) {
        match &*self.0 {
            Kind::Rsa { public, .. } => ("rsa", public),
            Kind::Ed25519(key) => ("ed25519", key.public_key().as_ref()),
        }
    }

    /// The signature of `text`: the same for the same text.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        match &*self.0 {
            Kind::Rsa { key, .. } => {
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature);
                signed.expect("an RSA key that could be read signs a text of any length");
                signature
            }
            // It is the digest that is signed (RFC 8463, section 3).
            Kind::Ed25519(key) => key.sign(&Sha256::digest(text)).as_ref().to_vec(),
        }
    }
}

impl Kind {
    fn rsa(key: Option<RsaKey>) -> Option<Kind> {
        let key = key?;
        let public = key.public_key().as_der().ok()?.as_ref().to_vec();
        Some(Kind::Rsa { key, public })
    }
}
