//! Numbers on the command line: `6M`, `1.3M`, `100k`, `64MiB`.

/// A number with an optional unit: k, M, G for powers of 1000, KiB, MiB, GiB for powers of 1024.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let wrong = || format!("found `{text}`, expected a whole number, perhaps with k, M, G, KiB, MiB or GiB, like 1.3M");
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.get(number.len()..) {
        Some("") => 1,
        Some("k" | "K" | "kB" | "KB") => 1_000,
        Some("M" | "MB") => 1_000_000,
        Some("G" | "GB") => 1_000_000_000,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some("GiB") => 1 << 30,
        _ => return Err(wrong()),
    };
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let scale = 10_u128.pow(fraction.len() as u32);
    let parse = |text: &str| text.parse::<u128>().map_err(|_| wrong());
    let scaled = (parse(whole)? * scale + parse(fraction)?) * u128::from(unit);
    if !scaled.is_multiple_of(scale) {
        return Err(wrong());
    }
    u64::try_from(scaled / scale).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_count_is_a_whole_number_with_a_unit() {
        assert_eq!(count("6M"), Ok(6_000_000));
        assert_eq!(count("1.3M"), Ok(1_300_000));
        assert_eq!(count("64KiB"), Ok(65_536));
        assert_eq!(count("1_000"), Ok(1_000));
        for wrong in ["", "k", "1.5", "-1", "1e6", "0.0001k", "99999999999999999999"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }
}
