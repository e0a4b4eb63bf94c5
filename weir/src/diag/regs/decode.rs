//! Registers from a saved dump or from pasted text, with no device at hand.
//!
//! ```text
//!   0x024: 00000003 00000000      an address and words, as pcimem or devmem print them
//!   00000020: 0100 0000 0300 …    bytes, as xxd prints them; hexdump -C likewise
//!   STATUS = 0x3                  a name and a word
//!   0x3                           a word of the register that was named beside it
//! ```

use driver::dump::{MapHash, NicDump, Presence, RegisterValue};
use firmware_abi::registers::{Access, REGISTERS, offset};

use super::names;
use super::view;
use crate::diag::{Answer, DiagError, File, Show};

/// Decodes text that is no dump: a register for each line, or several from its address on.
///
/// # Errors
/// When a line says nothing that can be decoded.
pub fn decode(text: &str, register: Option<&str>, show: Show) -> Result<Answer, DiagError> {
    let mut values: Vec<(u32, u32)> = Vec::new();
    let named = register.map(names::find).transpose()?;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wrong = || {
            let expected = "an address or name of a register and hexadecimal words, or a dump";
            DiagError::Usage(format!("line {number}: found `{line}`, expected {expected}"))
        };
        let found = match named {
            Some(named) => single(line).map(|value| vec![(named.register.offset, value)]),
            None => line_values(line),
        };
        values.extend(found.filter(|found| !found.is_empty()).ok_or_else(wrong)?);
    }
    let known = |register: &&firmware_abi::registers::Register| values.iter().any(|(at, _)| *at == register.offset);
    let registers: Vec<_> = REGISTERS.iter().filter(known).collect();
    if registers.is_empty() {
        return Err(DiagError::usage("no register's address in the text", "hexadecimal words of BAR0"));
    }
    let last = |at: u32| values.iter().rev().find(|(known, _)| *known == at).map(|(_, value)| *value);
    // A write-only register reads 0: what stands in its place was never in it.
    let value = |at: u32, access: Access| last(at).filter(|_| access != Access::WriteOnly);
    let all = registers.iter().map(|register| RegisterValue {
        name: register.name.to_owned(),
        offset: register.offset,
        value: value(register.offset, register.access),
    });
    let presence = match last(offset::MAGIC) {
        None | Some(firmware_abi::MAGIC) => Presence::Present,
        Some(u32::MAX) => Presence::Gone,
        Some(_) => Presence::Foreign,
    };
    let nic = NicDump {
        map_hash: MapHash::OURS,
        presence,
        moment: None,
        registers: all.collect(),
        ledgers: None,
        tables: None,
    };
    let words: Vec<String> = registers.iter().map(|register| register.name.to_owned()).collect();
    let mut answer = view::read(&File::of(nic), &words, show)?;
    let unknown = values.iter().filter(|(at, _)| names::at(*at).is_none()).count();
    if unknown > 0 {
        answer.notes.push(format!("{unknown} words at addresses that hold no register"));
    }
    Ok(answer)
}

fn single(line: &str) -> Option<u32> {
    let digits = line.strip_prefix("0x").unwrap_or(line);
    u32::from_str_radix(digits, 16).ok()
}

/// Addresses and words of a line.
fn line_values(line: &str) -> Option<Vec<(u32, u32)>> {
    // xxd and hexdump -C repeat the bytes as letters behind two blanks or a bar.
    let line = line.split('|').next()?.trim_end();
    let (head, rest) = line.split_once([':', '=', ' ', '\t'])?;
    let is_xxd = head.len() == 8 && line.as_bytes().get(8) == Some(&b':');
    let rest = rest.trim_start_matches([':', '=', ' ', '\t']);
    let rest = if is_xxd { rest.split("  ").next()? } else { rest };
    // Addresses are hexadecimal, as tools print them, with or without 0x; no register's name is a number.
    let start = match single(head) {
        Some(at) => Some(at).filter(|at| at.is_multiple_of(4))?,
        None => names::find(head).ok()?.register.offset,
    };
    let tokens: Vec<&str> = rest.split_whitespace().collect();
    let are_bytes = tokens.iter().all(|token| matches!(token.len(), 2 | 4) && !token.starts_with("0x"));
    let words: Vec<u32> =
        if are_bytes { bytes_of(&tokens)? } else { tokens.iter().map(|t| single(t)).collect::<Option<_>>()? };
    Some((start..).step_by(4).zip(words).collect())
}

/// Words of bytes that stand in the order of their addresses.
fn bytes_of(tokens: &[&str]) -> Option<Vec<u32>> {
    let digits = tokens.concat();
    if !digits.len().is_multiple_of(8) {
        return None;
    }
    let word = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().map(u32::swap_bytes);
    digits.as_bytes().chunks(8).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::{decode, line_values};
    use crate::diag::Show;

    #[test]
    fn words_are_read_in_every_form_that_tools_print() {
        let status = Some(vec![(0x20, 1), (0x24, 3)]);
        assert_eq!(line_values("0x020: 00000001 0x00000003"), status);
        assert_eq!(line_values("00000020: 0100 0000 0300 0000  ........"), status);
        assert_eq!(line_values("00000020  01 00 00 00 03 00 00 00  |........|"), status);
        assert_eq!(line_values("STATUS = 0x3"), Some(vec![(0x24, 3)]));
        assert_eq!(line_values("status 0000001f"), Some(vec![(0x24, 0x1f)]));
        for wrong in ["", "STATUS", "STATUS = green", "0x021: 00000001", "00000020: 0100 00"] {
            assert_eq!(line_values(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_word_is_decoded_by_the_register_that_it_is_said_to_be_of() {
        let text = |text, register| decode(text, register, Show::default()).map(|answer| answer.text);
        let decoded = text("0x3", Some("STATUS")).unwrap_or_default();
        assert!(decoded.contains("running") && decoded.contains("0x00000003"), "{decoded}");
        assert!(text("0x3", None).is_err() && text("", None).is_err());
    }

    #[test]
    fn what_stands_in_the_place_of_a_write_only_register_is_not_shown() {
        let decoded = decode("SNAPSHOT = 0", None, Show::default()).map(|answer| answer.text).unwrap_or_default();
        assert!(decoded.contains("write-only"), "{decoded}");
    }
}
