//! The two H3 hashes, as shifts and as the masks of their parity trees.

use crate::emit::comment;
use firmware_abi::hash;
use firmware_abi::key::IDENTITY_MASK;
use std::fmt::Write;

/// Rounds, and the three shifts of each: left, right, left.
const ROUNDS: usize = 7;
const SHIFTS: [u32; 3] = [12, 15, 20];

/// The hash from [`ROUNDS`] and [`SHIFTS`], as the package computes it.
fn shifted(identity: &[u64; 5]) -> u64 {
    (0..ROUNDS).fold(0, |hash, round| {
        let mut hash: u64 = hash ^ identity.get(round).copied().unwrap_or(0);
        hash ^= hash << SHIFTS[0];
        hash ^= hash >> SHIFTS[1];
        hash ^= hash << SHIFTS[2];
        hash
    })
}

/// The hash is linear: agreeing on each bit alone is agreeing on every key.
fn check_shifts() {
    for input in 0..320 {
        let mut identity = [0; 5];
        identity[input / 64] = 1 << (input % 64);
        assert_eq!(shifted(&identity), hash::h3(&identity), "key bit {input}");
    }
}

fn wide(words: [u64; 5]) -> String {
    let digits: Vec<_> = words.iter().rev().map(|word| format!("{word:016x}")).collect();
    format!("320'h{}", digits.join("_"))
}

/// Constants and functions.
pub(crate) fn write(text: &mut String) {
    check_shifts();
    comment(text, &["What the lookup compares of a key, and hashes: all but TCP flags and action."]);
    let mask = wide([u64::MAX, u64::MAX, u64::MAX, u64::MAX, IDENTITY_MASK]);
    writeln!(text, "  localparam logic [319:0] IDENTITY_MASK =\n      {mask};").expect("a string");
    text.push_str(IDENTITY);
    comment(
        text,
        &["The two H3 hashes: bits [31:0] place a flow in the lower half of the slots, [63:32] in the upper."],
    );
    writeln!(text, "  localparam int unsigned H3_ROUNDS = {ROUNDS};").expect("a string");
    writeln!(text, "  localparam int unsigned WAYS = {};", hash::WAYS).expect("a string");
    text.push_str(
        &H3.replace("LEFT_A", &SHIFTS[0].to_string())
            .replace("RIGHT", &SHIFTS[1].to_string())
            .replace("LEFT_B", &SHIFTS[2].to_string()),
    );
    comment(
        text,
        &["Hash bit i is the parity of the key bits in H3_MASK[i]: the same hash, as XOR trees of one level."],
    );
    let masks: Vec<_> = (0..64).rev().map(|bit| format!("    {}", wide(hash::mask(bit)))).collect();
    writeln!(text, "  localparam logic [63:0][319:0] H3_MASK = {{\n{}\n  }};", masks.join(",\n")).expect("a string");
    text.push_str(PARITY);
    text.push_str(BUCKETS);
}

const IDENTITY: &str = "
  function automatic logic [319:0] key_identity(input flow_key_t key);
    return key & IDENTITY_MASK;
  endfunction
";

const H3: &str = "
  // One round: `word` is the next 64 bits of the identity, low ones first; 0 in the last two rounds.
  function automatic logic [63:0] h3_round(input logic [63:0] hash, input logic [63:0] word);
    logic [63:0] mixed;
    mixed = hash ^ word;
    mixed ^= mixed << LEFT_A;
    mixed ^= mixed >> RIGHT;
    mixed ^= mixed << LEFT_B;
    return mixed;
  endfunction

  function automatic logic [63:0] h3(input logic [319:0] identity);
    logic [63:0] hash;
    hash = h3_round(64'd0, identity[63:0]);
    hash = h3_round(hash, identity[127:64]);
    hash = h3_round(hash, identity[191:128]);
    hash = h3_round(hash, identity[255:192]);
    hash = h3_round(hash, identity[319:256]);
    hash = h3_round(hash, 64'd0);
    return h3_round(hash, 64'd0);
  endfunction
";

const PARITY: &str = "
  function automatic logic [63:0] h3_parity(input logic [319:0] identity);
    logic [63:0] hash;
    for (int unsigned i = 0; i < 64; i++) hash[i] = ^(identity & H3_MASK[i]);
    return hash;
  endfunction
";

const BUCKETS: &str = "
  // The bucket in half `half`, in a table of 2^slots_log2 slots a direction (7 to 24).
  function automatic logic [31:0] h3_bucket(input logic [63:0] hash, input logic half,
                                            input int unsigned slots_log2);
    logic [31:0] part;
    part = half ? hash[63:32] : hash[31:0];
    return part >> (36 - slots_log2);
  endfunction

  // The first of the eight slots of a bucket.
  function automatic logic [31:0] first_slot(input logic half, input logic [31:0] bucket,
                                             input int unsigned slots_log2);
    return (32'(half) << (slots_log2 - 1)) + (bucket << 3);
  endfunction
";
