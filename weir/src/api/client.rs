//! Asks a daemon, over its socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("cannot connect to {path}: {source}; is `weir run` running, with the same --state?", path = path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not speak as it should, or not in time.
    #[error("{path}: {reason}", path = path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It answers that it cannot.
    #[error("the daemon answers {status}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// Its words.
        message: String,
    },
}

/// What the daemon at `socket` answers to a GET of `path`.
///
/// # Errors
/// When it does not.
pub fn get(socket: &Path, path: &str) -> Result<String, AskError> {
    let broken = |reason: String| AskError::Broken { path: socket.to_owned(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| broken(error.to_string()))?;
    runtime.block_on(async {
        let answer = tokio::time::timeout(ANSWER, ask(socket, path)).await;
        answer.map_err(|_| broken(format!("no answer within {} s", ANSWER.as_secs())))?
    })
}

async fn ask(socket: &Path, path: &str) -> Result<String, AskError> {
    let broken = |reason: String| AskError::Broken { path: socket.to_owned(), reason };
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|source| AskError::Connect { path: socket.to_owned(), source })?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.to_string()))?;
    tokio::spawn(connection);
    let request = Request::get(path).header(header::HOST, "weir").body(Empty::<Bytes>::new());
    let request = request.map_err(|error| broken(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| broken(error.to_string()))?.to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    if status.is_success() {
        return Ok(text);
    }
    Err(AskError::Refused { status: status.as_u16(), message: text.trim_end().to_owned() })
}
