// What of a direction lies in the stream's clock: frame buffer, parser, gate, and the ways to the engine and back.
//
//   in ─┬─▶ parse ──▶ ═ meta_o            stream's clock ═ engine's clock
//       └─▶ [frame buffer] ─▶ gate ─▶ out
//             verdict_i, inject_i ═ ─▶ │ ◀═▶ shape
//                                      └─▶ punt (stream's clock), what became of the frame ═ leave_o, events
//
// With one clock each ═ is a wire. With two, a frame is stamped where it enters the engine's clock, so that time,
// windows and all that counts know one clock only; what became of a frame comes back in one piece.
//
// Timing: with one clock that of the parser and the gate. With two, a crossing more each way.
// Model: hw-model/src/engine.rs, hw-model/src/gate.rs.
module weir_front
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter bit EGRESS = 1'b0,
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

    // The stream's clock.
    input logic in_valid_i,
    output logic in_ready_o,
    input beat_t in_i,
    input frame_user_t in_user_i,
    output logic out_valid_o,
    input logic out_ready_i,
    output beat_t out_o,
    output sent_user_t out_user_o,
    input logic [15:0] punt_room_i,
    output logic punt_valid_o,
    input logic punt_ready_i,
    output verdict_t punt_o,
    output logic punt_lost_o,
    output logic punt_beat_valid_o,
    input logic punt_beat_ready_i,
    output beat_t punt_beat_o,
    input logic punt_busy_i,

    // The engine's.
    input stamp_t stamp_i,
    output logic stamped_o,
    output logic meta_valid_o,
    output meta_t meta_o,
    input logic verdict_valid_i,
    output logic verdict_ready_o,
    input verdict_t verdict_i,
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
    output logic leave_o,
    output logic leave_bank_o,
    output logic inject_done_o,
    output logic inject_done_bank_o,
    output logic forwarded_o,
    output logic limited_o,
    // A beat stood at the wire and could not go.
    output logic stall_o,
    output logic busy_o
);

  if (TWO_CLOCKS && RESTS) begin : gen_bad_rest
    $error("weir_front: RESTS is 1 with two clocks, expected 0: a block rests in its only clock");
  end

  // Items that are on their way at once.
  localparam int unsigned CROSSING_ITEMS = 16;
  localparam int unsigned DONE_ITEMS = 64;
  // From the last sign of one clock's work until the other's is seen, in cycles of the engine.
  localparam int unsigned SEEN_CYCLES = 8;

  // ---- Clocks ----

  logic clk, rst_n, parse_clk, parse_busy;

  if (TWO_CLOCKS) begin : gen_two
    assign clk = clk_front_i;
    assign rst_n = rst_front_ni;
    assign parse_clk = clk_front_i;
  end else begin : gen_one
    assign clk = clk_i;
    assign rst_n = rst_ni;

    weir_rest #(
        .RESTS(RESTS)
    ) u_rest (
        .clk_i(clk_root_i),
        .awake_i(awake_i || in_valid_i || parse_busy),
        .clk_o(parse_clk)
    );
  end

  // ---- In: the buffer, and the parser beside it ----

  logic take;
  logic [7:0] beats_q;
  logic is_past, buffer_ready, beat_valid, beat_ready;
  beat_t kept, beat;
  logic [$clog2(FRAME_BEATS):0] buffer_level;

  assign in_ready_o = buffer_ready;
  assign take = in_valid_i && in_ready_o;
  assign is_past = beats_q == 8'(FRAME_BEATS_MAX);
  assign kept = '{last: in_i.last || beats_q == 8'(FRAME_BEATS_MAX - 1), bytes: in_i.bytes, data: in_i.data};

  always_ff @(posedge clk) begin
    if (!rst_n) beats_q <= '0;
    else if (take && in_i.last) beats_q <= '0;
    else if (take && !is_past) beats_q <= beats_q + 8'd1;
  end

  weir_fifo #(
      .item_t(beat_t),
      .DEPTH(FRAME_BEATS)
  ) u_buffer (
      .clk_i(clk),
      .rst_ni(rst_n),
      .valid_i(in_valid_i && !is_past),
      .ready_o(buffer_ready),
      .data_i(kept),
      .valid_o(beat_valid),
      .ready_i(beat_ready),
      .data_o(beat),
      .level_o(buffer_level)
  );

  logic parsed, stamped, metas_ready, meta_crosses;
  meta_t meta, crossed;

  weir_parse #(
      .EGRESS(EGRESS)
  ) u_parse (
      .clk_i(parse_clk),
      .rst_ni(rst_n),
      .beat_valid_i(take),
      .beat_i(in_i),
      .user_i(in_user_i),
      .stamp_i(TWO_CLOCKS ? stamp_t'('0) : stamp_i),
      .stamped_o(stamped),
      .meta_valid_o(parsed),
      .meta_o(meta),
      .busy_o(parse_busy)
  );

  // As deep as the buffer, in which each frame has a beat until it is judged: there is always room.
  weir_crossing #(
      .item_t(meta_t),
      .DEPTH(FRAME_BEATS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_metas (
      .from_clk_i(clk),
      .from_rst_ni(rst_n),
      .from_valid_i(parsed),
      .from_ready_o(metas_ready),
      .from_data_i(meta),
      .from_busy_o(meta_crosses),
      .to_clk_i(clk_i),
      .to_rst_ni(rst_ni),
      .to_valid_o(meta_valid_o),
      .to_ready_i(1'b1),
      .to_data_o(crossed)
  );

  assign stamped_o = TWO_CLOCKS ? meta_valid_o : stamped;

  always_comb begin
    meta_o = crossed;
    if (TWO_CLOCKS) meta_o.stamp = stamp_i;
  end

  // ---- To the gate ----

  // A frame of the host, and its time for the shaper.
  typedef struct packed {
    logic [63:0] time_ns;
    verdict_t verdict;
  } injected_t;

  logic verdict_valid, verdict_ready, verdict_crosses;
  logic inject_valid, inject_ready, inject_crosses, inject_beat_valid, inject_beat_ready, inject_beat_crosses;
  verdict_t verdict;
  injected_t injected;
  beat_t inject_beat;

  weir_crossing #(
      .item_t(verdict_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_verdicts (
      .from_clk_i(clk_i),
      .from_rst_ni(rst_ni),
      .from_valid_i(verdict_valid_i),
      .from_ready_o(verdict_ready_o),
      .from_data_i(verdict_i),
      .from_busy_o(verdict_crosses),
      .to_clk_i(clk),
      .to_rst_ni(rst_n),
      .to_valid_o(verdict_valid),
      .to_ready_i(verdict_ready),
      .to_data_o(verdict)
  );

  weir_crossing #(
      .item_t(injected_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_injects (
      .from_clk_i(clk_i),
      .from_rst_ni(rst_ni),
      .from_valid_i(inject_valid_i),
      .from_ready_o(inject_ready_o),
      .from_data_i({stamp_i.time_ns, inject_i}),
      .from_busy_o(inject_crosses),
      .to_clk_i(clk),
      .to_rst_ni(rst_n),
      .to_valid_o(inject_valid),
      .to_ready_i(inject_ready),
      .to_data_o(injected)
  );

  weir_crossing #(
      .item_t(beat_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_inject_beats (
      .from_clk_i(clk_i),
      .from_rst_ni(rst_ni),
      .from_valid_i(inject_beat_valid_i),
      .from_ready_o(inject_beat_ready_o),
      .from_data_i(inject_beat_i),
      .from_busy_o(inject_beat_crosses),
      .to_clk_i(clk),
      .to_rst_ni(rst_n),
      .to_valid_o(inject_beat_valid),
      .to_ready_i(inject_beat_ready),
      .to_data_o(inject_beat)
  );

  // ---- The gate, and its shaper in the engine's clock ----

  logic ask_valid, ask_ready, ask_crosses, answer_valid, answers_ready, answer_crosses, gate_busy;
  bucket_ask_t ask;
  bucket_answer_t answer;
  logic done_valid, done_ready, done_crosses, left;
  gate_done_t done, became;

  weir_gate #(
      .EGRESS(EGRESS)
  ) u_gate (
      .clk_i(clk), .rst_ni(rst_n), .now_ns_i(injected.time_ns), .verdict_valid_i(verdict_valid),
      .verdict_ready_o(verdict_ready), .verdict_i(verdict), .beat_valid_i(beat_valid), .beat_ready_o(beat_ready),
      .beat_i(beat), .inject_valid_i(inject_valid), .inject_ready_o(inject_ready), .inject_i(injected.verdict),
      .inject_beat_valid_i(inject_beat_valid), .inject_beat_ready_o(inject_beat_ready),
      .inject_beat_i(inject_beat), .shape_valid_o(ask_valid), .shape_ready_i(ask_ready), .shape_o(ask),
      .shape_valid_i(answer_valid), .shape_i(answer), .out_valid_o, .out_ready_i, .out_o, .out_user_o, .punt_room_i,
      .punt_valid_o, .punt_ready_i, .punt_o, .punt_lost_o, .punt_beat_valid_o, .punt_beat_ready_i, .punt_beat_o,
      .done_valid_o(done_valid), .done_ready_i(done_ready), .done_o(done), .busy_o(gate_busy)
  );

  weir_crossing #(
      .item_t(bucket_ask_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_asks (
      .from_clk_i(clk),
      .from_rst_ni(rst_n),
      .from_valid_i(ask_valid),
      .from_ready_o(ask_ready),
      .from_data_i(ask),
      .from_busy_o(ask_crosses),
      .to_clk_i(clk_i),
      .to_rst_ni(rst_ni),
      .to_valid_o(shape_valid_o),
      .to_ready_i(shape_ready_i),
      .to_data_o(shape_o)
  );

  // The gate asks for no more than it has room for, and that is what this one holds.
  weir_crossing #(
      .item_t(bucket_answer_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_answers (
      .from_clk_i(clk_i),
      .from_rst_ni(rst_ni),
      .from_valid_i(shape_valid_i),
      .from_ready_o(answers_ready),
      .from_data_i(shape_i),
      .from_busy_o(answer_crosses),
      .to_clk_i(clk),
      .to_rst_ni(rst_n),
      .to_valid_o(answer_valid),
      .to_ready_i(1'b1),
      .to_data_o(answer)
  );

  // ---- What became of a frame ----

  weir_crossing #(
      .item_t(gate_done_t),
      .DEPTH(DONE_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_done (
      .from_clk_i(clk),
      .from_rst_ni(rst_n),
      .from_valid_i(done_valid),
      .from_ready_o(done_ready),
      .from_data_i(done),
      .from_busy_o(done_crosses),
      .to_clk_i(clk_i),
      .to_rst_ni(rst_ni),
      .to_valid_o(left),
      .to_ready_i(1'b1),
      .to_data_o(became)
  );

  assign leave_o = left && !became.injected;
  assign leave_bank_o = became.bank;
  assign inject_done_o = left && became.injected;
  assign inject_done_bank_o = became.bank;
  assign forwarded_o = left && became.forwarded;
  assign limited_o = left && became.limited;
  assign shaped_valid_o = limited_o;

  always_comb begin
    shaped_o = '0;
    shaped_o.limited = 1'b1;
    shaped_o.limit = became.limit;
    shaped_o.bank = became.bank;
    shaped_o.vport = became.vport;
  end

  // ---- Who is busy, and who had to wait ----

  logic busy, stall;

  assign busy = beat_valid || parse_busy || gate_busy;
  assign stall = in_valid_i && !in_ready_o;

  if (TWO_CLOCKS) begin : gen_signs
    logic busy_q, stalled_q, busy_here, busy_now, shown, shown_back, unused;
    logic [SEEN_CYCLES-1:0] recent_q;

    // A stall stays until it has been shown.
    always_ff @(posedge clk) begin
      if (!rst_n) begin
        busy_q <= 1'b0;
        stalled_q <= 1'b0;
      end else begin
        busy_q <= busy || take || verdict_valid || inject_valid || inject_beat_valid || meta_crosses || ask_crosses
            || done_crosses || punt_busy_i;
        stalled_q <= stall || stalled_q && !shown_back;
      end
    end

    weir_sync #(
        .WIDTH(2)
    ) u_signs (
        .clk_i,
        .rst_ni,
        .data_i({busy_q, stalled_q}),
        .data_o({busy_here, shown})
    );

    weir_sync #(
        .WIDTH(1)
    ) u_shown (
        .clk_i(clk),
        .rst_ni(rst_n),
        .data_i(shown),
        .data_o(shown_back)
    );

    always_ff @(posedge clk_i) begin
      if (!rst_ni) recent_q <= '0;
      else recent_q <= {recent_q[SEEN_CYCLES-2:0], busy_now};
    end

    assign busy_now = busy_here || verdict_crosses || inject_crosses || inject_beat_crosses || answer_crosses;
    assign busy_o = busy_now || recent_q != '0;
    assign stall_o = shown;
    assign unused = &{1'b0, clk_root_i, awake_i};
  end else begin : gen_wires
    logic unused;

    assign busy_o = busy;
    assign stall_o = stall;
    assign unused = &{1'b0, clk_front_i, rst_front_ni, punt_busy_i, meta_crosses, verdict_crosses, inject_crosses,
        inject_beat_crosses, ask_crosses, answer_crosses, done_crosses};
  end

  logic unused;
  assign unused = &{1'b0, buffer_level, metas_ready, answers_ready};

endmodule
