// What is proved of weir_tally, for every mix of operations of the pipeline and of the side:
//
//   exact residual   emitted + left = added, packets and bytes: what TAKE answers and what is left in the slot
//                    are together all that ADD and RESTORE brought, in either bank
//   one order        each operation is answered with what all earlier ones made of the slot: flags and ticks too
//   hints            a touched or active bit is set by what counts, and cleared by nothing but what takes it
//
// It is proved for any one slot of any one bank, so for all. weir_rmw is weir_rmw_spec. Counts are modulo
// their width, so an error of any size shows. Assumed: no clear; the side takes, peeks, adds or restores.
module weir_tally_formal
  import weir_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 7
) (
    input logic clk_i,
    input logic rst_ni,
    input logic clear_i,
    input logic op_valid_i,
    input tally_op_t op_i,
    input logic side_valid_i,
    input tally_op_t side_i,
    input logic row_valid_i,
    input logic row_bank_i,
    input logic [17:0] row_i,
    input logic activity_valid_i,
    input logic activity_restore_i,
    input logic [17:0] activity_row_i,
    input logic [63:0] activity_bits_i,
    // One slot of one bank, whichever: they stay.
    input logic [SLOTS_LOG2-1:0] slot_i,
    input logic bank_i
);

  localparam int unsigned ROW_CYCLES = 3;
  localparam counter_t ALL = '1;
  localparam int unsigned PACKETS_BITS = $bits(ALL.packets);
  localparam int unsigned BYTES_BITS = $bits(ALL.bytes);
  typedef logic [SLOTS_LOG2-1:0] number_t;

  logic ready, op_valid, side_ready, side_valid, row_ready, row_valid, activity_ready, activity_valid, busy;
  counter_t op_counter, side_counter;
  logic [63:0] row_bits, activity_bits;

  weir_tally #(
      .SLOTS_LOG2(SLOTS_LOG2)
  ) dut (
      .clk_i,
      .rst_ni,
      .clear_i,
      .ready_o(ready),
      .op_valid_i,
      .op_i,
      .op_valid_o(op_valid),
      .op_counter_o(op_counter),
      .side_valid_i,
      .side_ready_o(side_ready),
      .side_i,
      .side_valid_o(side_valid),
      .side_counter_o(side_counter),
      .row_valid_i,
      .row_ready_o(row_ready),
      .row_bank_i,
      .row_i,
      .row_valid_o(row_valid),
      .row_bits_o(row_bits),
      .activity_valid_i,
      .activity_ready_o(activity_ready),
      .activity_restore_i,
      .activity_row_i,
      .activity_bits_i,
      .activity_valid_o(activity_valid),
      .activity_bits_o(activity_bits),
      .busy_o(busy)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  number_t slot_q;
  logic bank_q;
  always_ff @(posedge clk_i) begin
    slot_q <= slot_i;
    bank_q <= bank_i;
  end

  function automatic logic counts(input tally_op_e op);
    return op == TALLY_ADD || op == TALLY_RESTORE;
  endfunction

  // What an operation makes of a slot's counts, written as docs/rtl.md says it.
  function automatic counter_t applied(input counter_t was, input tally_op_t op);
    counter_t now;
    now = was;
    if (op.op == TALLY_TAKE) now = '0;
    if (counts(op.op)) begin
      now.packets += op.counter.packets;
      now.bytes += op.counter.bytes;
      now.tcp_flags |= op.counter.tcp_flags;
      if (was.packets == '0) begin
        now.first_tick = op.counter.first_tick;
        now.last_tick = op.counter.last_tick;
      end else begin
        if (op.counter.first_tick < was.first_tick) now.first_tick = op.counter.first_tick;
        if (op.counter.last_tick > was.last_tick) now.last_tick = op.counter.last_tick;
      end
    end
    return now;
  endfunction

  // What was taken in this cycle, and whether it is at the slot.
  logic op_take, side_take, row_take, activity_take, op_here, side_here, row_here, activity_here;

  assign op_take = rst_ni && op_valid_i && ready && op_i.op != TALLY_NONE;
  assign side_take = rst_ni && side_valid_i && side_ready;
  assign row_take = rst_ni && row_valid_i && row_ready;
  assign activity_take = rst_ni && activity_valid_i && activity_ready;
  assign op_here = op_take && op_i.op != TALLY_TOUCH && op_i.bank == bank_i && number_t'(op_i.slot) == slot_i;
  assign side_here = side_take && side_i.bank == bank_i && number_t'(side_i.slot) == slot_i;
  assign row_here = row_take && row_bank_i == bank_i && (SLOTS_LOG2 - 6)'(row_i) == slot_i[SLOTS_LOG2-1:6];
  assign activity_here = activity_take && (SLOTS_LOG2 - 6)'(activity_row_i) == slot_i[SLOTS_LOG2-1:6];

  // The slot as the last operation left it, and bits as the last that was taken did: a packet's are a cycle later.
  counter_t now_q = '0;
  logic touched_q = 1'b0;
  logic active_q = 1'b0;
  logic touches_q = 1'b0;
  logic activates_q = 1'b0;
  logic active_bit;

  assign active_bit = activity_bits_i[slot_i[5:0]];

  always_ff @(posedge clk_i) begin
    if (op_here) now_q <= applied(now_q, op_i);
    else if (side_here) now_q <= applied(now_q, side_i);
    touches_q <= op_here && counts(op_i.op) || side_here && counts(side_i.op);
    activates_q <= op_take && (op_i.op == TALLY_ADD || op_i.op == TALLY_TOUCH) && number_t'(op_i.slot) == slot_i;
    if (touches_q) touched_q <= 1'b1;
    else if (row_here) touched_q <= 1'b0;
    if (activates_q) active_q <= 1'b1;
    else if (activity_here) active_q <= activity_restore_i && (active_q || active_bit);
  end

  // Answers on their way: whose, whether of the slot, and what is to come.
  typedef struct packed {
    logic op;
    logic op_here;
    logic op_takes;
    logic side;
    logic side_here;
    logic side_takes;
    counter_t was;
    counter_t now;
  } answer_t;
  typedef struct packed {
    logic row;
    logic row_here;
    logic touched;
    logic activity;
    logic activity_here;
    logic active;
  } bits_t;

  answer_t [TALLY_CYCLES-1:0] answer_q = '0;
  bits_t [ROW_CYCLES-1:0] bits_q = '0;
  // The memories of bits are two cycles behind.
  logic [1:0] touched_before_q = '0;
  logic [1:0] active_before_q = '0;
  answer_t answer;
  bits_t bits;

  always_ff @(posedge clk_i) begin
    answer_q <= {answer_q[TALLY_CYCLES-2:0], answer_t'('{
        op: op_take,
        op_here: op_here,
        op_takes: op_i.op == TALLY_TAKE,
        side: side_take,
        side_here: side_here,
        side_takes: side_i.op == TALLY_TAKE,
        was: now_q,
        now: op_here ? applied(now_q, op_i) : side_here ? applied(now_q, side_i) : now_q
    })};
    bits_q <= {bits_q[ROW_CYCLES-2:0], bits_t'('{
        row: row_take,
        row_here: row_here,
        touched: touched_q,
        activity: activity_take,
        activity_here: activity_here,
        active: active_q
    })};
    touched_before_q <= {touched_before_q[0], touched_q};
    active_before_q <= {active_before_q[0], active_q};
  end

  assign answer = answer_q[TALLY_CYCLES-1];
  assign bits = bits_q[ROW_CYCLES-1];

  // Packets and bytes: what came, and what an answer has taken away.
  logic [PACKETS_BITS-1:0] packets_q = '0;
  logic [BYTES_BITS-1:0] bytes_q = '0;
  counter_t brought, gone, on_its_way;

  always_comb begin
    brought = '0;
    if (op_here && counts(op_i.op)) brought = op_i.counter;
    if (side_here && counts(side_i.op)) brought = side_i.counter;
    gone = '0;
    if (op_valid && answer.op_here && answer.op_takes) gone = op_counter;
    if (side_valid && answer.side_here && answer.side_takes) gone = side_counter;
    // What answers that are still to come will take.
    on_its_way = '0;
    for (int unsigned i = 0; i < TALLY_CYCLES; i++) begin
      if (answer_q[i].op_here && answer_q[i].op_takes || answer_q[i].side_here && answer_q[i].side_takes) begin
        on_its_way.packets += answer_q[i].was.packets;
        on_its_way.bytes += answer_q[i].was.bytes;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    packets_q <= packets_q + brought.packets - gone.packets;
    bytes_q <= bytes_q + brought.bytes - gone.bytes;
  end

  // What the memories hold of the slot.
  counter_t held;
  logic [63:0] held_touched;
  assign held = bank_i ? dut.gen_bank[1].u_counters.entry_q : dut.gen_bank[0].u_counters.entry_q;
  assign held_touched = bank_i ? dut.gen_touched[1].u_touched.entry_q : dut.gen_touched[0].u_touched.entry_q;

  always_comb begin
    assume (rst_ni == !first_q);
    assume (first_q || (slot_i == slot_q && bank_i == bank_q));
    // The side is the drain and what it gives back.
    assume (!side_valid_i || (side_i.op != TALLY_NONE && side_i.op != TALLY_TOUCH));
    assume (!clear_i);
    assume (dut.gen_bank[0].u_counters.watched == slot_i && dut.gen_bank[1].u_counters.watched == slot_i);
    assume (dut.gen_touched[0].u_touched.watched == slot_i[SLOTS_LOG2-1:6]);
    assume (dut.gen_touched[1].u_touched.watched == slot_i[SLOTS_LOG2-1:6]);
    assume (dut.u_activity.watched == slot_i[SLOTS_LOG2-1:6]);

    if (rst_ni) begin
      no_sweep : assert (ready);
      answered : assert (op_valid == answer.op && side_valid == answer.side);
      if (answer.op_here) op_exact : assert (op_counter == answer.was);
      if (answer.side_here) side_exact : assert (side_counter == answer.was);
      kept : assert (held == answer.now);
      kept_touched : assert (held_touched[slot_i[5:0]] == touched_before_q[1]);
      kept_active : assert (dut.u_activity.entry_q[slot_i[5:0]] == active_before_q[1]);
      residual : assert (packets_q == now_q.packets + on_its_way.packets);
      residual_bytes : assert (bytes_q == now_q.bytes + on_its_way.bytes);
      row_answered : assert (row_valid == bits.row && activity_valid == bits.activity);
      if (bits.row_here) row_exact : assert (row_bits[slot_i[5:0]] == bits.touched);
      if (bits.activity_here) activity_exact : assert (activity_bits[slot_i[5:0]] == bits.active);
    end
  end

endmodule
