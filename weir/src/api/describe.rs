//! What there is: ENIs, flow logs, windows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use crate::daemon::delivery::Published;
use crate::stats::{SideJson, ledger_json};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct EniJson {
    eni_id: String,
    subnet_id: String,
    vpc_id: Option<String>,
    account_id: Option<String>,
    instance_id: Option<String>,
    mac: Option<String>,
    addresses: Vec<String>,
    promiscuous: bool,
    security_groups: Vec<String>,
    flow_logs: Vec<String>,
    /// Its equations, over all windows since the daemon started: ingress and egress.
    totals: Vec<SideJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FlowLogJson {
    flow_log_id: String,
    name: String,
    enabled: bool,
    scope: String,
    enis: Vec<String>,
    traffic: String,
    window_seconds: u32,
    fields: String,
    destinations: Vec<String>,
}

#[derive(Serialize)]
struct Enis {
    enis: Vec<EniJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FlowLogs {
    flow_logs: Vec<FlowLogJson>,
}

#[derive(Serialize)]
struct Windows {
    windows: Vec<Published>,
}

/// The ENIs, in the order of their ports.
pub(super) async fn enis(State(shared): State<Arc<Shared>>) -> Response {
    let look = match shared.nic.look().await {
        Ok(look) => look,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    };
    let config = shared.config();
    let catalogue = &config.catalogue;
    let (totals, _) = ledger_json(&look.ledger);
    let enis = catalogue.enis().iter().map(|eni| {
        let subnet = catalogue.subnet(&eni.subnet);
        let vpc = subnet.and_then(|subnet| catalogue.vpc(&subnet.vpc));
        EniJson {
            eni_id: eni.id.to_string(),
            subnet_id: eni.subnet.to_string(),
            vpc_id: vpc.map(|vpc| vpc.id.to_string()),
            account_id: vpc.map(|vpc| vpc.account.to_string()),
            instance_id: eni.instance.as_ref().map(ToString::to_string),
            mac: eni.mac.map(|mac| mac.to_string()),
            addresses: eni.addresses.iter().map(ToString::to_string).collect(),
            promiscuous: eni.promiscuous,
            security_groups: eni.security_groups.iter().map(ToString::to_string).collect(),
            flow_logs: catalogue.flow_logs_of(&eni.id).map(|log| log.id().to_string()).collect(),
            totals: totals.iter().filter(|side| side.eni == eni.id).cloned().collect(),
        }
    });
    Json(Enis { enis: enis.collect() }).into_response()
}

/// The flow logs.
pub(super) async fn flow_logs(State(shared): State<Arc<Shared>>) -> Response {
    let config = shared.config();
    let catalogue = &config.catalogue;
    let flow_logs = catalogue.flow_logs().map(|log| {
        let logged = |eni: &&flowlog::catalogue::Eni| catalogue.flow_logs_of(&eni.id).any(|of| of.id() == log.id());
        FlowLogJson {
            flow_log_id: log.id().to_string(),
            name: log.labels().name.clone(),
            enabled: log.is_enabled(),
            scope: log.spec().scope.to_string(),
            enis: catalogue.enis().iter().filter(logged).map(|eni| eni.id.to_string()).collect(),
            traffic: log.spec().traffic.to_string(),
            window_seconds: log.spec().window.get(),
            fields: log.spec().fields.to_string(),
            destinations: log.spec().destinations.iter().map(ToString::to_string).collect(),
        }
    });
    Json(FlowLogs { flow_logs: flow_logs.collect() }).into_response()
}

/// The last windows on disk, the oldest first.
pub(super) async fn windows(State(shared): State<Arc<Shared>>) -> Response {
    Json(Windows { windows: shared.delivered.windows() }).into_response()
}
