//! The tables that the catalogue ships: models, regions, licence servers.

use flowlog::catalogue::{LicencePresets, ModelError, ModelName, ModelTable, RegionTable, Size, TableError};

fn model(name: &str) -> ModelName {
    name.parse().expect("a model name")
}

const HEADER: &str = "family,vcpu,in_seed_list,pps_total,pps_assumed,gbps,queues,enis,ips_per_eni,\
                      max_conns,conns_assumed,flow_entries_assumed,source\n";

fn parse_rows(rows: &str) -> Result<ModelTable, TableError> {
    ModelTable::parse(&format!("{HEADER}{rows}"))
}

#[test]
fn the_shipped_table_has_a_row_of_every_kind_of_figure() {
    let profile = ModelTable::shipped().profile(&model("S3.LARGE8")).expect("a row");
    assert_eq!(profile.family, "S3");
    assert_eq!(profile.size.vcpus(), 4);
    assert_eq!((profile.packets_per_second.value, profile.packets_per_second.is_assumed()), (450_000, false));
    let bits = profile.bits_per_second.as_ref().expect("a figure");
    assert_eq!((bits.value, bits.is_assumed()), (1_500_000_000, false));
    assert_eq!((profile.queues.value, profile.queues.is_assumed()), (4, false));
    assert_eq!((profile.enis.value, profile.enis.is_assumed()), (4, false));
    assert_eq!((profile.ips_per_eni.value, profile.ips_per_eni.is_assumed()), (10, false));
    assert_eq!((profile.max_connections.value, profile.max_connections.is_assumed()), (125_000, true));
    assert_eq!((profile.flow_entries.value, profile.flow_entries.is_assumed()), (262_144, true));
    assert!(profile.supported_for_flow_logs);
}

#[test]
fn the_memory_of_a_model_changes_no_figure() {
    let table = ModelTable::shipped();
    let without = table.profile(&model("S3.LARGE")).expect("a row");
    for name in ["S3.LARGE8", "S3.LARGE16", "s3.large4096"] {
        assert_eq!(table.profile(&model(name)).expect("a row"), without, "{name}");
    }
}

#[test]
fn size_words_are_vcpus() {
    for (name, vcpus) in [
        ("S1.SMALL1", 1),
        ("S1.MEDIUM2", 2),
        ("S1.LARGE4", 4),
        ("S1.2XLARGE8", 8),
        ("S1.3XLARGE24", 12),
        ("D1.14XLARGE224", 56),
        ("S3.20XLARGE320", 80),
    ] {
        assert_eq!(model(name).size().vcpus(), vcpus, "{name}");
        assert_eq!(model(name).to_string(), name);
    }
}

#[test]
fn every_row_of_the_table_has_a_name_that_leads_back_to_it() {
    let table = ModelTable::shipped();
    assert_eq!(table.profiles().len(), 181);
    for profile in table.profiles() {
        let name = model(&profile.name().to_string());
        assert_eq!(table.profile(&name).expect("a row"), profile);
    }
}

#[test]
fn text_that_is_no_model_name_is_refused() {
    for text in [
        "",
        "S3",
        "S3.",
        ".LARGE8",
        "S3.HUGE8",
        "S3.XLARGE8",
        "S3.1XLARGE8",
        "S3.02XLARGE8",
        "S3.LARGE8X",
        "S3.99999XLARGE",
        "S3 .LARGE8",
        "S3.LARGE99999999999",
    ] {
        assert!(matches!(text.parse::<ModelName>(), Err(ModelError::Name { .. })), "{text}");
    }
}

#[test]
fn a_row_marked_as_an_assumption_is_assumed_in_every_figure() {
    let profile = ModelTable::shipped().profile(&model("I3.2XLARGE32")).expect("a row");
    let bits = profile.bits_per_second.as_ref().expect("a figure");
    assert!(
        profile.packets_per_second.is_assumed()
            && bits.is_assumed()
            && profile.queues.is_assumed()
            && profile.enis.is_assumed()
            && profile.ips_per_eni.is_assumed()
            && profile.max_connections.is_assumed()
            && profile.flow_entries.is_assumed()
    );
}

#[test]
fn a_bandwidth_that_nobody_published_is_none() {
    let profile = ModelTable::shipped().profile(&model("S8.LARGE16")).expect("a row");
    assert_eq!(profile.bits_per_second, None);
}

#[test]
fn flow_logs_are_supported_on_the_thirteen_families() {
    let supported = ModelTable::shipped().supported_families();
    assert_eq!(supported, ["S1", "S2", "S3", "M1", "M2", "M3", "I1", "I2", "I3", "C2", "C3", "CN3", "D1"]);
}

#[test]
fn an_unsupported_model_is_refused_with_the_list_of_those_supported() {
    let error = ModelTable::shipped().supported_profile(&model("S5.LARGE8")).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "found model `S5.LARGE8`, but flow logs are supported only on \
         S1 S2 S3 M1 M2 M3 I1 I2 I3 C2 C3 CN3 D1"
    );
}

#[test]
fn an_unknown_family_is_refused_with_the_list_of_those_that_would_do() {
    let error = ModelTable::shipped().supported_profile(&model("X1.LARGE8")).expect_err("refused");
    let expected = "found model family `X1`, expected one of S1 S2 S3 M1 M2 M3 I1 I2 I3 C2 C3 CN3 D1";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_unknown_size_is_refused_with_those_of_the_family() {
    let error = ModelTable::shipped().profile(&model("C2.SMALL1")).expect_err("refused");
    assert_eq!(error.to_string(), "found model `C2.SMALL1`, but C2 has only the sizes LARGE 2XLARGE 4XLARGE 8XLARGE");
}

#[test]
fn a_size_has_a_name_only_if_its_vcpus_have_one() {
    for vcpus in [0, 3, 5, 6, 7, 9, 10, 65_535] {
        assert_eq!(Size::from_vcpus(vcpus), None, "{vcpus}");
    }
}

#[test]
fn a_region_is_found_by_id_and_by_english_name() {
    let regions = RegionTable::shipped();
    for (text, id) in [
        ("ap-guangzhou", "ap-guangzhou"),
        ("Shanghai", "ap-shanghai"),
        ("beijing", "ap-beijing"),
        ("AP-Chengdu", "ap-chengdu"),
        ("Western US", "na-siliconvalley"),
    ] {
        assert_eq!(regions.find(text).expect("a region").id, id, "{text}");
    }
}

#[test]
fn an_unsupported_region_is_refused_with_the_list_of_those_supported() {
    let error = RegionTable::shipped().find("eu-frankfurt").expect_err("refused");
    assert_eq!(
        error.to_string(),
        "found region `eu-frankfurt`, but flow logs are supported only in ap-guangzhou (Guangzhou), \
         ap-shanghai (Shanghai), ap-beijing (Beijing), ap-chengdu (Chengdu), \
         na-siliconvalley (Western US)"
    );
}

#[test]
fn licence_presets_give_the_published_addresses() {
    let presets = LicencePresets::shipped();
    let text = |preset| -> Vec<String> {
        let addresses = presets.addresses(preset).expect("a preset");
        addresses.iter().map(ToString::to_string).collect()
    };
    assert_eq!(text("aws"), ["169.254.169.250", "169.254.169.251", "fd00:ec2::250"]);
    assert_eq!(text("azure"), ["20.118.99.224", "40.83.235.53", "23.102.135.246"]);
    assert_eq!(
        presets.addresses("tencent").expect_err("refused").to_string(),
        "found licence preset `tencent`, expected one of aws, azure"
    );
}

#[test]
fn quoted_fields_of_a_table_may_hold_commas_and_quotes() {
    let table = parse_rows("X1,4,1,10,0,1.25,1,2,3,4,1,5,\"a, \"\"b\"\"\"\n").expect("a table");
    let profile = &table.profiles()[0];
    assert_eq!(profile.source, "a, \"b\"");
    assert_eq!(profile.bits_per_second.as_ref().map(|bits| bits.value), Some(1_250_000_000));
}

#[test]
fn a_broken_table_is_refused_with_line_and_column() {
    for (rows, expected) in [
        ("X1,4,1,10,0,1,1,2,3,4,1,5\n", "line 2: found 12 fields, expected 13 as in the header"),
        ("\nX1,4,1,ten,0,1,1,2,3,4,1,5,s\n", "line 3: found `ten` in column `pps_total`, expected a number"),
        ("X1,3,1,10,0,1,1,2,3,4,1,5,s\n", "line 2: found `3` in column `vcpu`, expected 1, 2, 4 or a multiple of 4"),
        ("X1,4,2,10,0,1,1,2,3,4,1,5,s\n", "line 2: found `2` in column `in_seed_list`, expected 0 or 1"),
        (
            "X1,4,1,10,0,1.,1,2,3,4,1,5,s\n",
            "line 2: found `1.` in column `gbps`, expected gigabits per second, like 1.5",
        ),
        ("X1,4,1,10,0,1,1,2,3,4,1,5,\"s\n", "line 2: found a quoted field that does not end in `\"`"),
        ("X1,4,1,10,0,1,1,2,3,4,1,5,s\nX1,4,1,9,0,1,1,2,3,4,1,5,s\n", "line 3: found a second row of X1.LARGE"),
    ] {
        assert_eq!(parse_rows(rows).expect_err("refused").to_string(), expected);
    }
    assert_eq!(
        ModelTable::parse("").expect_err("refused").to_string(),
        "line 1: found nothing, expected a header line"
    );
    assert_eq!(
        ModelTable::parse("a,b\n1,2\n").expect_err("refused").to_string(),
        "line 1: found no column `source` in the header"
    );
}
