// What is proved of weir_ledger, for any one class and limit of any one port and bank:
//
//   exact      what reads that clear have shown, and what is left, is together all that was counted there and
//              nothing else: a packet and its bytes up, or down for one that returns
//   all of it  a read shows each class once, as it was when it was its turn
//   both       of what a limit stopped likewise
//
// Assumed: of the judge what weir_judge_formal proves; no sweep; one limit at a time from judge and gate.
// weir_rmw is weir_rmw_watched.
module weir_ledger_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter int unsigned ENIS_LOG2 = 0
) (
    input logic clk_i,
    input logic rst_ni,
    input logic judged_valid_i,
    input ledger_op_t judged_i,
    input logic shaped_valid_i,
    input ledger_op_t shaped_i,
    input logic end_valid_i,
    input punt_end_t end_i,
    input logic read_valid_i,
    input logic read_bank_i,
    input logic [11:0] read_vport_i,
    input logic read_clear_i,
    // A bank and port, class and limit, whichever: they stay.
    input logic [ENIS_LOG2+4:0] port_i,
    input ledger_e kind_i,
    input limit_drop_e limit_i
);

  localparam int unsigned VPORT_BITS = ENIS_LOG2 == 0 ? 1 : ENIS_LOG2;
  // From an operation to its memory, less the cycle in which the proof has it.
  localparam int unsigned BEHIND = 3;
  typedef logic [VPORT_BITS-1:0] vport_t;
  typedef struct packed {
    logic [47:0] bytes;
    logic [47:0] packets;
  } count_t;
  typedef logic [47:0] limit_t;

  logic ready, end_ready, read_ready, read_valid, bubble, busy;
  ledger_t read;

  weir_ledger #(
      .ENIS_LOG2(ENIS_LOG2)
  ) dut (
      .clk_i,
      .rst_ni,
      .sweep_i(1'b0),
      .ready_o(ready),
      .judged_valid_i,
      .judged_i,
      .shaped_valid_i,
      .shaped_i,
      .end_valid_i,
      .end_ready_o(end_ready),
      .end_i,
      .read_valid_i,
      .read_ready_o(read_ready),
      .read_bank_i,
      .read_vport_i,
      .read_clear_i,
      .read_valid_o(read_valid),
      .read_o(read),
      .bubble_o(bubble),
      .busy_o(busy)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  logic [ENIS_LOG2+4:0] port_q;
  ledger_e kind_q;
  limit_drop_e limit_q;
  always_ff @(posedge clk_i) begin
    port_q <= port_i;
    kind_q <= kind_i;
    limit_q <= limit_i;
  end

  logic bank;
  vport_t vport;
  assign bank = port_i[0];
  assign vport = port_i[VPORT_BITS:1];

  function automatic logic is_here(input logic op_bank, input logic [11:0] op_vport);
    return op_bank == bank && vport_t'(op_vport) == vport;
  endfunction

  // What happens to the port in this cycle.
  logic judged_here, shaped_here, end_here, at_punt, at_skipped;

  assign judged_here = rst_ni && judged_valid_i && is_here(judged_i.bank, judged_i.vport);
  assign shaped_here = rst_ni && shaped_valid_i && shaped_i.limited && is_here(shaped_i.bank, shaped_i.vport);
  assign end_here = rst_ni && end_valid_i && end_ready && is_here(end_i.bank, end_i.vport);
  assign at_punt = kind_i == LEDGER_PUNTED;
  assign at_skipped = kind_i == LEDGER_SKIPPED;

  // Whether the class is read in this cycle, and whether the limit is.
  logic reads_here, class_read, limit_read;

  assign reads_here = is_here(dut.read_bank_q, 12'(dut.read_vport_q));
  assign limit_read = reads_here && dut.limits_read && dut.limits_at_q[2:0] == limit_i;

  always_comb begin
    class_read = 1'b0;
    if (reads_here) begin
      if (kind_i == LEDGER_OFFERED) class_read = dut.offered_read;
      else if (at_punt || at_skipped) class_read = dut.handed_read && dut.handed_at_q[0] == at_skipped;
      else class_read = dut.ended_read && dut.ended_at_q[2:0] == kind_i;
    end
  end

  // The class and the limit as the last operation left them.
  count_t left_q = '0;
  limit_t limit_left_q = '0;
  count_t up, down;
  logic limit_up;

  always_comb begin
    up = '0;
    down = '0;
    if (judged_here && (kind_i == LEDGER_OFFERED && judged_i.offered
        || judged_i.ended && judged_i.kind == kind_i && kind_i != LEDGER_OFFERED)) begin
      up = '{packets: 48'd1, bytes: 48'(judged_i.bytes)};
    end
    if (end_here && end_i.ended && (at_punt && !end_i.skipped || at_skipped && end_i.skipped)) begin
      up = '{packets: 48'd1, bytes: 48'(end_i.bytes)};
    end
    if (judged_here && at_punt && judged_i.returned) down = '{packets: 48'd1, bytes: 48'(judged_i.bytes)};
    limit_up = judged_here && judged_i.limited && judged_i.limit == limit_i
        || shaped_here && shaped_i.limit == limit_i || end_here && end_i.limited && end_i.limit == limit_i;
  end

  always_ff @(posedge clk_i) begin
    left_q.packets <= left_q.packets + up.packets - down.packets;
    left_q.bytes <= left_q.bytes + up.bytes - down.bytes;
    if (class_read && dut.read_clear_q) left_q <= '0;
    limit_left_q <= limit_left_q + limit_t'(limit_up);
    if (limit_read && dut.read_clear_q) limit_left_q <= '0;
  end

  // The memories are behind.
  count_t [BEHIND-1:0] left_before_q = '0;
  limit_t [BEHIND-1:0] limit_before_q = '0;
  count_t held;

  always_ff @(posedge clk_i) begin
    left_before_q <= {left_before_q[BEHIND-2:0], left_q};
    limit_before_q <= {limit_before_q[BEHIND-2:0], limit_left_q};
  end

  always_comb begin
    held = dut.u_ended.entry_q;
    if (kind_i == LEDGER_OFFERED) held = dut.u_offered.entry_q;
    else if (at_punt || at_skipped) held = dut.u_handed.entry_q;
  end

  // What a read is to show, and how far it is.
  count_t shown_q = '0;
  limit_t limit_shown_q = '0;
  logic [4:0] asked;
  logic [BEHIND-1:0][4:0] asked_before_q = '0;
  logic class_asked, limit_asked;
  logic [BEHIND-1:0] class_asked_before_q = '0;
  logic [BEHIND-1:0] limit_asked_before_q = '0;

  assign asked = dut.reading_q
      ? 5'(dut.offered_at_q) + 5'(dut.ended_at_q) + 5'(dut.handed_at_q) + 5'(dut.limits_at_q) : '0;
  assign limit_asked = dut.reading_q && dut.limits_at_q > 4'(limit_i);

  always_comb begin
    class_asked = dut.ended_at_q > 4'(kind_i);
    if (kind_i == LEDGER_OFFERED) class_asked = dut.offered_at_q != '0;
    else if (at_punt || at_skipped) class_asked = dut.handed_at_q > 4'(at_skipped);
    class_asked &= dut.reading_q;
  end

  always_ff @(posedge clk_i) begin
    if (class_read) shown_q <= left_q;
    if (limit_read) limit_shown_q <= limit_left_q;
    if (rst_ni && read_valid_i && read_ready) begin
      asked_before_q <= '0;
      class_asked_before_q <= '0;
      limit_asked_before_q <= '0;
    end else begin
      asked_before_q <= {asked_before_q[BEHIND-2:0], asked};
      class_asked_before_q <= {class_asked_before_q[BEHIND-2:0], class_asked};
      limit_asked_before_q <= {limit_asked_before_q[BEHIND-2:0], limit_asked};
    end
  end

  always_comb begin
    assume (rst_ni == !first_q);
    assume (first_q || (port_i == port_q && kind_i == kind_q && limit_i == limit_q));
    assume (port_i >> (VPORT_BITS + 1) == '0);
    assume (dut.u_offered.watched == {bank, vport});
    assume (dut.u_ended.watched == {bank, vport, kind_i});
    assume (dut.u_handed.watched == {bank, vport, at_skipped});
    assume (dut.u_limits.watched == {bank, vport, limit_i});
    // What weir_judge_formal proves.
    assume (!judged_i.offered || !judged_i.returned);
    assume (!judged_i.returned || judged_i.ended);
    assume (!judged_i.ended || judged_i.offered || judged_i.returned);
    assume (judged_i.kind != LEDGER_OFFERED && judged_i.kind != LEDGER_PUNTED && judged_i.kind != LEDGER_SKIPPED);
    // The judge's limit is of a frame that comes in, the gate's of one that goes out; ingress has no shaper.
    assume (!(judged_valid_i && judged_i.limited && shaped_valid_i && shaped_i.limited));

    if (rst_ni) begin
      no_sweep : assert (ready);
      kept : assert (held == left_before_q[BEHIND-1]);
      kept_limit : assert (dut.u_limits.entry_q == limit_before_q[BEHIND-1]);
      all_asked : assert (!read_valid || asked_before_q == {3{5'd19}});
      if (dut.reading_q) begin
        one_by_one : assert (asked_before_q[2] <= asked_before_q[1] && asked_before_q[1] <= asked_before_q[0]
            && asked_before_q[0] <= asked);
        class_once : assert ((class_asked_before_q | {class_asked_before_q[1:0], class_asked})
            == {class_asked_before_q[1:0], class_asked});
        limit_once : assert ((limit_asked_before_q | {limit_asked_before_q[1:0], limit_asked})
            == {limit_asked_before_q[1:0], limit_asked});
      end
      in_turn : assert (!dut.reading_q || dut.found_q == asked_before_q[BEHIND-1]);
      turns : assert (dut.offered_at_q <= 4'd1 && dut.ended_at_q <= 4'd8 && dut.handed_at_q <= 4'd2
          && dut.limits_at_q <= 4'd8 || !dut.reading_q && !read_valid);
      if (reads_here && (dut.reading_q && class_asked_before_q[BEHIND-1] || read_valid)) begin
        all_of_it : assert (dut.read_q.packets[kind_i] == shown_q.packets);
        all_of_its_bytes : assert (dut.read_q.bytes[kind_i] == shown_q.bytes);
      end
      if (reads_here && (dut.reading_q && limit_asked_before_q[BEHIND-1] || read_valid)) begin
        its_limit : assert (dut.read_q.limits[limit_i] == limit_shown_q);
      end
    end
  end

endmodule
