//! Forms of files: compressed, as Parquet, in folders that are columns. What they hold is the same, and can be proved.

mod cli_support;

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::*;
use flowlog::record::FieldList;

fn replay(capture: &Path, directory: &Path, more: &[&str]) -> Output {
    let args = ["replay", "--window=20s", "--overwrite"].into_iter().chain(more.iter().copied()).map(OsStr::new);
    weir(args.chain(["--output".as_ref(), directory.as_os_str(), capture.as_os_str()]))
}

fn check(directory: &Path) -> Output {
    weir(["check".as_ref(), directory.as_os_str()])
}

/// The files of records below a directory, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let names = tree(directory).into_iter().map(|(name, _)| name);
    names.filter(|name| name != Path::new("manifest.ndjson")).map(|name| directory.join(name)).collect()
}

/// The lines of a file, whatever its form.
fn lines(path: &Path, fields: &FieldList) -> String {
    let file = fs::File::open(path).expect("a file");
    let mut text = String::new();
    match path.extension().and_then(OsStr::to_str) {
        Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text).map(drop),
        Some("zst") => zstd::Decoder::new(file).and_then(|mut file| file.read_to_string(&mut text)).map(drop),
        Some("parquet") => {
            let mut add = |line: &[u8]| {
                text.push_str(&String::from_utf8_lossy(line));
                Ok::<(), weir_parquet::ParquetError>(())
            };
            weir_parquet::read(file, fields, 1 << 20, &mut add).expect("a Parquet file");
            Ok(())
        }
        _ => (&file).read_to_string(&mut text).map(drop),
    }
    .expect("a file");
    text
}

#[test]
fn every_form_of_file_holds_the_same_records_and_check_passes_it() {
    let scratch = Scratch::new("forms");
    let capture = scratch.capture("a.pcap", &small());
    let list = FieldList::all();
    let names = list.to_string();
    let plain = scratch.path("plain");
    assert_eq!(code(&replay(&capture, &plain, &["--fields", &names])), 0);
    let mut expected: Vec<String> = Vec::new();
    for file in files(&plain) {
        expected.extend(lines(&file, &list).lines().skip(1).map(str::to_owned));
    }
    expected.sort_unstable();
    let forms: [&[&str]; 3] = [&["--compress=gzip"], &["--compress=zstd"], &["--format=parquet"]];
    for form in forms {
        let directory = scratch.path(form[0]);
        let options: Vec<&str> = form.iter().copied().chain(["--fields", &names]).collect();
        let output = replay(&capture, &directory, &options);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        let output = check(&directory);
        assert_eq!(code(&output), 0, "{form:?}: {}", text(&output.stderr));
        let mut found: Vec<String> = Vec::new();
        for file in files(&directory) {
            let lines = lines(&file, &list);
            found.extend(lines.lines().filter(|line| !line.starts_with("version")).map(str::to_owned));
        }
        found.sort_unstable();
        assert_eq!(found, expected, "{form:?}");
    }
}

#[test]
fn the_same_input_twice_gives_the_same_bytes_in_every_form() {
    let scratch = Scratch::new("same_forms");
    let capture = scratch.capture("a.pcap", &small());
    for form in ["--compress=gzip", "--compress=zstd", "--format=parquet"] {
        let trees = ["one", "two"].map(|name| {
            let directory = scratch.path(name);
            assert_eq!(code(&replay(&capture, &directory, &[form, "--layout=hive"])), 0);
            tree(&directory)
        });
        assert_eq!(trees[0], trees[1], "{form}");
    }
}

#[test]
fn folders_of_the_hive_layout_are_columns_that_no_record_has() {
    let scratch = Scratch::new("hive");
    let capture = scratch.capture("a.pcap", &small());
    let directory = scratch.path("records");
    assert_eq!(code(&replay(&capture, &directory, &["--layout=hive", "--format=parquet"])), 0);
    let folder = "account=0/vpc_region=none/eni=eni-00000000/date=2023-11-14/hour=22";
    let first = files(&directory).first().cloned().expect("a file");
    assert_eq!(first, directory.join(folder).join("20231114T221320Z.parquet"));
    for column in folder.split('/').filter_map(|part| part.split_once('=')).map(|(name, _)| name) {
        assert!(column.replace('_', "-").parse::<FieldList>().is_err(), "{column} is a field too");
    }
    assert_eq!(code(&check(&directory)), 0);
}

#[test]
fn a_flipped_byte_of_any_form_is_found_and_its_file_named() {
    let scratch = Scratch::new("flipped_forms");
    let capture = scratch.capture("a.pcap", &small());
    for form in ["--compress=gzip", "--compress=zstd", "--format=parquet"] {
        let directory = scratch.path("records");
        assert_eq!(code(&replay(&capture, &directory, &[form])), 0);
        let path = files(&directory).first().cloned().expect("a file");
        let bytes = fs::read(&path).expect("a file");
        for at in (0..bytes.len()).step_by(bytes.len() / 9 + 1) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).expect("a file");
            let output = check(&directory);
            let error = text(&output.stderr);
            assert_eq!(code(&output), 1, "{form}: byte {at}");
            assert!(
                error.contains(&path.display().to_string()) && error.contains("SHA-256"),
                "{form}: byte {at}: {error}"
            );
        }
        fs::remove_dir_all(&directory).expect("a folder");
    }
}

#[test]
fn parquet_on_standard_output_is_refused_with_what_to_do() {
    let scratch = Scratch::new("parquet_stdout");
    let capture = scratch.capture("a.pcap", &small());
    for form in ["--format=parquet", "--compress=zstd"] {
        let output = weir(["replay".as_ref(), form.as_ref(), capture.as_os_str()]);
        assert_eq!((code(&output), output.stdout.len()), (2, 0));
        assert!(text(&output.stderr).contains("--output"), "{}", text(&output.stderr));
    }
}
