// The gate: a judged frame leaves, or does not.
//
//   verdicts ─┐                        ┌▶ ask the shaper ─▶ answers ─┐
//   inject ───┴▶ take turns ─▶ decide ─┴▶ decided ───────────────────┴▶ move beats ─▶ [skid] ─▶ out
//                                          frame buffer, inject's beats ─▶   ├─▶ punt
//                                                                            └─▶ done: what became of it
//
// Verdicts come in the order of the frames in the frame buffer. Each frame is read out of its buffer, one
// beat a cycle, to the output, to punt, to both or to nobody. On egress the shaper stands behind the tally: what
// it stops is counted by reason. It is asked ahead, so that a limited frame costs time but no throughput.
// A copy for punt never makes the wire wait: one that finds no room there is lost, and punt is told.
//
// Timing: three cycles from a verdict's handshake to the frame's first beat, and the shaper's for a frame
// under a limit. Whole frames of the wire and of inject take turns, the wire first.
// Model: hw-model/src/gate.rs.
module weir_gate
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // The engine's direction: egress has the shaper.
    parameter bit EGRESS = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,

    // Time of what inject sends, for the shaper.
    input logic [63:0] now_ns_i,

    input logic verdict_valid_i,
    output logic verdict_ready_o,
    input verdict_t verdict_i,
    input logic beat_valid_i,
    output logic beat_ready_o,
    input beat_t beat_i,

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

    output logic out_valid_o,
    input logic out_ready_i,
    output beat_t out_o,
    output sent_user_t out_user_o,

    // Beats free in punt's staging of this direction.
    input logic [15:0] punt_room_i,
    output logic punt_valid_o,
    input logic punt_ready_i,
    output verdict_t punt_o,
    // No beats follow.
    output logic punt_lost_o,
    output logic punt_beat_valid_o,
    input logic punt_beat_ready_i,
    output beat_t punt_beat_o,

    // With a frame's last beat. A frame waits while this is not ready.
    output logic done_valid_o,
    input logic done_ready_i,
    output gate_done_t done_o,
    output logic busy_o
);

  // Frames that wait for the shaper's answer, or for their turn: more than the buckets have stages.
  localparam int unsigned DECIDED_FRAMES = 16;

  if (DECIDED_FRAMES <= BUCKET_CYCLES + 2) begin : gen_bad_depth
    $error("weir_gate: DECIDED_FRAMES is %0d, expected more than the cycles of a bucket", DECIDED_FRAMES);
  end

  // A frame on its way through. `asked`: an answer of the shaper belongs to it.
  typedef struct packed {
    logic injected;
    logic asked;
    verdict_t verdict;
  } decided_t;

  // Wire and inject take turns, and one cycle decides.
  logic take, take_injected, wire_was_last_q;
  logic ask_valid_q, ask_ready, ask_done;
  decided_t ask_q;
  logic [63:0] ask_time_q;

  assign take_injected = inject_valid_i && (!verdict_valid_i || wire_was_last_q);
  assign take = ask_ready && (verdict_valid_i || inject_valid_i);
  assign verdict_ready_o = ask_ready && !take_injected;
  assign inject_ready_o = ask_ready && take_injected;
  assign ask_ready = !ask_valid_q || ask_done;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ask_valid_q <= 1'b0;
      wire_was_last_q <= 1'b0;
    end else begin
      if (ask_ready) ask_valid_q <= take;
      if (take) wire_was_last_q <= !take_injected;
    end
  end

  verdict_t taken;
  assign taken = take_injected ? inject_i : verdict_i;

  always_ff @(posedge clk_i) begin
    if (take) begin
      ask_q <= '{injected: take_injected, asked: EGRESS && taken.forward && taken.limits.limited, verdict: taken};
      ask_time_q <= take_injected ? now_ns_i : verdict_i.header.time_ns;
    end
  end

  // The shaper.
  logic queue_ready, queue_valid, head_done;
  decided_t head;

  assign shape_valid_o = ask_valid_q && ask_q.asked && queue_ready;
  assign shape_o = '{
      egress: EGRESS,
      limits: ask_q.verdict.limits,
      bytes: ask_q.verdict.header.tail.l3_bytes,
      time_ns: ask_time_q
  };
  assign ask_done = ask_valid_q && queue_ready && (!ask_q.asked || shape_ready_i);

  logic [$clog2(DECIDED_FRAMES):0] queue_level, answers_level;

  weir_fifo #(
      .item_t(decided_t),
      .DEPTH(DECIDED_FRAMES)
  ) u_decided (
      .clk_i,
      .rst_ni,
      .valid_i(ask_done),
      .ready_o(queue_ready),
      .data_i(ask_q),
      .valid_o(queue_valid),
      .ready_i(head_done),
      .data_o(head),
      .level_o(queue_level)
  );

  // As many as frames that asked: there is always room.
  logic answers_ready, answer_valid;
  bucket_answer_t answer;

  weir_fifo #(
      .item_t(bucket_answer_t),
      .DEPTH(DECIDED_FRAMES)
  ) u_answers (
      .clk_i,
      .rst_ni,
      .valid_i(shape_valid_i),
      .ready_o(answers_ready),
      .data_i(shape_i),
      .valid_o(answer_valid),
      .ready_i(head_done && head.asked),
      .data_o(answer),
      .level_o(answers_level)
  );

  // The frame at the front. Its answer stays in front of the answers until its last beat has gone.
  logic ready_to_go, admitted, to_out;
  beat_t beat;
  logic beat_valid, move;

  assign ready_to_go = queue_valid && (!head.asked || answer_valid);
  assign admitted = !head.asked || answer.admitted;
  assign to_out = head.verdict.forward && admitted;
  assign beat = head.injected ? inject_beat_i : beat_i;
  assign beat_valid = head.injected ? inject_beat_valid_i : beat_valid_i;

  // What punt is told goes there in front of the first beat, or with it. Whether there is room is decided
  // when it is first offered.
  logic wants_punt, told, told_q, offered_q, lost, lost_q, room, to_punt;

  assign wants_punt = head.verdict.punt && !head.injected;
  assign room = punt_room_i >= 16'(beats_of(head.verdict.header.length.held_bytes));
  assign lost = offered_q ? lost_q : !room;
  assign punt_valid_o = ready_to_go && wants_punt && !told_q;
  assign punt_o = head.verdict;
  assign punt_lost_o = lost;
  assign told = told_q || punt_valid_o && punt_ready_i;
  assign to_punt = wants_punt && !lost;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      offered_q <= 1'b0;
      told_q <= 1'b0;
    end else if (head_done) begin
      offered_q <= 1'b0;
      told_q <= 1'b0;
    end else begin
      offered_q <= offered_q || punt_valid_o;
      told_q <= told;
    end
    lost_q <= lost;
  end

  // Beats.
  logic out_ready, may_move;

  assign may_move = ready_to_go && (!wants_punt || told) && done_ready_i;
  assign punt_beat_valid_o = may_move && to_punt && beat_valid && (!to_out || out_ready);
  assign punt_beat_o = beat;
  assign move = may_move && beat_valid && (!to_out || out_ready) && (!to_punt || punt_beat_ready_i);
  assign beat_ready_o = move && !head.injected;
  assign inject_beat_ready_o = move && head.injected;
  assign head_done = move && beat.last;

  typedef struct packed {
    sent_user_t user;
    beat_t beat;
  } sent_t;

  sent_t sent_in, sent_out;

  assign sent_in.user = '{
      time_ns: head.verdict.header.time_ns,
      wire_bytes: head.verdict.header.length.wire_bytes,
      vport: {4'd0, head.verdict.header.key.port.vport}
  };
  assign sent_in.beat = beat;

  weir_skid #(
      .item_t(sent_t)
  ) u_out (
      .clk_i,
      .rst_ni,
      .valid_i(move && to_out),
      .ready_o(out_ready),
      .data_i(sent_in),
      .valid_o(out_valid_o),
      .ready_i(out_ready_i),
      .data_o(sent_out)
  );

  assign out_o = sent_out.beat;
  assign out_user_o = sent_out.user;

  assign done_valid_o = head_done;
  assign done_o = '{
      injected: head.injected,
      forwarded: to_out,
      limited: !admitted,
      limit: answer.by_packets ? LIMIT_SHAPED_PACKETS : LIMIT_SHAPED_BITS,
      bank: head.verdict.bank,
      vport: head.verdict.header.key.port.vport
  };

  assign busy_o = ask_valid_q || queue_valid || out_valid_o;

  logic unused_answers;
  assign unused_answers = &{1'b0, answers_ready, queue_level, answers_level};

endmodule
