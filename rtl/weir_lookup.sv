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
// it was taken; it is not taken in a cycle in which an item writes. The sweep takes a cycle for two slots.
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

  typedef logic [BUCKET_BITS-1:0] bucket_t;

  // A slot in its memory is the key with its action; where that has TCP flags, only the lowest bit is
  // kept, and says that the slot is in use. Whole words, which a simulator likes.
  typedef flow_key_t entry_t;
  typedef entry_t [WAYS-1:0] row_t;
  localparam logic [7:0] IN_USE = 8'h01;
  // What is compared of the last word: all but the action.
  localparam logic [63:0] COMPARED = 64'h9fff_ffff_ffff_ffff;

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

  function automatic entry_t entry_of(input flow_key_t key, input logic [7:0] in_use);
    entry_t entry;
    entry = key;
    entry.tcp_flags = in_use;
    return entry;
  endfunction

  function automatic slot_t slot_of(input entry_t entry, input logic [31:0] cookie, input logic past);
    slot_t slot;
    slot.valid = entry.tcp_flags[0] && !past;
    slot.cookie = cookie;
    slot.key = entry;
    slot.key.tcp_flags = '0;
    return slot;
  endfunction

  // The sweep, a way a cycle in both halves.
  logic sweeping_q;
  logic [BUCKET_BITS+2:0] sweep_q;

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
  entry_t write_entry;

  assign item_place = place_of(slot_i);
  assign scan_place = place_of(scan_slot_i);
  assign is_search = op_i == OP_PACKET || op_i == OP_RETRY;
  // Not before the first reset: what the registers in front hold until then must not reach the memories.
  assign is_write = rst_ni && valid_i && (op_i == OP_INSERT || op_i == OP_UPDATE || op_i == OP_DELETE)
      && !item_place.past;
  assign scan_ready_o = !is_write && !sweeping_q;
  assign scan_take = scan_valid_i && scan_ready_o;

  always_comb begin
    write_entry = '0;
    if (is_write && op_i != OP_DELETE) write_entry = entry_of(key_i, IN_USE);
  end

  // Which stages hold an item.
  logic [LOOKUP_CYCLES-1:0] valid_q;

  // Stage 1: the memories' outputs. Stage 2: their output registers. Stage 3: equal or not, in pieces.
  entry_t wanted_q, wanted_next_q;
  logic [HALVES*WAYS-1:0] whole;
  logic [HALVES*WAYS-1:0][1:0] way_actions;
  logic [CHUNKS-1:0][63:0] wanted;

  assign wanted = wanted_next_q;

  for (genvar half = 0; half < HALVES; half++) begin : gen_half
    row_t memory[BUCKETS];
    row_t first_q, second_q, scan_q;
    bucket_t read_bucket, write_bucket;
    logic [2:0] write_way;
    logic writes;

    initial begin
      for (int unsigned i = 0; i < BUCKETS; i++) memory[i] = '0;
    end

    assign read_bucket = is_search ? bucket_t'(buckets_i[half]) : item_place.bucket;
    assign writes = sweeping_q || is_write && item_place.half == 1'(half);
    assign {write_bucket, write_way} = sweeping_q ? sweep_q : {item_place.bucket, item_place.way};

    // Port A.
    always_ff @(posedge clk_i) begin
      if (valid_i) first_q <= memory[read_bucket];
      if (valid_q[0]) second_q <= first_q;
    end

    // Port B.
    always_ff @(posedge clk_i) begin
      if (writes) memory[write_bucket][write_way] <= write_entry;
      else if (scan_take && scan_place.half == 1'(half)) scan_q <= memory[scan_place.bucket];
    end

    for (genvar way = 0; way < WAYS; way++) begin : gen_way
      logic [CHUNKS-1:0][63:0] entry;
      logic [CHUNKS-1:0] equal_q;
      logic [1:0] action_q;

      assign entry = second_q[way];

      always_ff @(posedge clk_i) begin
        if (valid_q[1]) begin
          equal_q <= {
            (entry[4] & COMPARED) == (wanted[4] & COMPARED),
            entry[3] == wanted[3],
            entry[2] == wanted[2],
            entry[1] == wanted[1],
            entry[0] == wanted[0]
          };
          action_q <= second_q[way].port.action;
        end
      end

      assign whole[half*WAYS+way] = &equal_q;
      assign way_actions[half*WAYS+way] = action_q;
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

  // What travels with the item through the stages.
  typedef struct packed {
    logic search;
    logic [23:0] slot;
    logic [1:0][19:0] buckets;
  } carried_t;

  place_t place_q;
  logic next_past_q, next_half_q;
  logic [2:0] next_way_q;
  logic unused_bucket;

  assign unused_bucket = &{1'b0, place_q.bucket};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LOOKUP_CYCLES-2:0], valid_i};
  end

  for (genvar i = 0; i < LOOKUP_CYCLES; i++) begin : gen_stage
    payload_t payload_q;

    if (i == 0) begin : gen_first
      always_ff @(posedge clk_i) if (valid_i) payload_q <= payload_i;
    end else begin : gen_next
      always_ff @(posedge clk_i) if (valid_q[i-1]) payload_q <= gen_stage[i-1].payload_q;
    end
  end

  for (genvar i = 0; i < LOOKUP_CYCLES - 1; i++) begin : gen_carried
    carried_t carried_q;

    if (i == 0) begin : gen_first
      always_ff @(posedge clk_i) begin
        if (valid_i) carried_q <= '{search: is_search, slot: slot_i, buckets: buckets_i};
      end
    end else begin : gen_next
      always_ff @(posedge clk_i) if (valid_q[i-1]) carried_q <= gen_carried[i-1].carried_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      wanted_q <= entry_of(key_i, IN_USE);
      place_q <= item_place;
    end
    if (valid_q[0]) begin
      wanted_next_q <= wanted_q;
      next_past_q <= place_q.past;
      next_half_q <= place_q.half;
      next_way_q <= place_q.way;
    end
  end

  // Stage 4: the pieces together; of an op, its slot's entry. Stage 5: the lower half, then the lower way.
  logic [HALVES*WAYS-1:0] match_q;
  logic [HALVES*WAYS-1:0][1:0] match_actions_q;
  slot_t slot_q, match_slot_q;

  function automatic found_t chosen(input carried_t carried, input logic [HALVES*WAYS-1:0] candidates,
                                    input logic [HALVES*WAYS-1:0][1:0] actions, input slot_t slot);
    found_t found;
    logic [3:0] first;

    first = '0;
    for (int i = HALVES * WAYS - 1; i >= 0; i--) if (candidates[i]) first = 4'(i);
    found = '0;
    found.buckets = carried.buckets;
    if (carried.search) begin
      found.hit = candidates != '0;
      found.action = slot_action_e'(actions[first]);
      found.slot = 24'({first[3], bucket_t'(carried.buckets[first[3]]), first[2:0]});
    end else begin
      found.hit = slot.valid;
      found.action = slot_action_e'(slot.key.port.action);
      found.slot = carried.slot;
      found.entry = slot;
    end
    return found;
  endfunction

  found_t found_q;

  always_ff @(posedge clk_i) begin
    if (valid_q[1] && !gen_carried[1].carried_q.search) begin
      if (next_half_q) begin
        slot_q <= slot_of(gen_half[1].second_q[next_way_q], cookie_read_q, next_past_q);
      end else begin
        slot_q <= slot_of(gen_half[0].second_q[next_way_q], cookie_read_q, next_past_q);
      end
    end
    if (valid_q[2]) begin
      match_q <= whole;
      match_actions_q <= way_actions;
      if (!gen_carried[2].carried_q.search) match_slot_q <= slot_q;
    end
    if (valid_q[3]) found_q <= chosen(gen_carried[3].carried_q, match_q, match_actions_q, match_slot_q);
  end

  assign valid_o = valid_q[LOOKUP_CYCLES-1];
  assign found_o = found_q;
  assign payload_o = gen_stage[LOOKUP_CYCLES-1].payload_q;

  // The scan: the memory's output, the way that was asked for, out.
  logic [2:0] scan_valid_q;
  logic scan_past_q, scan_half_q;
  logic [2:0] scan_way_q;
  slot_t scan_slot_q, scan_out_q;

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
    if (scan_valid_q[0]) begin
      if (scan_half_q) scan_slot_q <= slot_of(gen_half[1].scan_q[scan_way_q], scan_cookie_q, scan_past_q);
      else scan_slot_q <= slot_of(gen_half[0].scan_q[scan_way_q], scan_cookie_q, scan_past_q);
    end
    if (scan_valid_q[1]) scan_out_q <= scan_slot_q;
  end

  assign scan_valid_o = scan_valid_q[2];
  assign scan_o = scan_out_q;
  assign busy_o = valid_q != '0 || scan_valid_q != '0 || sweeping_q;

endmodule
