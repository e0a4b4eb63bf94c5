//! What `weir models` writes.

use flowlog::catalogue::ModelTable;
use weir::models::{ModelsFormat, write_models};

fn written(family: Option<&str>, format: ModelsFormat) -> Result<String, String> {
    let mut out = Vec::new();
    write_models(ModelTable::shipped(), family, format, &mut out).map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

#[test]
fn the_text_marks_assumed_figures_and_explains_the_mark() {
    let table = "family,vcpu,in_seed_list,pps_total,pps_assumed,gbps,queues,enis,ips_per_eni,\
                 max_conns,conns_assumed,flow_entries_assumed,source\n\
                 X1,1,1,200000,1,1.5,1,2,6,125000,1,262144,a page\n\
                 X1,8,0,850000,0,,8,6,20,250000,0,524288,another page\n";
    let table = ModelTable::parse(table).expect("a table");
    let mut out = Vec::new();
    write_models(&table, None, ModelsFormat::Text, &mut out).expect("written");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "\
MODEL       VCPU  FLOW-LOGS      PPS  GBIT/S  QUEUES  ENIS  IPS/ENI  CONNECTIONS  FLOW-ENTRIES  SOURCE
X1.SMALL       1        yes  ~200000     1.5       1     2        6      ~125000       ~262144     [1]
X1.2XLARGE     8         no   850000       -       8     6       20       250000       ~524288     [2]

~ marks a figure that is assumed; the others were published.
- stands where there is no figure: no limit is enforced.
A memory size may follow the name, as in S3.LARGE8; it changes no figure.
[1] a page
[2] another page
"
    );
}

#[test]
fn the_json_says_of_every_figure_whether_it_is_assumed() {
    let json = written(Some("i3"), ModelsFormat::Json).expect("written");
    let models: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(models.as_array().map(Vec::len), Some(6));
    assert_eq!(
        models[0],
        serde_json::json!({
            "model": "I3.MEDIUM",
            "family": "I3",
            "vcpus": 2,
            "supported_for_flow_logs": true,
            "packets_per_second": { "value": 250_000, "assumed": true },
            "bits_per_second": { "value": 1_500_000_000_u64, "assumed": true },
            "queues": { "value": 2, "assumed": true },
            "enis": { "value": 4, "assumed": true },
            "ips_per_eni": { "value": 10, "assumed": true },
            "max_connections": { "value": 125_000, "assumed": true },
            "flow_entries": { "value": 262_144, "assumed": true },
            "source": "ASSUMPTION: no public table found; copied from S3 (same Skylake generation)",
        })
    );
}

#[test]
fn a_bandwidth_that_nobody_published_is_null_in_json() {
    let json = written(Some("S8"), ModelsFormat::Json).expect("written");
    let models: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(models[0]["bits_per_second"], serde_json::Value::Null);
}

#[test]
fn all_models_are_written_without_a_family() {
    let text = written(None, ModelsFormat::Text).expect("written");
    let rows = text.lines().take_while(|line| !line.is_empty()).count();
    assert_eq!(rows, 1 + ModelTable::shipped().profiles().len());
}

#[test]
fn an_unknown_family_is_refused_with_those_known() {
    assert_eq!(
        written(Some("Z9"), ModelsFormat::Text).expect_err("refused"),
        "found model family `Z9`, expected one of S1 S2 S3 M1 M2 M3 I1 I2 I3 C2 C3 CN3 D1 S4 S5 \
         SN3ne S2ne M4 M5 D2 IT3 S6 SA4 ITA4 S8"
    );
}
