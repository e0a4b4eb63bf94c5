// The tally of one direction: two banks of counters, a slot's number for an address.
//
//   op_i ─▶ ┬─▶ bank 0: weir_rmw ─┐          touched, a bit a slot and bank: what the drain looks at
//   side_i ▶ └─▶ bank 1: weir_rmw ─┴─▶ what was there before      activity, a bit a slot: READ_ACTIVITY
//
// The open bank counts, the closed one drains: a packet's bank was stamped by the parser. The pipeline's
// operations go first and never wait; the side's (drain, restore) wait only while the pipeline is at their bank.
// A touched bit is a hint: set for each slot that counts, perhaps for one that has been emptied since.
//
// Timing: TALLY_CYCLES from operation to answer, one a cycle in each bank. Rows are answered
// three cycles after they were taken. `clear_i` empties everything, a slot a cycle; what comes meanwhile is lost.
// Model: hw-model/src/tally.rs.
module weir_tally
  import weir_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17
) (
    input logic clk_i,
    input logic rst_ni,

    input logic clear_i,
    output logic ready_o,

    input logic op_valid_i,
    input tally_op_t op_i,
    output logic op_valid_o,
    output counter_t op_counter_o,

    input logic side_valid_i,
    output logic side_ready_o,
    input tally_op_t side_i,
    output logic side_valid_o,
    output counter_t side_counter_o,

    // Takes 64 touched bits of a bank and clears them.
    input logic row_valid_i,
    output logic row_ready_o,
    input logic row_bank_i,
    input logic [17:0] row_i,
    output logic row_valid_o,
    output logic [63:0] row_bits_o,

    // Takes 64 activity bits and clears them, or puts bits back.
    input logic activity_valid_i,
    output logic activity_ready_o,
    input logic activity_restore_i,
    input logic [17:0] activity_row_i,
    input logic [63:0] activity_bits_i,
    output logic activity_valid_o,
    output logic [63:0] activity_bits_o,

    output logic busy_o
);

  localparam int unsigned BANKS = 2;
  localparam int unsigned SLOTS = 2 ** SLOTS_LOG2;
  localparam int unsigned ROW_BITS = SLOTS_LOG2 - 6;
  localparam int unsigned ROWS = 2 ** ROW_BITS;
  localparam int unsigned READ_LATENCY = 2;

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_tally: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end
  if (TALLY_CYCLES != READ_LATENCY + 2) begin : gen_bad_cycles
    $error("weir_tally: TALLY_CYCLES is %0d, expected %0d", TALLY_CYCLES, READ_LATENCY + 2);
  end

  typedef logic [SLOTS_LOG2-1:0] slot_number_t;
  typedef logic [ROW_BITS-1:0] row_number_t;

  // What a bank does with a slot. `is_side` says whose the answer is.
  typedef struct packed {
    logic is_side;
    logic adds;
    counter_t counter;
  } operand_t;

  // A clear waits until nothing is under way, then sweeps every memory; the longest is the counters'.
  localparam int unsigned SETTLE_CYCLES = 8;

  logic clearing_q, sweep;
  logic [3:0] settle_q;
  logic [BANKS-1:0] bank_ready, touched_ready;
  logic activity_ready;

  assign sweep = clearing_q && settle_q == 4'd1;
  assign ready_o = !clearing_q && bank_ready == '1 && touched_ready == '1 && activity_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clearing_q <= 1'b0;
      settle_q <= '0;
    end else if (clear_i) begin
      clearing_q <= 1'b1;
      settle_q <= 4'(SETTLE_CYCLES);
    end else if (clearing_q) begin
      settle_q <= settle_q - 1'b1;
      clearing_q <= !sweep;
    end
  end

  // What a bank is asked for in this cycle: the pipeline first.
  function automatic logic counts(input tally_op_e op);
    return op != TALLY_NONE && op != TALLY_TOUCH;
  endfunction

  function automatic logic adds(input tally_op_e op);
    return op == TALLY_ADD || op == TALLY_RESTORE;
  endfunction

  logic [BANKS-1:0] from_op, from_side;
  logic op_take, side_take;

  assign op_take = op_valid_i && ready_o;
  assign side_ready_o = ready_o && !from_op[side_i.bank];
  assign side_take = side_valid_i && side_ready_o;

  always_comb begin
    for (int unsigned bank = 0; bank < BANKS; bank++) begin
      from_op[bank] = op_take && counts(op_i.op) && op_i.bank == 1'(bank);
      from_side[bank] = side_take && side_i.bank == 1'(bank);
    end
  end

  logic unused_numbers;
  assign unused_numbers = &{1'b0, op_i.slot, side_i.slot, row_i, activity_row_i};

  // The change: one packet, or a whole counter that was taken too soon.
  function automatic counter_t added(input counter_t was, input counter_t more);
    counter_t becomes;
    logic is_first;
    is_first = was.packets == '0;
    becomes.packets = was.packets + more.packets;
    becomes.bytes = was.bytes + more.bytes;
    becomes.tcp_flags = was.tcp_flags | more.tcp_flags;
    // A retried packet may be older than one that hit while the host was thinking.
    becomes.first_tick = is_first || more.first_tick < was.first_tick ? more.first_tick : was.first_tick;
    becomes.last_tick = is_first || more.last_tick > was.last_tick ? more.last_tick : was.last_tick;
    return becomes;
  endfunction

  // Of each bank: what it has done, for whom, and what was there.
  logic [BANKS-1:0] op_done, side_done, marks_q;

  for (genvar bank = 0; bank < BANKS; bank++) begin : gen_bank
    logic request_q, extract_q, done, unused_extract;
    slot_number_t slot_q, unused_slot;
    operand_t operand_q, operand;
    counter_t was, becomes;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        request_q <= 1'b0;
        marks_q[bank] <= 1'b0;
      end else begin
        request_q <= from_op[bank] || from_side[bank];
        marks_q[bank] <= from_op[bank] && adds(op_i.op) || from_side[bank] && adds(side_i.op);
      end
    end

    always_ff @(posedge clk_i) begin
      if (from_op[bank]) begin
        slot_q <= op_i.slot[SLOTS_LOG2-1:0];
        extract_q <= op_i.op == TALLY_TAKE;
        operand_q <= '{is_side: 1'b0, adds: adds(op_i.op), counter: op_i.counter};
      end else if (from_side[bank]) begin
        slot_q <= side_i.slot[SLOTS_LOG2-1:0];
        extract_q <= side_i.op == TALLY_TAKE;
        operand_q <= '{is_side: 1'b1, adds: adds(side_i.op), counter: side_i.counter};
      end
    end

    always_comb begin
      becomes = '0;
      if (done) becomes = operand.adds ? added(was, operand.counter) : was;
    end

    assign op_done[bank] = done && !operand.is_side;
    assign side_done[bank] = done && operand.is_side;

    weir_rmw #(
        .value_t(counter_t),
        .operand_t(operand_t),
        .ENTRIES(SLOTS),
        .READ_LATENCY(READ_LATENCY)
    ) u_counters (
        .clk_i,
        .rst_ni,
        .sweep_i(sweep),
        .ready_o(bank_ready[bank]),
        .valid_i(request_q),
        .extract_i(extract_q),
        .address_i(slot_q),
        .operand_i(operand_q),
        .modify_valid_o(done),
        .modify_extract_o(unused_extract),
        .modify_address_o(unused_slot),
        .modify_operand_o(operand),
        .modify_value_o(was),
        .modify_value_i(becomes)
    );
  end

  // At most one answer of the pipeline and one of the side a cycle: each is at one bank at a time.
  // What only touches is answered as well, with nothing.
  logic [TALLY_CYCLES-1:0] op_valid_q;
  logic side_valid_q;
  counter_t op_counter_q, side_counter_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      op_valid_q <= '0;
      side_valid_q <= 1'b0;
    end else begin
      op_valid_q <= {op_valid_q[TALLY_CYCLES-2:0], op_take && op_i.op != TALLY_NONE};
      side_valid_q <= side_done != '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (op_done[0]) op_counter_q <= gen_bank[0].was;
    else if (op_done[1]) op_counter_q <= gen_bank[1].was;
    if (side_done[0]) side_counter_q <= gen_bank[0].was;
    else if (side_done[1]) side_counter_q <= gen_bank[1].was;
  end

  assign op_valid_o = op_valid_q[TALLY_CYCLES-1];
  assign op_counter_o = op_counter_q;
  assign side_valid_o = side_valid_q;
  assign side_counter_o = side_counter_q;

  // The bitmaps. A row is taken in a cycle in which nothing sets a bit of its bank.
  typedef struct packed {
    logic is_row;
    logic [63:0] bits;
  } bits_t;

  logic [BANKS-1:0] row_done;
  logic row_take;

  assign row_ready_o = ready_o && !marks_q[row_bank_i];
  assign row_take = row_valid_i && row_ready_o;

  for (genvar bank = 0; bank < BANKS; bank++) begin : gen_touched
    logic takes, valid, unused_extract;
    row_number_t row, unused_row;
    bits_t operand, operand_done;
    logic [63:0] value;

    assign takes = row_take && row_bank_i == 1'(bank);
    assign row = marks_q[bank] ? gen_bank[bank].slot_q[SLOTS_LOG2-1:6] : row_number_t'(row_i);
    assign operand = '{is_row: !marks_q[bank], bits: 64'd1 << gen_bank[bank].slot_q[5:0]};
    assign row_done[bank] = valid && operand_done.is_row;

    weir_rmw #(
        .value_t(logic [63:0]),
        .operand_t(bits_t),
        .ENTRIES(ROWS),
        .READ_LATENCY(READ_LATENCY)
    ) u_touched (
        .clk_i,
        .rst_ni,
        .sweep_i(sweep),
        .ready_o(touched_ready[bank]),
        .valid_i(marks_q[bank] || takes),
        .extract_i(!marks_q[bank]),
        .address_i(row),
        .operand_i(operand),
        .modify_valid_o(valid),
        .modify_extract_o(unused_extract),
        .modify_address_o(unused_row),
        .modify_operand_o(operand_done),
        .modify_value_o(value),
        .modify_value_i(value | operand_done.bits)
    );
  end

  logic row_valid_q;
  logic [63:0] row_bits_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) row_valid_q <= 1'b0;
    else row_valid_q <= row_done != '0;
  end

  always_ff @(posedge clk_i) begin
    if (row_done[0]) row_bits_q <= gen_touched[0].value;
    else if (row_done[1]) row_bits_q <= gen_touched[1].value;
  end

  assign row_valid_o = row_valid_q;
  assign row_bits_o = row_bits_q;

  // Activity: what the pipeline counts or touches.
  logic active_q;
  slot_number_t active_slot_q;
  logic activity_take, activity_done, unused_activity_extract;
  bits_t activity_operand, activity_operand_done;
  row_number_t activity_row, unused_activity_row;
  logic [63:0] activity_before;
  logic activity_valid_q;
  logic [63:0] activity_bits_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else active_q <= op_take && (op_i.op == TALLY_ADD || op_i.op == TALLY_TOUCH);
  end

  always_ff @(posedge clk_i) if (op_take) active_slot_q <= op_i.slot[SLOTS_LOG2-1:0];

  assign activity_ready_o = ready_o && !active_q;
  assign activity_take = activity_valid_i && activity_ready_o;
  assign activity_row = active_q ? active_slot_q[SLOTS_LOG2-1:6] : row_number_t'(activity_row_i);

  always_comb begin
    activity_operand.is_row = !active_q;
    activity_operand.bits = activity_bits_i;
    if (active_q) activity_operand.bits = 64'd1 << active_slot_q[5:0];
  end

  weir_rmw #(
      .value_t(logic [63:0]),
      .operand_t(bits_t),
      .ENTRIES(ROWS),
      .READ_LATENCY(READ_LATENCY)
  ) u_activity (
      .clk_i,
      .rst_ni,
      .sweep_i(sweep),
      .ready_o(activity_ready),
      .valid_i(active_q || activity_take),
      .extract_i(!active_q && !activity_restore_i),
      .address_i(activity_row),
      .operand_i(activity_operand),
      .modify_valid_o(activity_done),
      .modify_extract_o(unused_activity_extract),
      .modify_address_o(unused_activity_row),
      .modify_operand_o(activity_operand_done),
      .modify_value_o(activity_before),
      .modify_value_i(activity_before | activity_operand_done.bits)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) activity_valid_q <= 1'b0;
    else activity_valid_q <= activity_done && activity_operand_done.is_row;
  end

  always_ff @(posedge clk_i) if (activity_done) activity_bits_q <= activity_before;

  assign activity_valid_o = activity_valid_q;
  assign activity_bits_o = activity_bits_q;

  // What was taken in the last cycles is still on its way.
  logic [SETTLE_CYCLES-1:0] recent_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) recent_q <= '0;
    else recent_q <= {recent_q[SETTLE_CYCLES-2:0], op_take || side_take || row_take || activity_take};
  end

  assign busy_o = recent_q != '0 || !ready_o;

endmodule
