// The two H3 hashes of a key, as far as they choose buckets.
//
//   key ─▶ identity ─▶ five words under their masks ─▶ parity of their sum ─▶ two bucket numbers
//
// Each bit of the hash is the parity of some of the key's bits: an XOR tree of at most four levels. Of each half's
// 32 bits only the upper ones choose a bucket, and only those are made.
//
// Timing: HASH_CYCLES, one key a cycle, never stalls.
// Model: hw-model/src/hash.rs.
module weir_hash
  import weir_abi_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17,
    // What travels with the key.
    parameter type payload_t = logic [7:0]
) (
    input logic clk_i,
    input logic rst_ni,

    input logic valid_i,
    input flow_key_t key_i,
    input payload_t payload_i,

    output logic valid_o,
    output flow_key_t key_o,
    // Of the lower and of the upper half of the slots.
    output logic [1:0][19:0] buckets_o,
    output payload_t payload_o,

    output logic busy_o
);

  localparam int unsigned BUCKET_BITS = SLOTS_LOG2 - 4;
  localparam int unsigned KEY_WORDS = 5;

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_hash: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end

  typedef logic [BUCKET_BITS-1:0] bucket_t;

  logic [KEY_WORDS-1:0][63:0] identity;
  logic [1:0] valid_q;
  payload_t payload_q[2];
  flow_key_t key_q[2];
  bucket_t [1:0] buckets_q[2];

  assign identity = key_identity(key_i);

  function automatic bucket_t bucket(input logic [KEY_WORDS-1:0][63:0] key, input int unsigned half);
    bucket_t chosen;
    logic [63:0] sum;
    for (int unsigned i = 0; i < BUCKET_BITS; i++) begin
      sum = '0;
      for (int unsigned word = 0; word < KEY_WORDS; word++) begin
        sum = sum ^ key[word] & H3_MASK[half*32+32-BUCKET_BITS+i][word*64+:64];
      end
      chosen[i] = ^sum;
    end
    return chosen;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      buckets_q[0] <= {bucket(identity, 1), bucket(identity, 0)};
      key_q[0] <= key_i;
      payload_q[0] <= payload_i;
    end
    if (valid_q[0]) begin
      buckets_q[1] <= buckets_q[0];
      key_q[1] <= key_q[0];
      payload_q[1] <= payload_q[0];
    end
  end

  assign valid_o = valid_q[1];
  assign key_o = key_q[1];
  assign buckets_o = {20'(buckets_q[1][1]), 20'(buckets_q[1][0])};
  assign payload_o = payload_q[1];
  assign busy_o = valid_q != '0;

endmodule
