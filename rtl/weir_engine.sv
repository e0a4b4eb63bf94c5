// One flow engine: a frame's way through a direction.
//
//   in ─┬─▶ parse ─▶ meta_o ═ eni ═▶ admitted_i ─▶ [admitted] ─┐
//       │              retries of inject, ops of commands ─────┴▶ issue ─┬▶ hash ─▶ lookup ─┬▶ judge ─┬▶ tally
//       │                                                                ├▶ tick ───────────┤         ├▶ ledger
//       │                                                                └▶ the item ───────┘         └▶ answers
//       └─▶ [frame buffer] ─▶ gate ─▶ out, punt      gate ◀─ [verdicts] ◀── judge
//
// Buffer, parser and gate are in weir_front, which may have a clock of its own.
// A frame waits in the frame buffer until it is judged, in the order of its last beat. It has one beat there at
// least until the gate takes it, so the queues on its way, as deep as the buffer, are never full: only
// a full buffer makes the wire wait. Bytes past the longest frame are counted and cut off.
//
// Timing: docs/rtl.md, "Cycles". One beat and one item a cycle. Nothing between issue and verdict stalls.
// Model: hw-model/src/engine.rs, hw-model/src/receive.rs.
module weir_engine
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // The direction: ingress has the policer, egress the shaper.
    parameter bit EGRESS = 1'b0,
    // Slots, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17,
    // Virtual ports, as a power of two: 0 to 12.
    parameter int unsigned ENIS_LOG2 = 12,
    // Beats of the frame buffer; a power of two.
    parameter int unsigned FRAME_BEATS = 512,
    // The stream has a clock of its own.
    parameter bit TWO_CLOCKS = 1'b0,
    // As the top's.
    parameter bit RESTS = 1'b0
) (
    input logic clk_i,
    // The same that never rests.
    input logic clk_root_i,
    input logic rst_ni,
    // Nobody rests.
    input logic awake_i,
    // Of the stream; not looked at with one clock.
    input logic clk_front_i,
    input logic rst_front_ni,

    input logic in_valid_i,
    output logic in_ready_o,
    input beat_t in_i,
    input frame_user_t in_user_i,
    output logic out_valid_o,
    input logic out_ready_i,
    output beat_t out_o,
    output sent_user_t out_user_o,

    // Windows.
    input stamp_t stamp_i,
    input logic [1:0][63:0] tick_base_ns_i,
    output logic stamped_o,

    // ENIs.
    output logic meta_valid_o,
    output meta_t meta_o,
    input logic admitted_valid_i,
    input admitted_t admitted_i,
    output logic judged_valid_o,
    output ledger_op_t judged_o,
    // No item in the next cycle.
    input logic bubble_i,

    // What commands do, and its answers in order.
    input logic op_valid_i,
    output logic op_ready_o,
    input item_t op_i,
    output logic op_valid_o,
    output answer_t op_o,
    // Inject's retries, and probes for their buckets.
    input logic retry_valid_i,
    output logic retry_ready_o,
    input item_t retry_i,
    output logic retry_valid_o,
    output answer_t retry_o,

    // The table's and the tally's other side.
    input logic scan_valid_i,
    output logic scan_ready_o,
    input logic [23:0] scan_slot_i,
    output logic scan_valid_o,
    output slot_t scan_o,
    input logic side_valid_i,
    output logic side_ready_o,
    input tally_op_t side_i,
    output logic side_valid_o,
    output counter_t side_counter_o,
    input logic row_valid_i,
    output logic row_ready_o,
    input logic row_bank_i,
    input logic [17:0] row_i,
    output logic row_valid_o,
    output logic [63:0] row_bits_o,
    input logic activity_valid_i,
    output logic activity_ready_o,
    input logic activity_restore_i,
    input logic [17:0] activity_row_i,
    input logic [63:0] activity_bits_i,
    output logic activity_valid_o,
    output logic [63:0] activity_bits_o,

    // The gate's; `punt_*` but for `punt_enter_*` in the stream's clock.
    input logic inject_valid_i,
    output logic inject_ready_o,
    input verdict_t inject_i,
    input logic inject_beat_valid_i,
    output logic inject_beat_ready_o,
    input beat_t inject_beat_i,
    output logic shape_valid_o,
    input logic shape_ready_i,
    output bucket_ask_t shape_o,
    input logic shape_valid_i,
    input bucket_answer_t shape_i,
    output logic shaped_valid_o,
    output ledger_op_t shaped_o,
    input logic [15:0] punt_room_i,
    output logic punt_valid_o,
    input logic punt_ready_i,
    output verdict_t punt_o,
    output logic punt_lost_o,
    output logic punt_beat_valid_o,
    input logic punt_beat_ready_i,
    output beat_t punt_beat_o,
    input logic punt_busy_i,
    output logic punt_enter_o,
    output logic punt_enter_bank_o,
    output logic leave_o,
    output logic leave_bank_o,
    output logic inject_done_o,
    output logic inject_done_bank_o,

    // All but what punt counts.
    output engine_events_t events_o,
    // A beat stood at the wire, or a frame at the table, and could not go.
    output logic stall_o,

    input logic clear_i,
    output logic ready_o,
    output logic busy_o
);

  if (FRAME_BEATS <= FRAME_BEATS_MAX) begin : gen_bad_beats
    $error("weir_engine: FRAME_BEATS is %0d, expected more than the %0d of a frame", FRAME_BEATS, FRAME_BEATS_MAX);
  end
  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_engine: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  localparam int unsigned LOOKED_UP_CYCLES = HASH_CYCLES + LOOKUP_CYCLES;

  // ---- Who rests apart: what lies between issue and verdict ----

  logic pipe_clk, pipe_busy, frame_valid;

  weir_rest #(
      .RESTS(RESTS)
  ) u_pipe_rest (
      .clk_i(clk_root_i),
      .awake_i(awake_i || !ready_o || pipe_busy || frame_valid || retry_valid_i || op_valid_i || scan_valid_i
          || side_valid_i || row_valid_i || activity_valid_i),
      .clk_o(pipe_clk)
  );

  // ---- Issue ----

  logic admitted_ready, frame_ready, frame_waits;
  admitted_t frame;
  logic [$clog2(FRAME_BEATS):0] admitted_level;

  weir_fifo #(
      .item_t(admitted_t),
      .DEPTH(FRAME_BEATS)
  ) u_admitted (
      .clk_i,
      .rst_ni,
      .valid_i(admitted_valid_i),
      .ready_o(admitted_ready),
      .data_i(admitted_i),
      .valid_o(frame_valid),
      .ready_i(frame_ready),
      .data_o(frame),
      .level_o(admitted_level)
  );

  // What travels beside hash and lookup.
  typedef struct packed {
    logic is_retry;
    item_t item;
  } issued_t;

  logic issued_valid, lookup_ready, tally_ready;
  issued_t issued;
  logic [63:0] base_ns;

  assign ready_o = lookup_ready && tally_ready;

  weir_issue u_issue (
      .clk_i(pipe_clk),
      .rst_ni,
      .tick_base_ns_i,
      .bubble_i,
      .tables_ready_i(ready_o),
      .frame_valid_i(frame_valid),
      .frame_ready_o(frame_ready),
      .frame_i(frame),
      .frame_waits_o(frame_waits),
      .retry_valid_i,
      .retry_ready_o,
      .retry_i,
      .op_valid_i,
      .op_ready_o,
      .op_i,
      .valid_o(issued_valid),
      .item_o(issued.item),
      .is_retry_o(issued.is_retry),
      .base_ns_o(base_ns)
  );

  // ---- Hash, lookup, and what waits for them ----

  // What the lookup needs besides the key.
  typedef struct packed {
    op_e op;
    logic [23:0] slot;
    logic [31:0] cookie;
  } wanted_t;

  wanted_t wanted, hashed;
  logic hashed_valid, found_valid, hash_busy, lookup_busy, tick_valid, ticked;
  flow_key_t hashed_key;
  logic [1:0][19:0] buckets;
  found_t found;
  logic [23:0] tick_now, tick;
  issued_t looked_up;
  logic looked_up_valid, looked_up_busy, tick_busy, unused_payload;

  assign wanted = '{op: issued.item.op, slot: issued.item.slot, cookie: issued.item.cookie};

  weir_hash #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .payload_t(wanted_t)
  ) u_hash (
      .clk_i(pipe_clk),
      .rst_ni,
      .valid_i(issued_valid),
      .key_i(issued.item.packet.meta.key),
      .payload_i(wanted),
      .valid_o(hashed_valid),
      .key_o(hashed_key),
      .buckets_o(buckets),
      .payload_o(hashed),
      .busy_o(hash_busy)
  );

  weir_lookup #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .payload_t(logic)
  ) u_lookup (
      .clk_i(pipe_clk), .rst_ni, .clear_i, .ready_o(lookup_ready), .valid_i(hashed_valid), .op_i(hashed.op),
      .slot_i(hashed.slot), .key_i(hashed_key), .cookie_i(hashed.cookie), .buckets_i(buckets), .payload_i(1'b0),
      .valid_o(found_valid), .found_o(found), .payload_o(unused_payload), .scan_valid_i, .scan_ready_o, .scan_slot_i,
      .scan_valid_o, .scan_o, .busy_o(lookup_busy)
  );

  weir_delay #(
      .item_t(issued_t),
      .CYCLES(LOOKED_UP_CYCLES)
  ) u_items (
      .clk_i(pipe_clk),
      .rst_ni,
      .valid_i(issued_valid),
      .data_i(issued),
      .valid_o(looked_up_valid),
      .data_o(looked_up),
      .busy_o(looked_up_busy)
  );

  weir_tick u_tick (
      .clk_i(pipe_clk), .rst_ni,
      .valid_i(issued_valid),
      .time_ns_i(issued.item.packet.meta.stamp.time_ns),
      .base_ns_i(base_ns),
      .valid_o(tick_valid),
      .tick_o(tick_now)
  );

  weir_delay #(
      .item_t(logic [23:0]),
      .CYCLES(LOOKED_UP_CYCLES - TICK_CYCLES)
  ) u_ticks (
      .clk_i(pipe_clk), .rst_ni,
      .valid_i(tick_valid),
      .data_i(tick_now),
      .valid_o(ticked),
      .data_o(tick),
      .busy_o(tick_busy)
  );

  // ---- Judge and tally ----

  logic tally_valid, counter_valid, verdict_valid, judge_busy, tally_busy;
  tally_op_t tally_op;
  counter_t counter;
  verdict_t verdict;
  answer_t answer;
  engine_events_t judge_events;

  weir_judge u_judge (
      .clk_i(pipe_clk), .rst_ni, .valid_i(found_valid), .item_i(looked_up.item), .is_retry_i(looked_up.is_retry),
      .found_i(found), .tick_i(tick), .tally_valid_o(tally_valid), .tally_o(tally_op), .counter_i(counter),
      .judged_valid_o, .judged_o, .verdict_valid_o(verdict_valid), .verdict_o(verdict), .op_valid_o, .retry_valid_o,
      .answer_o(answer), .events_o(judge_events), .busy_o(judge_busy)
  );

  assign op_o = answer;
  assign retry_o = answer;

  weir_tally #(
      .SLOTS_LOG2(SLOTS_LOG2)
  ) u_tally (
      .clk_i(pipe_clk), .rst_ni, .clear_i, .ready_o(tally_ready), .op_valid_i(tally_valid), .op_i(tally_op),
      .op_valid_o(counter_valid), .op_counter_o(counter), .side_valid_i, .side_ready_o, .side_i, .side_valid_o,
      .side_counter_o, .row_valid_i, .row_ready_o, .row_bank_i, .row_i, .row_valid_o, .row_bits_o, .activity_valid_i,
      .activity_ready_o, .activity_restore_i, .activity_row_i, .activity_bits_i, .activity_valid_o, .activity_bits_o,
      .busy_o(tally_busy)
  );

  // ---- The stream's side: the frames themselves, parser and gate ----

  logic verdicts_ready, gated_valid, gated_ready, forwarded, limited, front_stall, front_busy;
  verdict_t gated;
  logic [$clog2(FRAME_BEATS):0] verdicts_level;

  weir_fifo #(
      .item_t(verdict_t),
      .DEPTH(FRAME_BEATS)
  ) u_verdicts (
      .clk_i,
      .rst_ni,
      .valid_i(verdict_valid),
      .ready_o(verdicts_ready),
      .data_i(verdict),
      .valid_o(gated_valid),
      .ready_i(gated_ready),
      .data_o(gated),
      .level_o(verdicts_level)
  );

  weir_front #(
      .EGRESS(EGRESS),
      .FRAME_BEATS(FRAME_BEATS),
      .TWO_CLOCKS(TWO_CLOCKS),
      .RESTS(RESTS)
  ) u_front (
      .clk_i, .clk_root_i, .rst_ni, .awake_i, .clk_front_i, .rst_front_ni, .in_valid_i, .in_ready_o, .in_i, .in_user_i,
      .out_valid_o, .out_ready_i, .out_o, .out_user_o, .punt_room_i, .punt_valid_o, .punt_ready_i, .punt_o,
      .punt_lost_o, .punt_beat_valid_o, .punt_beat_ready_i, .punt_beat_o, .punt_busy_i, .stamp_i, .stamped_o,
      .meta_valid_o, .meta_o, .verdict_valid_i(gated_valid), .verdict_ready_o(gated_ready), .verdict_i(gated),
      .inject_valid_i, .inject_ready_o, .inject_i, .inject_beat_valid_i, .inject_beat_ready_o, .inject_beat_i,
      .shape_valid_o, .shape_ready_i, .shape_o, .shape_valid_i, .shape_i, .shaped_valid_o, .shaped_o, .leave_o,
      .leave_bank_o, .inject_done_o, .inject_done_bank_o, .forwarded_o(forwarded), .limited_o(limited),
      .stall_o(front_stall), .busy_o(front_busy)
  );

  // A frame for punt counts as there from its verdict on: it may be over there before it has left the gate.
  assign punt_enter_o = verdict_valid && verdict.punt;
  assign punt_enter_bank_o = verdict.bank;

  // The policer is ingress's and the shaper egress's: never both in one engine.
  always_comb begin
    events_o = judge_events;
    events_o.forwarded = forwarded;
    events_o.limited = judge_events.limited || limited;
  end

  assign stall_o = front_stall || frame_waits;
  assign pipe_busy = issued_valid || hash_busy || lookup_busy || looked_up_busy || judge_busy || tally_busy;
  assign busy_o = front_busy || frame_valid || pipe_busy || gated_valid;

  // The queues have room for all there can be, and what travels side by side arrives together.
  logic unused;
  assign unused = &{1'b0, admitted_level, verdicts_level, admitted_ready, verdicts_ready, looked_up_valid, ticked,
      tick_busy, counter_valid};

endmodule
