// The judge: what becomes of a frame, and where it is counted.
//
//   item, found, tick ─▶ outcome ─┬─▶ tally       what the slot counts, takes or shows
//                                 ├─▶ ledger      where the packet ended, unless punt says so
//                                 ├─▶ verdict     forward, punt, both or neither; with the punt's header
//                                 ├─▶ counters
//                                 └─▶ [TALLY_CYCLES] ─▶ answer of what is no packet
//
// The first that holds decides: port unknown, policed, kind of the frame, what the table says. A retry is a hit
// or nothing: it was offered, and punted, before.
//
// Timing: one cycle, one item a cycle, never stalls. An answer comes TALLY_CYCLES later.
// Model: hw-model/src/receive.rs, and the hits of hw-model/src/inject.rs.
module weir_judge
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,

    input logic valid_i,
    input item_t item_i,
    // The answer is inject's.
    input logic is_retry_i,
    input found_t found_i,
    input logic [23:0] tick_i,

    output logic tally_valid_o,
    output tally_op_t tally_o,
    // TALLY_CYCLES after `tally_valid_o`.
    input counter_t counter_i,

    output logic judged_valid_o,
    output ledger_op_t judged_o,

    output logic verdict_valid_o,
    output verdict_t verdict_o,

    output logic op_valid_o,
    output logic retry_valid_o,
    output answer_t answer_o,

    // All but what the gate and punt count.
    output engine_events_t events_o,
    output logic busy_o
);

  typedef enum logic [3:0] {
    NOTHING,
    UNKNOWN,
    POLICED,
    EXCLUDED,
    NON_IP,
    MALFORMED,
    HOST_ONLY,
    MISS,
    HIT
  } outcome_e;

  meta_t meta;
  logic is_packet, is_return;
  outcome_e outcome;

  assign meta = item_i.packet.meta;
  assign is_packet = item_i.op == OP_PACKET;
  assign is_return = item_i.op == OP_RETRY && found_i.hit;

  always_comb begin
    outcome = NOTHING;
    if (is_return) outcome = HIT;
    else if (is_packet) begin
      if (!item_i.packet.known) outcome = UNKNOWN;
      else if (item_i.packet.policed) outcome = POLICED;
      else begin
        unique case (meta.kind)
          FRAME_FLOW: outcome = found_i.hit ? HIT : MISS;
          FRAME_HOST_ONLY: outcome = HOST_ONLY;
          FRAME_EXCLUDED: outcome = EXCLUDED;
          FRAME_NON_IP: outcome = NON_IP;
          default: outcome = MALFORMED;
        endcase
      end
    end
  end

  // The table of docs/rtl.md.
  logic is_no_log, is_rejected, is_mirrored;
  logic forward, punt, ended;
  ledger_e kind;
  punt_reason_e reason;
  tally_op_e tally_op;
  engine_events_t events;

  assign is_no_log = found_i.action == ACTION_NO_LOG;
  assign is_rejected = found_i.action == ACTION_REJECT;
  assign is_mirrored = found_i.action == ACTION_ACCEPT_MIRROR;

  always_comb begin
    forward = 1'b0;
    punt = 1'b0;
    ended = 1'b1;
    kind = LEDGER_TALLIED;
    reason = PUNT_MISS;
    events = '0;
    events.frames = is_packet;
    if (is_packet) events.bytes = meta.wire_bytes;
    unique case (outcome)
      UNKNOWN: begin
        ended = 1'b0;
        events.no_eni = 1'b1;
      end
      POLICED: begin
        kind = LEDGER_POLICED;
        events.limited = 1'b1;
      end
      EXCLUDED: begin
        kind = LEDGER_EXCLUDED;
        events.excluded = 1'b1;
        forward = 1'b1;
      end
      NON_IP: begin
        kind = LEDGER_NON_IP;
        events.non_ip = 1'b1;
        forward = 1'b1;
      end
      MALFORMED: begin
        kind = LEDGER_MALFORMED;
        events.malformed = 1'b1;
      end
      HOST_ONLY: begin
        ended = 1'b0;
        punt = 1'b1;
        reason = meta.fragment == FRAGMENT_WHOLE ? PUNT_ICMP : PUNT_FRAGMENT;
      end
      MISS: begin
        ended = 1'b0;
        punt = 1'b1;
        events.misses = 1'b1;
      end
      HIT: begin
        kind = is_no_log ? LEDGER_EXCLUDED : LEDGER_TALLIED;
        events.hits = 1'b1;
        events.excluded = is_no_log;
        events.rejected = is_rejected;
        forward = !is_rejected;
        punt = is_mirrored;
        reason = PUNT_MIRROR;
      end
      default: ended = 1'b0;
    endcase
  end

  // What the slot does. A slot past the table is not in use, and nothing is taken from it.
  always_comb begin
    tally_op = TALLY_NONE;
    unique case (item_i.op)
      OP_PACKET, OP_RETRY: if (outcome == HIT) tally_op = is_no_log ? TALLY_TOUCH : TALLY_ADD;
      OP_PROBE: if (found_i.hit) tally_op = TALLY_PEEK;
      OP_EXTRACT, OP_UPDATE, OP_DELETE: if (found_i.hit) tally_op = TALLY_TAKE;
      default: ;
    endcase
  end

  ledger_op_t judged;
  verdict_t verdict;

  always_comb begin
    judged.offered = is_packet && item_i.packet.known;
    judged.ended = ended;
    judged.returned = is_return;
    judged.limited = outcome == POLICED;
    judged.kind = kind;
    judged.limit = item_i.packet.limit;
    judged.bank = meta.stamp.window[0];
    judged.vport = meta.vport[11:0];
    judged.bytes = meta.l3_bytes;
  end

  always_comb begin
    verdict = '0;
    verdict.forward = forward;
    verdict.punt = punt;
    verdict.bank = meta.stamp.window[0];
    verdict.limits = item_i.packet.limits;
    verdict.header.key = meta.key;
    verdict.header.key.port.action = ACTION_ACCEPT;
    verdict.header.time_ns = meta.stamp.time_ns;
    verdict.header.aux = outcome == MISS ? {12'd0, found_i.buckets[1], 12'd0, found_i.buckets[0]}
        : {meta.icmp, meta.identification};
    verdict.header.length.wire_bytes = meta.wire_bytes;
    verdict.header.length.held_bytes = meta.held_bytes;
    verdict.header.tail.l3_bytes = meta.l3_bytes;
    verdict.header.tail.window = meta.stamp.window[7:0];
    verdict.header.tail.code = reason;
    verdict.header.tail.first_fragment = meta.fragment == FRAGMENT_FIRST;
    verdict.header.tail.later_fragment = meta.fragment == FRAGMENT_LATER;
  end

  // Out.
  logic tally_valid_q, judged_valid_q, verdict_valid_q, counted_q;
  tally_op_t tally_q;
  ledger_op_t judged_q;
  verdict_t verdict_q;
  engine_events_t events_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tally_valid_q <= 1'b0;
      judged_valid_q <= 1'b0;
      verdict_valid_q <= 1'b0;
      counted_q <= 1'b0;
    end else begin
      tally_valid_q <= valid_i && tally_op != TALLY_NONE;
      judged_valid_q <= valid_i && (judged.offered || judged.returned);
      verdict_valid_q <= valid_i && is_packet;
      counted_q <= valid_i && (is_packet || is_return);
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      tally_q <= '{
          op: tally_op,
          bank: meta.stamp.window[0],
          slot: found_i.slot,
          counter: '{
              packets: 40'd1,
              bytes: 48'(meta.l3_bytes),
              tcp_flags: meta.key.tcp_flags,
              first_tick: tick_i,
              last_tick: tick_i
          }
      };
      judged_q <= judged;
      verdict_q <= verdict;
      events_q <= events;
    end
  end

  assign tally_valid_o = tally_valid_q;
  assign tally_o = tally_q;
  assign judged_valid_o = judged_valid_q;
  assign judged_o = judged_q;
  assign verdict_valid_o = verdict_valid_q;
  assign verdict_o = verdict_q;
  assign events_o = counted_q ? events_q : '0;

  // The answer waits for what the tally had. It comes even if the tally is being swept.
  typedef struct packed {
    logic is_retry;
    found_t found;
  } asked_t;

  asked_t asked, answered;
  logic answer_valid, answer_busy;

  assign asked = '{is_retry: is_retry_i, found: found_i};

  weir_delay #(
      .item_t(asked_t),
      .CYCLES(TALLY_CYCLES + 1)
  ) u_answers (
      .clk_i,
      .rst_ni,
      .valid_i(valid_i && !is_packet),
      .data_i(asked),
      .valid_o(answer_valid),
      .data_o(answered),
      .busy_o(answer_busy)
  );

  assign op_valid_o = answer_valid && !answered.is_retry;
  assign retry_valid_o = answer_valid && answered.is_retry;
  // Nothing was counted where nothing is.
  assign answer_o = '{found: answered.found, counter: answered.found.hit ? counter_i : '0};
  assign busy_o = tally_valid_q || judged_valid_q || verdict_valid_q || counted_q || answer_busy;

  logic unused;
  assign unused = &{1'b0, item_i.slot, item_i.cookie, meta.vport[15:12], meta.key.port.action};

endmodule
