//! The control API: HTTP and JSON on a Unix socket.
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | whether the process works |
//! | `/readyz` | whether it counts and records get to disk; 503 and why, if not |
//! | `/metrics` | figures, in the text format of Prometheus |
//! | `/v1/enis`, `/v1/flow-logs`, `/v1/windows` | what there is, as JSON |
//!
//! The socket is the user's alone: who may open it may ask all of this.

pub mod client;
mod describe;
mod metrics;

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::UnixListener;

use crate::config::Config;
use crate::daemon::delivery::Delivered;
use crate::daemon::nic::{Nic, Phase};
use crate::output::spool::Spool;

/// What the API speaks of.
#[derive(Debug)]
pub struct Shared {
    /// The configuration that holds.
    pub config: Mutex<Arc<Config>>,
    /// The NIC.
    pub nic: Nic,
    /// Windows on their way to disk.
    pub spool: Arc<Spool>,
    /// Those that are there.
    pub delivered: Arc<Delivered>,
    /// How often rules have changed, the first ones included.
    pub epoch: AtomicU32,
}

impl Shared {
    /// The number of rules that are to hold from now on.
    pub fn next_epoch(&self) -> u32 {
        self.epoch.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why records do not get to disk now, if they do not.
    fn trouble(&self) -> Option<String> {
        match &*self.nic.phase().borrow() {
            Phase::Live(_) => self.delivered.failure().map(|reason| format!("windows wait in the spool: {reason}")),
            Phase::Attaching => Some("the NIC is not attached yet".to_owned()),
            Phase::Ended => Some("the daemon is ending".to_owned()),
            Phase::Failed(reason) => Some(reason.clone()),
        }
    }
}

/// Serves the API at `path`; what another process left there is replaced.
///
/// # Errors
/// When there can be no socket.
pub fn serve(path: &Path, shared: Arc<Shared>) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/enis", get(describe::enis))
        .route("/v1/flow-logs", get(describe::flow_logs))
        .route("/v1/windows", get(describe::windows))
        .with_state(shared);
    Ok(async move {
        // It ends with the process.
        let _ = axum::serve(listener, router).await;
    })
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    match shared.trouble() {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    match shared.nic.look().await {
        Ok(look) => {
            let text = metrics::text(&look, &shared);
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}
