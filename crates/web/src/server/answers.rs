//! What is answered to which path.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::task::spawn_blocking;

/// Where the answers come from. Both are asked on a thread of their own: a disk that hangs must not keep `/healthz`
/// from answering.
#[derive(Clone)]
pub(super) struct Answers {
    /// The metrics as text.
    pub(super) scrape: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether calls are being recorded, or why not.
    pub(super) ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Answers {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/", get(async || text(StatusCode::OK, CONTENTS)))
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || text(StatusCode::OK, "ok\n")))
            .route("/readyz", get(ready))
            .fallback(async || text(StatusCode::NOT_FOUND, "not found; / lists what is here\n"))
            .method_not_allowed_fallback(async || text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"))
            .layer(map_response(say_goodbye))
            .with_state(self)
    }
}

const CONTENTS: &str = "\
sipreel

/metrics   metrics in Prometheus' text format
/healthz   ok while the process runs
/readyz    ok while it records calls, otherwise 503 and the reason
";

async fn metrics(State(answers): State<Answers>) -> Response {
    match spawn_blocking(move || (answers.scrape)()).await {
        Ok(metrics) => ([(header::CONTENT_TYPE, METRICS)], metrics).into_response(),
        Err(_) => failed(),
    }
}

async fn ready(State(answers): State<Answers>) -> Response {
    match spawn_blocking(move || (answers.ready)()).await {
        Ok(Ok(())) => text(StatusCode::OK, "ok\n"),
        Ok(Err(reason)) => text(StatusCode::SERVICE_UNAVAILABLE, one_line(&reason)),
        Err(_) => failed(),
    }
}

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The question panicked; that is a fault of this program, and the server lives on.
fn failed() -> Response {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
}

/// A plain answer; `axum` gives a string the type `text/plain; charset=utf-8`.
fn text(status: StatusCode, body: impl IntoResponse) -> Response {
    (status, body).into_response()
}

fn one_line(reason: &str) -> String {
    let mut line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    line.push('\n');
    line
}

/// One request a connection: what asks twice a minute gains nothing by staying, and an idle one would hold a slot.
async fn say_goodbye(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
