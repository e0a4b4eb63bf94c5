// The flow table of one direction: two halves of eight-way buckets, a slot's number chosen by the host.
//
//   bucket of half 0 ─▶ 8 memories ─┐
//   bucket of half 1 ─▶ 8 memories ─┴─▶ compare all 16 keys ─▶ lower half first, then lower way ─▶ slot
//                          ▲ port B: what commands write, what the drain reads
//
// All sixteen keys are read and compared whole, so no key takes longer than another, and nobody can
// choose keys that do. INSERT, UPDATE and DELETE write in the cycle in which their item comes by: every
// item before it was read before, every one after it sees the change.
//
// Timing: LOOKUP_CYCLES from item to `found_o`, one a cycle, never stalls. A scan is answered SCAN_CYCLES after
// it was taken; it is not taken in a cycle in which an item writes. The sweep takes a cycle a bucket.
// Model: hw-model/src/lookup.rs.
module weir_lookup
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17,
    // What travels with an item.
    parameter type payload_t = logic [7:0]
) (
    input logic clk_i,
    input logic rst_ni,

    // Empties the table. No item that writes may come until `ready_o` is set again.
    input logic clear_i,
    output logic ready_o,

    input logic valid_i,
    input op_e op_i,
    // Of what is neither packet nor retry.
    input logic [23:0] slot_i,
    input flow_key_t key_i,
    input logic [31:0] cookie_i,
    input logic [1:0][19:0] buckets_i,
    input payload_t payload_i,

    output logic valid_o,
    output found_t found_o,
    output payload_t payload_o,

    input logic scan_valid_i,
    output logic scan_ready_o,
    input logic [23:0] scan_slot_i,
    output logic scan_valid_o,
    output slot_t scan_o,

    output logic busy_o
);

  localparam int unsigned HALVES = 2;
  localparam int unsigned BUCKET_BITS = SLOTS_LOG2 - 4;
  localparam int unsigned BUCKETS = 2 ** BUCKET_BITS;
  // A comparison is made in this many pieces.
  localparam int unsigned CHUNKS = 5;

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_lookup: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end

  // What is compared, in the order of the key; the egress bit is the engine's own.
  typedef struct packed {
    logic ip6;
    logic egress;
    logic [11:0] vport;
    logic [7:0] protocol;
    logic [15:0] dst_port;
    logic [15:0] src_port;
    logic [127:0] dst;
    logic [127:0] src;
  } identity_t;

  typedef struct packed {
    logic valid;
    logic [1:0] action;
    identity_t identity;
  } entry_t;

  typedef logic [BUCKET_BITS-1:0] bucket_t;

  // Where a slot lies.
  typedef struct packed {
    logic past;
    logic half;
    bucket_t bucket;
    logic [2:0] way;
  } place_t;

  function automatic place_t place_of(input logic [23:0] slot);
    place_t place;
    place.past = (slot >> SLOTS_LOG2) != '0;
    {place.half, place.bucket, place.way} = slot[SLOTS_LOG2-1:0];
    return place;
  endfunction

  function automatic flow_key_t key_of(input identity_t identity, input logic [1:0] action);
    flow_key_t key;
    key = '0;
    key.port.ip6 = identity.ip6;
    key.port.egress = identity.egress;
    key.port.vport = identity.vport;
    key.port.action = action;
    key.protocol = identity.protocol;
    key.dst_port = identity.dst_port;
    key.src_port = identity.src_port;
    key.dst = identity.dst;
    key.src = identity.src;
    return key;
  endfunction

  // The sweep.
  logic sweeping_q;
  bucket_t sweep_q;

  assign ready_o = !sweeping_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else if (sweeping_q) begin
      sweeping_q <= sweep_q != '1;
      sweep_q <= sweep_q + 1'b1;
    end else begin
      sweeping_q <= clear_i;
    end
  end

  // The ports of the memories. Port B writes, or reads for the scan.
  place_t item_place, scan_place;
  logic is_search, is_write, scan_take;
  identity_t identity;
  logic unused_flags;
  bucket_t [HALVES-1:0] read_bucket;
  entry_t write_entry;

  assign item_place = place_of(slot_i);
  assign scan_place = place_of(scan_slot_i);
  assign is_search = op_i == OP_PACKET || op_i == OP_RETRY;
  assign is_write = valid_i && (op_i == OP_INSERT || op_i == OP_UPDATE || op_i == OP_DELETE) && !item_place.past;
  assign scan_ready_o = !is_write && !sweeping_q;
  assign scan_take = scan_valid_i && scan_ready_o;
  assign write_entry = '{valid: op_i != OP_DELETE, action: key_i.port.action, identity: identity};
  assign identity = '{
      ip6: key_i.port.ip6,
      egress: key_i.port.egress,
      vport: key_i.port.vport,
      protocol: key_i.protocol,
      dst_port: key_i.dst_port,
      src_port: key_i.src_port,
      dst: key_i.dst,
      src: key_i.src
  };
  assign unused_flags = &{1'b0, key_i.tcp_flags};

  always_comb begin
    for (int unsigned half = 0; half < HALVES; half++) begin
      read_bucket[half] = is_search ? bucket_t'(buckets_i[half]) : item_place.bucket;
    end
  end

  // Which stages hold an item.
  logic [LOOKUP_CYCLES-1:0] valid_q;

  // Stage 1: the memories' outputs. Stage 2: their output registers.
  entry_t [HALVES-1:0][WAYS-1:0] read_q;
  entry_t [HALVES-1:0][WAYS-1:0] scan_read_q;

  for (genvar half = 0; half < HALVES; half++) begin : gen_half
    for (genvar way = 0; way < WAYS; way++) begin : gen_way
      entry_t memory[BUCKETS];
      entry_t first_q;
      logic writes, scans;

      initial begin
        for (int unsigned i = 0; i < BUCKETS; i++) memory[i] = '0;
      end

      assign writes = is_write && item_place.half == 1'(half) && item_place.way == 3'(way);
      assign scans = scan_take && scan_place.half == 1'(half) && scan_place.way == 3'(way);

      // Port A.
      always_ff @(posedge clk_i) begin
        if (valid_i) first_q <= memory[read_bucket[half]];
        if (valid_q[0]) read_q[half][way] <= first_q;
      end

      // Port B.
      always_ff @(posedge clk_i) begin
        if (sweeping_q) memory[sweep_q] <= '0;
        else if (writes) memory[item_place.bucket] <= write_entry;
        else if (scans) scan_read_q[half][way] <= memory[scan_place.bucket];
      end
    end
  end

  // The cookies, likewise; of a packet nobody wants one.
  logic [31:0] cookies[2**SLOTS_LOG2];
  logic [31:0] cookie_first_q, cookie_read_q, scan_cookie_q;

  initial begin
    for (int unsigned i = 0; i < 2 ** SLOTS_LOG2; i++) cookies[i] = '0;
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && !is_search) cookie_first_q <= cookies[slot_i[SLOTS_LOG2-1:0]];
    if (valid_q[0]) cookie_read_q <= cookie_first_q;
  end

  always_ff @(posedge clk_i) begin
    if (is_write) cookies[slot_i[SLOTS_LOG2-1:0]] <= cookie_i;
    else if (scan_take) scan_cookie_q <= cookies[scan_slot_i[SLOTS_LOG2-1:0]];
  end

  // What travels with the item through the five stages.
  typedef struct packed {
    logic search;
    place_t place;
    logic [23:0] slot;
    logic [1:0][19:0] buckets;
  } carried_t;

  carried_t carried_q[LOOKUP_CYCLES-1];
  payload_t payload_q[LOOKUP_CYCLES];
  identity_t wanted_q[2];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LOOKUP_CYCLES-2:0], valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      carried_q[0] <= '{search: is_search, place: item_place, slot: slot_i, buckets: buckets_i};
      wanted_q[0] <= identity;
      payload_q[0] <= payload_i;
    end
    if (valid_q[0]) wanted_q[1] <= wanted_q[0];
    for (int unsigned i = 1; i < LOOKUP_CYCLES - 1; i++) if (valid_q[i-1]) carried_q[i] <= carried_q[i-1];
    for (int unsigned i = 1; i < LOOKUP_CYCLES; i++) if (valid_q[i-1]) payload_q[i] <= payload_q[i-1];
  end

  // Stage 3: equal or not, in pieces; of an op, its slot's entry. Stage 4: the pieces together.
  logic [HALVES-1:0][WAYS-1:0][CHUNKS-1:0] equal_q;
  logic [HALVES-1:0][WAYS-1:0] match_d, match_q;
  logic [HALVES-1:0][WAYS-1:0][1:0] actions_q, match_actions_q;
  entry_t entry_q, match_entry_q;
  logic [31:0] cookie_q, match_cookie_q;

  function automatic logic [CHUNKS-1:0] equal(input logic valid, input identity_t differs);
    logic [$bits(identity_t)-1:256] rest;
    rest = {differs.ip6, differs.egress, differs.vport, differs.protocol, differs.dst_port, differs.src_port};
    return {
      valid && rest == '0,
      differs.dst[127:64] == '0,
      differs.dst[63:0] == '0,
      differs.src[127:64] == '0,
      differs.src[63:0] == '0
    };
  endfunction

  always_comb begin
    for (int unsigned half = 0; half < HALVES; half++) begin
      for (int unsigned way = 0; way < WAYS; way++) match_d[half][way] = &equal_q[half][way];
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_q[1]) begin
      for (int unsigned half = 0; half < HALVES; half++) begin
        for (int unsigned way = 0; way < WAYS; way++) begin
          equal_q[half][way] <=
              equal(read_q[half][way].valid, read_q[half][way].identity ^ wanted_q[1]);
          actions_q[half][way] <= read_q[half][way].action;
        end
      end
      if (!carried_q[1].search) begin
        entry_q <= read_q[carried_q[1].place.half][carried_q[1].place.way];
        cookie_q <= cookie_read_q;
      end
    end
    if (valid_q[2]) begin
      match_q <= match_d;
      match_actions_q <= actions_q;
      if (!carried_q[2].search) begin
        match_entry_q <= entry_q;
        match_cookie_q <= cookie_q;
      end
    end
  end

  // Stage 5: the lower half, then the lower way.
  found_t found_q, found_d;

  always_comb begin
    logic [HALVES*WAYS-1:0] candidates;
    logic [HALVES*WAYS-1:0][1:0] actions;
    carried_t carried;
    logic [3:0] first;

    candidates = match_q;
    actions = match_actions_q;
    carried = carried_q[LOOKUP_CYCLES-2];
    first = '0;
    for (int i = HALVES * WAYS - 1; i >= 0; i--) if (candidates[i]) first = 4'(i);
    found_d = '0;
    found_d.buckets = carried.buckets;
    if (carried.search) begin
      found_d.hit = candidates != '0;
      found_d.action = slot_action_e'(actions[first]);
      found_d.slot = 24'({first[3], bucket_t'(carried.buckets[first[3]]), first[2:0]});
    end else begin
      found_d.hit = match_entry_q.valid && !carried.place.past;
      found_d.action = slot_action_e'(match_entry_q.action);
      found_d.slot = carried.slot;
      found_d.entry.valid = found_d.hit;
      found_d.entry.cookie = match_cookie_q;
      found_d.entry.key = key_of(match_entry_q.identity, match_entry_q.action);
    end
  end

  always_ff @(posedge clk_i) if (valid_q[LOOKUP_CYCLES-2]) found_q <= found_d;

  assign valid_o = valid_q[LOOKUP_CYCLES-1];
  assign found_o = found_q;
  assign payload_o = payload_q[LOOKUP_CYCLES-1];

  // The scan: the memory's output, the way that was asked for, out.
  logic [2:0] scan_valid_q;
  logic scan_past_q, scan_half_q;
  logic [2:0] scan_way_q;
  slot_t scan_q, scan_d, scan_out_q;

  always_comb begin
    entry_t entry;
    entry = scan_read_q[scan_half_q][scan_way_q];
    scan_d.valid = entry.valid && !scan_past_q;
    scan_d.cookie = scan_cookie_q;
    scan_d.key = key_of(entry.identity, entry.action);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) scan_valid_q <= '0;
    else scan_valid_q <= {scan_valid_q[1:0], scan_take};
  end

  always_ff @(posedge clk_i) begin
    if (scan_take) begin
      scan_past_q <= scan_place.past;
      scan_half_q <= scan_place.half;
      scan_way_q <= scan_place.way;
    end
    if (scan_valid_q[0]) scan_q <= scan_d;
    if (scan_valid_q[1]) scan_out_q <= scan_q;
  end

  assign scan_valid_o = scan_valid_q[2];
  assign scan_o = scan_out_q;
  assign busy_o = valid_q != '0 || scan_valid_q != '0 || sweeping_q;

endmodule
