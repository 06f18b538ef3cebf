//! TLS at the door: the certificate, its renewal while connections go on, and the certificates of callers.

use std::fs;
use std::io::{self, IoSlice};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use crate::config;

/// The one protocol spoken inside.
const ALPN: &[u8] = b"http/1.1";

/// Why TLS cannot be spoken with the files configured.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A file cannot be read, or may be read by too many.
    #[error("{0}")]
    File(String),
    /// A file holds no PEM of what it should.
    #[error("`{path}` holds no {what}", path = .0.display(), what = .1)]
    Empty(PathBuf, &'static str),
    /// A file's PEM cannot be read.
    #[error("`{path}` cannot be read as PEM: {why}", path = .0.display(), why = .1)]
    Pem(PathBuf, String),
    /// What the files hold does not go together.
    #[error("the certificate and the key cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// The roots of callers' certificates cannot be used.
    #[error("the roots of callers' certificates cannot be used: {0}")]
    Roots(String),
}

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64, u64)>;

/// The certificate as it is now, and the files it comes from.
pub(super) struct Tls {
    files: config::Tls,
    current: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Vec<Stamp>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be used.
    pub(super) fn load(files: config::Tls) -> Result<Self, Unusable> {
        let seen = stamps(&files);
        Ok(Self {
            current: RwLock::new(Arc::new(read(&files)?)),
            seen: Mutex::new(seen),
            files,
        })
    }

    /// What speaks TLS on a new connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    /// Looks at the files from time to time, for ever. Connections that are open keep what they were opened with.
    pub(super) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.files.reload).await;
            let tls = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || tls.refresh()).await {
                Ok(Some(Ok(()))) => info!("the certificate was read anew"),
                Ok(Some(Err(error))) => warn!(%error, "a new certificate cannot be used; the old one stays"),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Reads the files again if they have changed. What cannot be used changes nothing, and is not tried twice.
    fn refresh(&self) -> Option<Result<(), Unusable>> {
        let stamps = stamps(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == stamps {
            return None;
        }
        *seen = stamps;
        Some(read(&self.files).map(|new| {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }))
    }
}

fn stamps(files: &config::Tls) -> Vec<Stamp> {
    let stamp = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len(), file.ino()))
    };
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(|path| stamp(path))
        .collect()
}

fn read(files: &config::Tls) -> Result<ServerConfig, Unusable> {
    let chain = certificates(&files.certificate)?;
    let secret = config::secret_file(&files.key).map_err(Unusable::File)?;
    let key = PrivateKeyDer::from_pem_slice(secret.expose_secret().as_bytes())
        .map_err(|error| Unusable::Pem(files.key.clone(), error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path)? {
                roots.add(root)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| Unusable::Roots(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let bytes =
        fs::read(path).map_err(|error| Unusable::File(format!("`{}` cannot be read: {error}", path.display())))?;
    let found = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Unusable::Pem(path.to_owned(), error.to_string()))?;
    if found.is_empty() {
        return Err(Unusable::Empty(path.to_owned(), "certificate"));
    }
    Ok(found)
}

/// A connection with or without TLS. One type, so that all that stands above it is compiled once.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Self::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use super::*;

    fn put(path: &Path, text: &str, mode: u32) {
        // A new file in the old one's place, as those do who renew certificates: never half of one.
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
        fs::rename(new, path).unwrap();
    }

    const CERTIFICATE: &str = include_str!("../../tests/fixtures/door/one.pem");
    const KEY: &str = include_str!("../../tests/fixtures/door/one.key");
    const OTHER_CERTIFICATE: &str = include_str!("../../tests/fixtures/door/other.pem");
    const OTHER_KEY: &str = include_str!("../../tests/fixtures/door/other.key");

    #[test]
    fn new_files_are_taken_and_bad_ones_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = config::Tls {
            certificate: folder.path().join("tls.pem"),
            key: folder.path().join("tls.key"),
            client_ca: None,
            reload: Duration::from_secs(1),
        };
        put(&files.certificate, CERTIFICATE, 0o644);
        put(&files.key, KEY, 0o600);
        let tls = Tls::load(files.clone()).unwrap();
        let now = || Arc::clone(&tls.current.read().unwrap());
        let first = now();
        assert!(tls.refresh().is_none());

        for (broken, mode) in [
            // A key of another certificate, which is what half a renewal looks like.
            (OTHER_KEY.to_owned(), 0o600),
            ("no PEM at all".to_owned(), 0o600),
            (KEY.to_owned(), 0o604),
        ] {
            put(&files.key, &broken, mode);
            let outcome = tls.refresh().unwrap();
            assert!(outcome.is_err(), "{broken}");
            assert!(!outcome.unwrap_err().to_string().contains("PRIVATE KEY"));
            assert!(Arc::ptr_eq(&now(), &first));
            assert!(tls.refresh().is_none(), "it is tried once");
        }
        put(&files.key, OTHER_KEY, 0o600);
        put(&files.certificate, OTHER_CERTIFICATE, 0o644);
        tls.refresh().unwrap().unwrap();
        assert!(!Arc::ptr_eq(&now(), &first));

        fs::remove_file(&files.certificate).unwrap();
        assert!(tls.refresh().unwrap().is_err());
    }

    #[test]
    fn what_cannot_be_used_is_said_without_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        put(&path("good.pem"), CERTIFICATE, 0o644);
        put(&path("good.key"), KEY, 0o600);
        put(&path("open.key"), KEY, 0o644);
        put(&path("empty.pem"), "", 0o644);
        for (certificate, key, ca, said) in [
            ("good.pem", "open.key", None, "chmod o="),
            ("empty.pem", "good.key", None, "holds no certificate"),
            ("good.pem", "empty.pem", None, "empty.pem"),
            ("nothing.pem", "good.key", None, "cannot be read"),
            ("good.pem", "good.key", Some("empty.pem"), "holds no certificate"),
        ] {
            let files = config::Tls {
                certificate: path(certificate),
                key: path(key),
                client_ca: ca.map(path),
                reload: Duration::from_secs(1),
            };
            let error = Tls::load(files).err().unwrap().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("PRIVATE"), "{error}");
        }
    }
}
