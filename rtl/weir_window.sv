// Time, and the capture windows: when they turn, and when the one that has may be drained.
//
//   time + offset ─▶ now ─▶ stamp           rotation ─▶ wait until the old window's frames have left ─▶ drain
//                     └▶ whole second         ▲
//                     └▶ boundary reached? ───┘◀─ close, or the last drain is over
//
// Windows are gapless and aligned to multiples of their length. The low bit of a window's number is its bank.
// A boundary that comes while the closed bank still drains is an overrun: the open window goes on until
// the drain is over. A frame belongs to the window that is open at its last beat; each bank counts the frames
// that were stamped with it and have not left, so that the drain sees all of them.
//
// Timing: rotation is one cycle, two after the time has reached the boundary. Remainders come from a serial
// divider: the next boundary is there 66 cycles after a rotation, as is the whole second after the time has
// jumped; a rotation waits for both. `now_ns_o` follows `time_ns_i` in the same cycle.
// Model: hw-model/src/window.rs, and the clock of hw-model/src/nic.rs.
module weir_window
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    // All but the time.
    input logic clear_i,
    output logic busy_o,

    // Counts ns; the device's time has an offset to it.
    input logic [63:0] time_ns_i,
    input logic set_valid_i,
    input logic [63:0] set_ns_i,
    input logic seconds_valid_i,
    input logic [9:0] seconds_i,
    // A level; the window starts anew when it rises.
    input logic enable_i,
    input logic close_i,

    output logic [63:0] now_ns_o,
    output stamp_t stamp_o,
    output logic [63:0] start_ns_o,
    output logic [1:0][63:0] tick_base_ns_o,
    // All ones if there is none.
    output logic [63:0] boundary_ns_o,
    output logic [31:0] overruns_o,

    // Frames that were stamped (parse twice, inject), that a gate has handed on, and that have left
    // (gate twice, punt, inject).
    input logic [2:0] enter_i,
    input logic [1:0] punt_enter_i,
    input logic [1:0] punt_enter_bank_i,
    input logic [3:0] leave_i,
    input logic [3:0] leave_bank_i,
    input logic [31:0] punt_producer_i,

    // The open window is to be announced.
    output logic announce_o,
    // A window to drain; taken when its drain is over. Its overruns are those of now.
    output logic drain_valid_o,
    input logic drain_ready_i,
    output drain_t drain_o
);

  localparam logic [9:0] SECONDS_DEFAULT = 10'd300;
  localparam logic [39:0] LENGTH_DEFAULT = 40'(64'(SECONDS_DEFAULT) * 64'(SECOND_NS));
  localparam logic [63:0] SECOND = 64'(SECOND_NS);
  localparam logic [63:0] NEVER = '1;

  // The time. What is decided here looks at it a cycle late.
  logic [63:0] offset_q, now, now_q;

  assign now = time_ns_i + offset_q;
  assign now_ns_o = now;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) offset_q <= '0;
    else if (set_valid_i) offset_q <= set_ns_i - time_ns_i;
    now_q <= now;
  end

  // Its whole second.
  logic [63:0] second_q, into_second;
  logic in_second, in_next_second;

  assign into_second = now_q - second_q;
  assign in_second = into_second < SECOND;
  assign in_next_second = !in_second && into_second < 2 * SECOND;

  // The open window, and its length.
  logic [15:0] number_q;
  logic [63:0] start_q, boundary_q;
  logic [1:0][63:0] base_q;
  logic [9:0] seconds_q;
  logic [39:0] length_q;
  logic [31:0] overruns_q;
  logic overdue_q, deferred_q, enabled_q, close_q;

  assign stamp_o = '{window: number_q, time_ns: now};
  assign start_ns_o = start_q;
  assign tick_base_ns_o = base_q;
  assign boundary_ns_o = boundary_q;
  assign overruns_o = overruns_q;

  // A boundary to be computed: the one after the time or, once the window has turned, after its start;
  // `align` starts the window at the one before.
  typedef struct packed {
    logic valid;
    logic align;
    logic announce;
    logic after_start;
  } ask_t;

  ask_t ask_q, ask_d;
  logic rises, sets, asks, answered;

  // The divider: a bit of the quotient, which nobody needs, each cycle.
  logic dividing_q, of_second_q;
  logic [5:0] bit_q;
  logic [63:0] whole_q, dividend_q, aligned;
  logic [39:0] remainder_q, divisor;
  logic [40:0] shifted, reduced;
  logic finished_q;
  logic [64:0] after;

  assign divisor = of_second_q ? 40'(SECOND) : length_q;
  assign shifted = {remainder_q, dividend_q[63]};
  assign reduced = shifted - {1'b0, divisor};
  assign aligned = whole_q - {24'd0, remainder_q};
  assign after = {1'b0, aligned} + {25'd0, length_q};
  assign answered = finished_q && !of_second_q && ask_q.valid && !asks;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      dividing_q <= 1'b0;
      finished_q <= 1'b0;
    end else begin
      finished_q <= dividing_q && bit_q == '1;
      if (dividing_q) dividing_q <= bit_q != '1;
      else if (!finished_q) dividing_q <= ask_q.valid || !in_second && !in_next_second;
      // What was asked meanwhile counts; the whole second goes on.
      if (asks && (!of_second_q || !dividing_q && !finished_q)) begin
        dividing_q <= 1'b0;
        finished_q <= 1'b0;
      end
    end
    if (dividing_q) begin
      bit_q <= bit_q + 1'b1;
      dividend_q <= dividend_q << 1;
      remainder_q <= shifted >= {1'b0, divisor} ? reduced[39:0] : shifted[39:0];
    end else if (!finished_q) begin
      bit_q <= '0;
      remainder_q <= '0;
      of_second_q <= !ask_q.valid;
      whole_q <= ask_q.valid && ask_q.after_start ? start_q : now;
      dividend_q <= ask_q.valid && ask_q.after_start ? start_q : now;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) second_q <= '0;
    else if (finished_q && of_second_q) second_q <= aligned;
    else if (in_next_second) second_q <= second_q + SECOND;
  end

  // Rotation.
  logic draining_q, due, wants, turns, rotates;
  logic [63:0] end_ns;

  assign due = enable_i && enabled_q && now_q >= boundary_q;
  assign wants = due || close_q || deferred_q && !draining_q;
  assign turns = wants && in_second && !ask_q.valid && !asks;
  assign rotates = turns && !draining_q;
  // A window never ends before it starts, whatever the host does to the clock.
  assign end_ns = now_q > start_q ? now_q : start_q;

  assign rises = enable_i && !enabled_q;
  assign sets = set_valid_i && !enable_i;
  assign asks = clear_i || rises || sets || seconds_valid_i;

  always_comb begin
    ask_d = ask_q;
    if (answered) ask_d = '0;
    if (rotates) ask_d = '{valid: 1'b1, align: 1'b0, announce: 1'b0, after_start: 1'b1};
    if (asks) begin
      ask_d.valid = 1'b1;
      ask_d.after_start = 1'b0;
      ask_d.align |= clear_i || rises || sets;
      ask_d.announce = (ask_d.announce || rises) && !clear_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ask_q <= '0;
      enabled_q <= 1'b0;
      close_q <= 1'b0;
      announce_o <= 1'b0;
    end else begin
      ask_q <= ask_d;
      enabled_q <= enable_i;
      close_q <= (close_q && !turns || close_i) && !clear_i;
      announce_o <= answered && ask_q.announce;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) seconds_q <= SECONDS_DEFAULT;
    else if (seconds_valid_i) begin
      if (seconds_i < 10'(WINDOW_SECONDS_MIN)) seconds_q <= 10'(WINDOW_SECONDS_MIN);
      else if (seconds_i > 10'(WINDOW_SECONDS_MAX)) seconds_q <= 10'(WINDOW_SECONDS_MAX);
      else seconds_q <= seconds_i;
    end
    // In time for the divider's first bit.
    length_q <= 40'(64'(seconds_q) * SECOND);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      number_q <= '0;
      start_q <= '0;
      base_q <= '0;
      boundary_q <= {24'd0, LENGTH_DEFAULT};
      overruns_q <= '0;
      overdue_q <= 1'b0;
      deferred_q <= 1'b0;
    end else begin
      if (answered) begin
        boundary_q <= after[64] ? NEVER : after[63:0];
        if (ask_q.align) begin
          start_q <= aligned;
          base_q[number_q[0]] <= aligned;
        end
      end
      if (turns) begin
        boundary_q <= NEVER;
        deferred_q <= draining_q;
        overdue_q <= draining_q;
        overruns_q <= overruns_q + 32'(draining_q && !overdue_q);
      end
      if (rotates) begin
        number_q <= number_q + 1'b1;
        start_q <= end_ns;
        base_q[!number_q[0]] <= now_q > start_q ? second_q : base_q[number_q[0]];
      end
      if (asks) begin
        boundary_q <= NEVER;
        deferred_q <= 1'b0;
      end
      if (clear_i) begin
        number_q <= '0;
        overruns_q <= '0;
        overdue_q <= 1'b0;
      end
    end
  end

  // Frames of each bank that have not left. A clear leaves them: they leave by themselves.
  logic [1:0][15:0] inside_q;

  for (genvar bank = 0; bank < 2; bank++) begin : gen_inside
    logic [2:0] enters;
    logic [1:0] punts;
    logic [3:0] leaves;

    assign enters = number_q[0] == 1'(bank) ? enter_i : '0;
    assign punts = punt_enter_i & (bank == 0 ? ~punt_enter_bank_i : punt_enter_bank_i);
    assign leaves = leave_i & (bank == 0 ? ~leave_bank_i : leave_bank_i);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) inside_q[bank] <= '0;
      else if ({enters, punts, leaves} != '0) begin
        inside_q[bank] <= inside_q[bank] + 16'($countones({enters, punts})) - 16'($countones(leaves));
      end
    end
  end

  // The window that has ended.
  logic shown_q;
  logic [15:0] ended_number_q;
  logic [63:0] ended_start_q, ended_end_q;
  logic [31:0] producer_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      draining_q <= 1'b0;
      shown_q <= 1'b0;
    end else if (shown_q) begin
      draining_q <= !drain_ready_i;
      shown_q <= !drain_ready_i;
    end else begin
      draining_q <= draining_q || rotates;
      shown_q <= draining_q && inside_q[ended_number_q[0]] == '0;
    end
    if (rotates) begin
      ended_number_q <= number_q;
      ended_start_q <= start_q;
      ended_end_q <= end_ns;
    end
    if (!shown_q) producer_q <= punt_producer_i;
  end

  assign drain_valid_o = shown_q;
  assign drain_o = '{
      number: ended_number_q,
      start_ns: ended_start_q,
      end_ns: ended_end_q,
      punt_producer: producer_q,
      overruns: overruns_q
  };

  assign busy_o = wants || close_i || asks || ask_q.valid || dividing_q || finished_q || announce_o || !in_second
      || draining_q && !shown_q;

  logic unused;
  assign unused = &{1'b0, reduced[40]};

endmodule
