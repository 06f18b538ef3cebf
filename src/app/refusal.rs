//! Problem documents for requests that hyper refuses on its own.
//!
//! A request line that is none, a header that is too large: hyper answers those before any service is called, with a status and
//! no body, and has no hook to say more. The API promises a problem document for everything that is not a success, so the
//! answer is replaced on its way out. It can be told from every other: hyper gives it in one piece, it is the last thing on its
//! connection, and no answer of the API with such a status is empty.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Makes the problem document for a request that could not be read.
pub(super) type Document = fn(StatusCode) -> Bytes;

/// A stream on which hyper's empty refusals become problem documents.
pub(super) struct Refusing<S> {
    stream: S,
    document: Document,
    /// What is left of the answer that is sent in place of hyper's.
    left: Bytes,
    /// Whether hyper's answer was replaced; nothing follows it.
    replaced: bool,
}

impl<S> Refusing<S> {
    pub(super) fn new(stream: S, document: Document) -> Self {
        Self {
            stream,
            document,
            left: Bytes::new(),
            replaced: false,
        }
    }
}

impl<S: AsyncWrite + Unpin> Refusing<S> {
    /// Sends the replacement of `refused`, which hyper is told about when it has gone out whole.
    fn poll_replace(&mut self, cx: &mut Context<'_>, status: StatusCode, refused: usize) -> Poll<io::Result<usize>> {
        if !self.replaced {
            self.replaced = true;
            self.left = message(status, &(self.document)(status));
        }
        while !self.left.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.left.advance(sent),
            }
        }
        Poll::Ready(Ok(refused))
    }
}

/// The status of hyper's own refusal, if that is what is being written.
fn refusal(written: &[u8]) -> Option<StatusCode> {
    let rest = written.strip_prefix(b"HTTP/1.1 4")?;
    let status = match rest.get(..2)? {
        b"00" => StatusCode::BAD_REQUEST,
        b"14" => StatusCode::URI_TOO_LONG,
        b"31" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return None,
    };
    let empty = b"\r\ncontent-length: 0\r\n";
    let whole = written.ends_with(b"\r\n\r\n") && written.windows(empty.len()).any(|part| part == empty);
    whole.then_some(status)
}

/// A whole answer that ends its connection, as it goes over the wire.
pub(super) fn message(status: StatusCode, document: &[u8]) -> Bytes {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut message = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'; frame-ancestors 'none'\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        status.as_u16(),
        document.len()
    )
    .into_bytes();
    message.extend_from_slice(document);
    message.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Refusing<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Refusing<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match refusal(bytes) {
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
            Some(status) => self.poll_replace(cx, status, bytes.len()),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        match first.and_then(|first| Some((refusal(first)?, first.len()))) {
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
            Some((status, refused)) => self.poll_replace(cx, status, refused),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn document(status: StatusCode) -> Bytes {
        format!("{{\"status\":{}}}", status.as_u16()).into()
    }

    /// What a caller who sends these bytes reads until the end of the connection, and how often the service was called.
    async fn exchange(sent: Vec<u8>) -> (String, usize) {
        // A narrow pipe, so that answers go out in pieces.
        let (mut caller, server) = tokio::io::duplex(48);
        let called = AtomicUsize::new(0);
        let service = service_fn(|_: Request<Incoming>| {
            called.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"fine")))) }
        });
        let mut builder = http1::Builder::new();
        builder.max_header_size(8 * 1024);
        let serve = builder.serve_connection(TokioIo::new(Refusing::new(server, document)), service);
        let read = async move {
            let (mut from, mut to) = tokio::io::split(&mut caller);
            let mut heard = Vec::new();
            // Whoever is refused early hangs up on the rest.
            let (_, end) = tokio::join!(to.write_all(&sent), from.read_to_end(&mut heard));
            let _ = end;
            String::from_utf8(heard).unwrap()
        };
        let (_, heard) = tokio::join!(serve, read);
        (heard, called.load(Ordering::Relaxed))
    }

    fn is_problem(heard: &str, status: u16) {
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert_eq!(body, format!("{{\"status\":{status}}}"));
    }

    #[tokio::test]
    async fn a_request_that_is_none_gets_a_problem_document() {
        let (heard, called) = exchange(b"what is this\r\n\r\n".to_vec()).await;
        is_problem(&heard, 400);
        assert_eq!(called, 0);
    }

    #[tokio::test]
    async fn headers_that_are_too_large_or_too_many_get_a_problem_document() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(9 * 1024));
        is_problem(&exchange(long.into_bytes()).await.0, 431);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(150));
        is_problem(&exchange(many.into_bytes()).await.0, 431);
    }

    #[tokio::test]
    async fn an_answer_before_the_refusal_is_left_alone() {
        let sent = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nwhat is this\r\n\r\n".to_vec();
        let (heard, called) = exchange(sent).await;
        assert_eq!(called, 1);
        let at = heard.rfind("HTTP/1.1 ").unwrap();
        assert!(
            heard[..at].starts_with("HTTP/1.1 200 OK") && heard[..at].ends_with("fine"),
            "{heard}"
        );
        is_problem(&heard[at..], 400);
    }

    #[test]
    fn nothing_but_an_empty_refusal_is_taken_for_one() {
        assert!(refusal(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").is_some());
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 10\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            b"",
        ] {
            assert!(refusal(other).is_none());
        }
    }
}
