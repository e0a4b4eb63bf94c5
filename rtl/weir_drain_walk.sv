// The drain's walk: every slot of one direction that counted in a window, as a record.
//
//   row of 64 touched bits ─▶ next slot ─▶ entry (scan) ─┬─▶ record ─▶ push ─▶ under way ─▶ outcome
//                                  └─▶ counts (TAKE) ────┘               │ failed: counts go back
//                                                                        ▼ (RESTORE), bits too
//
// A slot's counts are taken only when its record will find room, so a walk that stands still has none in
// its hands but those under way. The entry is read before the counts are: a command in between has taken
// them already. Nothing is under way when the next row is taken, so whatever fails is in the row at hand: its
// bit is set again, and the walk goes on from there.
//
// Timing: a record a cycle within a row, up to 16 under way; a row costs as long as its last record's answer takes,
// one without touched slots six cycles.
// Model: `drain_slot` and `emit_counts` in hw-model/src/record.rs.
module weir_drain_walk
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17
) (
    input logic clk_i,
    input logic rst_ni,

    // Starts at slot 0. What is asked for stays until `over_o`.
    input logic start_i,
    input logic [15:0] window_i,
    // It may go on.
    input logic run_i,
    // Nothing is under way, and it goes no further: for want of room, or of `run_i`.
    output logic still_o,
    // All slots are emitted.
    output logic over_o,
    // What lies before has been emitted.
    output logic [23:0] slot_o,
    // One more record was written.
    output logic written_o,

    output logic scan_valid_o,
    input logic scan_ready_i,
    output logic [23:0] scan_slot_o,
    input logic scan_valid_i,
    input slot_t scan_i,

    output logic side_valid_o,
    input logic side_ready_i,
    output tally_op_t side_o,
    input logic side_valid_i,
    input counter_t side_counter_i,

    output logic row_valid_o,
    input logic row_ready_i,
    output logic [17:0] row_o,
    input logic row_valid_i,
    input logic [63:0] row_bits_i,

    output logic push_valid_o,
    input logic push_ready_i,
    output flow_record_t push_o,
    input logic push_done_i,
    input logic push_ok_i,
    input logic [31:0] room_i,

    input logic clear_i
);

  localparam int unsigned ROWS = 2 ** (SLOTS_LOG2 - 6);
  // Slots whose record is being made, and records under way.
  localparam int unsigned JOBS = 8;
  localparam int unsigned SENT = 16;
  localparam int unsigned JOB_BITS = $clog2(JOBS);
  localparam int unsigned SENT_BITS = $clog2(SENT);

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_drain_walk: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end

  typedef logic [JOB_BITS:0] job_t;
  typedef logic [SENT_BITS:0] sent_t;

  typedef enum logic [2:0] {
    OVER,
    ROW,
    ROW_ANSWER,
    BITS,
    BACK_SENT,
    BACK_JOBS,
    BACK_WAIT
  } state_e;

  state_e state_q;
  logic [17:0] row_q;
  logic [63:0] bits_q;
  logic failed_q;

  // Jobs, in the order of the slots: scanned for, taken, both answered, sent. The indices run free.
  job_t scan_q, take_q, scanned_q, counted_q, job_q;
  logic [JOBS-1:0][5:0] place_q;
  logic [31:0] cookie_q[JOBS];
  flow_key_t key_q[JOBS];
  counter_t counter_q[JOBS];
  // Records: sent, answered for, forgotten.
  sent_t sent_q, answered_q, oldest_q;
  logic [SENT-1:0][5:0] sent_place_q;
  counter_t sent_counter_q[SENT];

  // The next slot.
  logic [5:0] next;
  always_comb begin
    next = '0;
    for (int i = 63; i >= 0; i--) if (bits_q[i]) next = 6'(i);
  end

  // Room is counted a cycle after the record that used it: the ring's index moves with its outcome.
  job_t jobs;
  sent_t owed;
  logic released_q, allowed, scan_fire, take_fire, restore_fire;

  // The indices run free: what lies between two has no more bits than they.
  assign jobs = scan_q - job_q;
  assign owed = sent_t'(jobs) + (sent_q - answered_q) + sent_t'(released_q);
  assign allowed = run_i && !failed_q && bits_q != '0 && owed < sent_t'(SENT) && 32'(owed) < room_i
      && jobs != job_t'(JOBS);
  assign scan_valid_o = state_q == BITS && allowed;
  assign scan_slot_o = {row_q, next};
  assign scan_fire = scan_valid_o && scan_ready_i;

  // The oldest job, once both answers are there.
  counter_t counter;
  logic job_ready, job_empty, push_fire, job_done;
  logic [JOB_BITS-1:0] job;

  assign job = job_q[JOB_BITS-1:0];
  assign counter = counter_q[job];
  assign job_ready = job_q != scanned_q && job_q != counted_q;
  assign job_empty = counter.packets == '0;
  assign push_valid_o = state_q == BITS && !failed_q && job_ready && !job_empty;
  assign push_o = record_of(KIND_FLOW, key_q[job], cookie_q[job], counter, window_i);
  assign push_fire = push_valid_o && push_ready_i;
  assign job_done = push_fire || state_q == BITS && !failed_q && job_ready && job_empty;
  assign written_o = push_done_i && push_ok_i && sent_q != answered_q && !failed_q;

  // Something failed, or the ring stopped with a record in front of it: all that is in hand goes back, once
  // nothing is on its way any more.
  logic stopped, settled;

  assign stopped = push_valid_o && !push_ready_i && room_i == '0 && sent_q == answered_q;
  assign settled = take_q == scan_q && scanned_q == scan_q && counted_q == scan_q && answered_q == sent_q;

  // TAKE, or RESTORE: never both at once.
  logic restores;
  logic [4:0] restoring_q;
  logic [SENT_BITS-1:0] oldest;

  assign oldest = oldest_q[SENT_BITS-1:0];
  assign restores = state_q == BACK_SENT && oldest_q != sent_q
      || state_q == BACK_JOBS && job_q != scan_q && !job_empty;
  assign side_valid_o = restores || take_q != scan_q;
  assign take_fire = side_valid_o && side_ready_i && !restores;
  assign restore_fire = restores && side_ready_i;

  always_comb begin
    side_o = '0;
    side_o.op = TALLY_TAKE;
    side_o.bank = window_i[0];
    side_o.slot = {row_q, place_q[take_q[JOB_BITS-1:0]]};
    if (restores) begin
      side_o.op = TALLY_RESTORE;
      side_o.slot = {row_q, state_q == BACK_SENT ? sent_place_q[oldest] : place_q[job]};
      side_o.counter = state_q == BACK_SENT ? sent_counter_q[oldest] : counter;
    end
  end

  assign row_valid_o = state_q == ROW;
  assign row_o = row_q;

  // Contents, which need no reset.
  always_ff @(posedge clk_i) begin
    if (scan_fire) place_q[scan_q[JOB_BITS-1:0]] <= next;
    if (scan_valid_i) begin
      key_q[scanned_q[JOB_BITS-1:0]] <= scan_i.key;
      cookie_q[scanned_q[JOB_BITS-1:0]] <= scan_i.cookie;
    end
    if (side_valid_i) counter_q[counted_q[JOB_BITS-1:0]] <= side_counter_i;
    if (push_fire) begin
      sent_place_q[sent_q[SENT_BITS-1:0]] <= place_q[job];
      sent_counter_q[sent_q[SENT_BITS-1:0]] <= counter;
    end
  end

  always_ff @(posedge clk_i) begin
    if (scan_fire) begin
      scan_q <= scan_q + 1'b1;
      bits_q[next] <= 1'b0;
    end
    if (take_fire) take_q <= take_q + 1'b1;
    if (scan_valid_i && scanned_q != scan_q) scanned_q <= scanned_q + 1'b1;
    if (side_valid_i && counted_q != take_q) counted_q <= counted_q + 1'b1;
    if (job_done) job_q <= job_q + 1'b1;
    if (push_fire) sent_q <= sent_q + 1'b1;

    released_q <= written_o;
    if (push_done_i && sent_q != answered_q) begin
      answered_q <= answered_q + 1'b1;
      if (written_o) oldest_q <= oldest_q + 1'b1;
      else failed_q <= 1'b1;
    end
    if (stopped) failed_q <= 1'b1;
    restoring_q <= restoring_q + 5'(restore_fire) - 5'(side_valid_i && counted_q == take_q && restoring_q != '0);

    unique case (state_q)
      ROW: if (row_ready_i) state_q <= ROW_ANSWER;
      ROW_ANSWER:
      if (row_valid_i) begin
        bits_q <= row_bits_i;
        state_q <= BITS;
      end
      BITS:
      if (failed_q) begin
        if (settled) state_q <= BACK_SENT;
      end else if (bits_q == '0 && scan_q == job_q && sent_q == answered_q) begin
        row_q <= row_q + 18'd1;
        state_q <= row_q == 18'(ROWS - 1) ? OVER : ROW;
      end
      BACK_SENT:
      if (oldest_q == sent_q) state_q <= BACK_JOBS;
      else if (restore_fire) begin
        bits_q[sent_place_q[oldest]] <= 1'b1;
        oldest_q <= oldest_q + 1'b1;
      end
      BACK_JOBS:
      if (job_q == scan_q) state_q <= BACK_WAIT;
      else if (job_empty || restore_fire) begin
        if (!job_empty) bits_q[place_q[job]] <= 1'b1;
        job_q <= job_q + 1'b1;
      end
      BACK_WAIT:
      if (restoring_q == '0) begin
        failed_q <= 1'b0;
        state_q <= BITS;
      end
      default: begin
        row_q <= '0;
        if (start_i) state_q <= ROW;
      end
    endcase

    if (!rst_ni || clear_i) begin
      state_q <= OVER;
      scan_q <= '0;
      take_q <= '0;
      scanned_q <= '0;
      counted_q <= '0;
      job_q <= '0;
      sent_q <= '0;
      answered_q <= '0;
      oldest_q <= '0;
      released_q <= 1'b0;
      failed_q <= 1'b0;
      restoring_q <= '0;
    end
  end

  assign over_o = state_q == OVER;
  assign still_o = state_q == BITS && !failed_q && bits_q != '0 && owed == '0 && !allowed;
  assign slot_o = {row_q, bits_q == '0 ? 6'd0 : next};

  logic unused_valid;
  assign unused_valid = &{1'b0, scan_i.valid};

endmodule
