//! Why a flow was accepted or refused: ACL, groups, connection, and the rule of each that matched.

use flowlog::policy::{Direction, RuleId};
use flowlog::verdict::{EniPolicy, Packet, Track};
use serde::Serialize;

use super::entry::{FlowEntry, entries};
use super::terms;
use super::tuple::FiveTuple;
use super::view::age;
use crate::assembly;
use crate::config::Config;
use crate::diag::grid::{Grid, grouped};
use crate::diag::{Answer, DiagError, File, LayerAnswer, Show};
use crate::stats::direction_name;

#[derive(Serialize)]
struct WhyJson {
    tuple: String,
    flows: Vec<Found>,
    by_rules: Vec<Asked>,
}

/// A flow that is known.
#[derive(Serialize)]
struct Found {
    flow: FlowEntry,
    layers: Vec<LayerAnswer>,
    connection: Option<String>,
}

/// What the rules would say.
#[derive(Serialize)]
struct Asked {
    eni: String,
    direction: &'static str,
    verdict: &'static str,
    layers: Vec<LayerAnswer>,
}

/// Explains the flows of a 5-tuple; with a configuration also what its rules say of a new one. Exit code 1 when
/// neither is known.
///
/// # Errors
/// When the dump has no flows, or the rules do not fit the ENIs.
pub fn why(file: &File, tuple: &FiveTuple, config: Option<&Config>, show: Show) -> Result<Answer, DiagError> {
    let all = entries(file)?;
    let flows: Vec<_> = all.iter().filter(|entry| tuple.is_of(entry)).map(|entry| found(file, &all, entry)).collect();
    let by_rules = config.map_or_else(|| Ok(Vec::new()), |config| ask(config, tuple))?;
    let is_unknown = flows.is_empty() && by_rules.is_empty();
    let known = WhyJson { tuple: tuple.to_string(), flows, by_rules };
    if show.json {
        return Ok(Answer::json(file, &known).wrong(is_unknown));
    }
    let mut text: String = known.flows.iter().map(|found| found_text(found, show)).collect();
    text.extend(known.by_rules.iter().map(|asked| asked_text(&known.tuple, asked, show)));
    if is_unknown {
        text = format!("{}: no such flow is known; --config FILE asks its rules\n", known.tuple);
    }
    Ok(Answer::of(file, text).wrong(is_unknown))
}

fn found(file: &File, all: &[FlowEntry], entry: &FlowEntry) -> Found {
    let host = file.host.as_ref();
    let flow = host.and_then(|host| host.flows.iter().find(|flow| flow.cookie == entry.cookie));
    let of = |cookie: u32| all.iter().find(|other| other.cookie == cookie && other.direction != entry.direction);
    let connection = match (&entry.opened, entry.answers.and_then(of)) {
        (Some(state), _) => Some(format!(
            "opened by this flow, {state}: the security groups let its packets and the answers pass while it lives"
        )),
        (None, Some(opener)) => {
            let state = opener.opened.as_deref().unwrap_or("over");
            Some(format!("answers {}, which opened it ({state}, {})", opener.tuple(), opener.rule_name()))
        }
        (None, None) => host.map(|_| "none: each packet is judged by the rules".to_owned()),
    };
    Found { flow: entry.clone(), layers: flow.map(|flow| flow.layers.clone()).unwrap_or_default(), connection }
}

fn found_text(found: &Found, show: Show) -> String {
    let Found { flow, layers, connection } = found;
    let verdict = if flow.verdict == "REJECT" { show.paint.red(flow.verdict) } else { show.paint.green(flow.verdict) };
    let by = flow.layer.map_or_else(String::new, |layer| format!(" by the {layer} layer, {}", flow.rule_name()));
    let place = match flow.slot {
        Some(slot) => format!("in the NIC, slot {slot}"),
        None => "judged by the host".to_owned(),
    };
    let mut out = format!(
        "{} {} {}: {verdict}{by}\n  {} packets, {} bytes in the open window, the last {} ago; {place}, cookie {}\n",
        flow.eni,
        flow.direction,
        flow.tuple(),
        grouped(flow.packets),
        grouped(flow.bytes),
        age(flow),
        flow.cookie
    );
    if let Some(primary) = flow.sibling_of {
        out.push_str(&format!("  counts for the flow {primary} what met this verdict\n"));
    }
    out.push_str(&layer_lines(layers, show));
    if layers.is_empty() {
        out.push_str("  its rule is the host's, which is not at hand; --config FILE asks the rules\n");
    }
    if let Some(connection) = connection {
        out.push_str(&format!("  connection: {connection}\n"));
    }
    out
}

fn layer_lines(layers: &[LayerAnswer], show: Show) -> String {
    let mut grid = Grid::new(&["<", ">", "<", "<", "<"], show.paint);
    for (number, answer) in (1..).zip(layers) {
        let said = if answer.allows { show.paint.green("allows") } else { show.paint.red("denies") };
        let rule = match (&answer.list, RuleId(answer.rule).meaning()) {
            (Some(list), _) => format!("{list} rule {}", answer.rule),
            (None, Some(meaning)) => meaning.to_owned(),
            (None, None) => format!("rule {}", answer.rule),
        };
        let rule = answer.terms.as_ref().map_or_else(|| rule.clone(), |terms| format!("{rule}: {terms}"));
        grid.row([String::new(), format!("{number}."), answer.layer.to_string(), said, rule]);
    }
    grid.text().lines().skip(1).map(|line| format!("{line}\n")).collect()
}

/// What the rules of `config` say of a new flow at every ENI that it would cross.
fn ask(config: &Config, tuple: &FiveTuple) -> Result<Vec<Asked>, DiagError> {
    let policies = assembly::policies(&config.catalogue, &config.policy, 1)
        .map_err(|error| DiagError::Usage(error.to_string()))?;
    let enis = config.catalogue.enis().iter().zip(&policies);
    let crossed = enis.flat_map(|(eni, policy)| {
        let is_own = |address| eni.addresses.contains(&address);
        let ingress = is_own(tuple.dst) || eni.promiscuous && !is_own(tuple.src);
        let ways = [(ingress, Direction::Ingress), (is_own(tuple.src), Direction::Egress)];
        ways.into_iter()
            .filter(|(crosses, _)| *crosses)
            .map(move |(_, direction)| (eni.id.to_string(), policy, direction))
    });
    Ok(crossed.map(|(eni, policy, direction)| asked(config, eni, policy, direction, tuple)).collect())
}

fn asked(config: &Config, eni: String, policy: &EniPolicy, direction: Direction, tuple: &FiveTuple) -> Asked {
    let FiveTuple { protocol, src, src_port, dst, dst_port } = *tuple;
    let packet = Packet { direction, src, dst, protocol, src_port, dst_port, icmp: None };
    let explanation = policy.explain(&packet, Track::New);
    let layers = explanation.steps.into_iter().map(|step| {
        let mut answer = LayerAnswer {
            layer: step.layer,
            allows: step.action == flowlog::policy::RuleAction::Allow,
            rule: step.rule.0,
            list: step.list.map(|list| list.to_string()),
            terms: None,
        };
        terms::fill(&config.policy, direction, &mut answer);
        answer
    });
    let layers: Vec<_> = layers.collect();
    let verdict = match explanation.verdict.action {
        flowlog::record::Action::Accept => "ACCEPT",
        flowlog::record::Action::Reject => "REJECT",
    };
    Asked { eni, direction: direction_name(direction), verdict, layers }
}

fn asked_text(tuple: &str, asked: &Asked, show: Show) -> String {
    let verdict =
        if asked.verdict == "REJECT" { show.paint.red(asked.verdict) } else { show.paint.green(asked.verdict) };
    let head = format!("by the rules, {} {} {tuple}, as a new flow: {verdict}\n", asked.eni, asked.direction);
    head + &layer_lines(&asked.layers, show)
}
