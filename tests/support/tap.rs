//! A wire tap: stands between the adapters and a simulated system and keeps every exchange, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;

use super::exchange::Exchange;

/// A wire tap on one simulated system.
#[derive(Clone)]
pub struct Tap {
    /// Where it listens.
    pub address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

#[derive(Clone)]
struct Line {
    system: SocketAddr,
    client: reqwest::Client,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Tap {
    /// Taps the line to the system at `system`.
    pub async fn on(system: SocketAddr) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let exchanges = Arc::new(Mutex::new(Vec::new()));
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let line = Line {
            system,
            client,
            exchanges: Arc::clone(&exchanges),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(pass).with_state(line);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, exchanges }
    }

    /// What passed so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }
}

async fn pass(State(line): State<Line>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let mut headers = parts.headers.clone();
    headers.remove("host");
    headers.remove("content-length");
    let sent = line
        .client
        .request(parts.method.clone(), format!("http://{}{target}", line.system))
        .headers(headers)
        .body(request_body.clone())
        .send()
        .await;
    // Where the system closes its connection, this one is closed: a panic is the way to, and this one says nothing.
    let Ok(answer) = sent else {
        std::panic::resume_unwind(Box::new("the system gave no answer"))
    };
    let (status, response_headers) = (answer.status(), answer.headers().clone());
    let response_body = answer.bytes().await.unwrap();
    let text = |headers: &http::HeaderMap| {
        headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect()
    };
    line.exchanges.lock().unwrap().push(Exchange {
        method: parts.method.to_string(),
        target,
        request_headers: text(&parts.headers),
        request_body: request_body.to_vec(),
        status: status.as_u16(),
        response_headers: text(&response_headers),
        response_body: response_body.to_vec(),
    });
    let mut response = Response::new(Body::from(response_body));
    *response.status_mut() = status;
    *response.headers_mut() = response_headers;
    response.headers_mut().remove("transfer-encoding");
    response
}
