//! What is written is read again, sorted; what cannot be written or read is refused.

use std::io;

use flowlog::record::{Field, FieldList};
use parquet::basic::Type;
use parquet::bloom_filter::Sbbf;
use parquet::data_type::AsBytes as _;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use proptest::prelude::*;
use weir_parquet::{ParquetError, Writer, read};

const DEFAULT: &str = "\
2 1251762227 eni-lq6mkcis 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
2 1251762227 eni-lq6mkcis 10.0.0.9 172.31.16.21 20642 22 6 21 4250 1418530010 1418530070 REJECT OK
V2 1251762227 eni-lq6mkcis 2001:db8::1 172.31.16.21 0 0 58 1 64 1418530010 1418530070 ACCEPT OK
2 1251762227 eni-lq6mkcis - - - - - - - 1431280876 1431280934 - NODATA
";

fn written(fields: &FieldList, lines: &str) -> Result<Vec<u8>, ParquetError> {
    let mut writer = Writer::new(fields.clone(), Vec::new())?;
    for line in lines.lines() {
        writer.push(line.as_bytes())?;
    }
    writer.finish()
}

fn lines(file: Vec<u8>, fields: &FieldList) -> Result<String, ParquetError> {
    let mut text = String::new();
    read(bytes::Bytes::from(file), fields, 1000, |line| {
        text.push_str(&String::from_utf8_lossy(line));
        Ok::<(), ParquetError>(())
    })?;
    Ok(text)
}

#[test]
fn records_come_back_sorted_by_their_addresses_and_those_without_come_first() {
    let fields = FieldList::default_format();
    let file = written(&fields, DEFAULT).expect("records");
    let mut expected: Vec<String> = DEFAULT.lines().map(|line| line.trim_start_matches('V').to_owned()).collect();
    expected.sort_by_key(|line| line.split(' ').nth(3).map(|text| if text == "-" { "" } else { text }.to_owned()));
    assert_eq!(lines(file, &fields).expect("a file").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let fields = FieldList::default_format();
    assert_eq!(written(&fields, DEFAULT).expect("records"), written(&fields, DEFAULT).expect("records"));
}

#[test]
fn a_file_without_records_is_a_file() {
    let fields = FieldList::all();
    let file = written(&fields, "").expect("no records");
    assert_eq!(lines(file, &fields).expect("a file"), "");
}

#[test]
fn columns_have_the_names_and_types_of_aws() {
    let fields = FieldList::default_format();
    let file = bytes::Bytes::from(written(&fields, DEFAULT).expect("records"));
    let reader = SerializedFileReader::new(file).expect("a file");
    let schema = reader.metadata().file_metadata().schema_descr();
    let found: Vec<_> = schema.columns().iter().map(|column| (column.name(), column.physical_type())).collect();
    let expected = [
        ("version", Type::INT32),
        ("account_id", Type::BYTE_ARRAY),
        ("interface_id", Type::BYTE_ARRAY),
        ("srcaddr", Type::BYTE_ARRAY),
        ("dstaddr", Type::BYTE_ARRAY),
        ("srcport", Type::INT32),
        ("dstport", Type::INT32),
        ("protocol", Type::INT32),
        ("packets", Type::INT64),
        ("bytes", Type::INT64),
        ("start", Type::INT64),
        ("end", Type::INT64),
        ("action", Type::BYTE_ARRAY),
        ("log_status", Type::BYTE_ARRAY),
    ];
    assert_eq!(found, expected);
}

#[test]
fn addresses_have_bloom_filters_and_every_column_its_bounds() {
    let fields = FieldList::default_format();
    let file = bytes::Bytes::from(written(&fields, DEFAULT).expect("records"));
    let properties = parquet::file::properties::ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
    let reader = SerializedFileReader::new_with_options(file, options).expect("a file");
    let group = reader.get_row_group(0).expect("a row group");
    let has =
        |column: usize, address: &str| group.get_column_bloom_filter(column).map(|filter: &Sbbf| filter.check(address));
    assert_eq!(has(3, "10.0.0.9"), Some(true));
    assert_eq!(has(3, "10.0.0.10"), Some(false));
    assert_eq!(has(4, "172.31.16.21"), Some(true));
    assert_eq!(has(5, "22"), None);
    let packets = group.metadata().column(8).statistics().expect("statistics");
    assert_eq!(packets.min_bytes_opt(), Some(1_i64.as_bytes()));
    assert_eq!(packets.max_bytes_opt(), Some(21_i64.as_bytes()));
    let sorted = group.metadata().sorting_columns().expect("an order");
    assert_eq!(sorted.iter().map(|column| column.column_idx).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_number_that_no_column_holds_is_refused_with_its_record_and_field() {
    let fields = FieldList::new([Field::Packets]).expect("a list");
    let lines = format!("1\n{}\n", u64::MAX);
    let error = written(&fields, &lines).expect_err("a number too large").to_string();
    assert_eq!(
        error,
        "record 2: found 18446744073709551615 in `packets`, expected at most 9223372036854775807, what its column holds"
    );
}

#[test]
fn a_line_that_is_no_record_is_refused_with_its_number() {
    let error = written(&FieldList::default_format(), "2 x").expect_err("no record").to_string();
    assert!(error.starts_with("record 1: "), "{error}");
}

#[test]
fn a_file_with_other_columns_is_refused() {
    let file = written(&FieldList::default_format(), DEFAULT).expect("records");
    let error = lines(file, &FieldList::new([Field::Packets]).expect("a list")).expect_err("other columns").to_string();
    assert!(error.starts_with("found version INT32, ") && error.ends_with("expected packets INT64"), "{error}");
}

#[test]
fn a_file_that_cannot_be_written_says_so() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space left"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let failed = Writer::new(FieldList::default_format(), Full).and_then(|mut writer| {
        writer.push(DEFAULT.lines().next().unwrap_or_default().as_bytes())?;
        writer.finish().map(drop)
    });
    let error = failed.expect_err("a full disk").to_string();
    assert!(error.contains("no space left"), "{error}");
}

#[test]
fn more_records_than_there_may_be_are_refused() {
    let fields = FieldList::default_format();
    let file = written(&fields, DEFAULT).expect("records");
    let read = read(bytes::Bytes::from(file), &fields, 3, |_| Ok::<(), ParquetError>(()));
    assert_eq!(read.expect_err("too many").to_string(), "found 4 records, expected at most 3");
}

proptest! {
    #[test]
    fn a_file_that_is_cut_or_changed_is_an_error_or_other_records_and_no_panic(at in 0_usize..3000, byte in any::<u8>()) {
        let fields = FieldList::default_format();
        let mut file = written(&fields, DEFAULT).expect("records");
        let place = at % file.len();
        prop_assert!(lines(file[..place].to_vec(), &fields).is_err());
        file[place] = byte;
        let _ = lines(file, &fields);
    }

    #[test]
    fn any_records_come_back(rows in prop::collection::vec((any::<u32>(), any::<u16>(), 1_u64..1 << 40, prop::bool::ANY), 0..300)) {
        let fields: FieldList = "srcaddr dstport packets action x-community-id".parse().expect("a list");
        let mut expected: Vec<String> = rows.iter().map(|(address, port, packets, accepted)| {
            let address = std::net::Ipv4Addr::from(*address);
            let (action, id) = if *accepted { ("ACCEPT", "-") } else { ("REJECT", "1:abc=") };
            format!("{address} {port} {packets} {action} {id}")
        }).collect();
        let file = written(&fields, &expected.join("\n")).expect("records");
        expected.sort_by_key(|line| line.split(' ').next().map(str::to_owned));
        let found = lines(file, &fields).expect("a file");
        prop_assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    }
}
