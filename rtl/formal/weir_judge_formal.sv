// What is proved of weir_judge, for every item and whatever the table has found: the ledger equation at its source,
// and the bank that everything of a frame goes to.
//
//   one class   a frame of an ENI that is known is offered once, and either ends in one of the classes that
//               the pipeline counts, or goes to punt, which counts it: never both, never neither. A frame that is
//               not known is in no ledger, a mirrored one ends here
//   a return    a retry that hits is not offered again: it ends, and is taken back from Punted
//   tallied     what ends as Tallied is added to a slot: one packet, with the bytes of the ledger; nothing else is
//   one bank    ledger, slot and verdict have the bank of the window that the frame was stamped with
//   residual    EXTRACT, UPDATE and DELETE of a slot in use take its counts, nothing else does
//   verdict     one a frame; what is rejected, policed or malformed does not leave
module weir_judge_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input item_t item_i,
    input logic is_retry_i,
    input found_t found_i,
    input logic [23:0] tick_i,
    input counter_t counter_i
);

  logic tally_valid, judged_valid, verdict_valid, op_valid, retry_valid, busy;
  tally_op_t tally;
  ledger_op_t judged;
  verdict_t verdict;
  answer_t answer;
  engine_events_t events;

  weir_judge dut (
      .clk_i,
      .rst_ni,
      .valid_i,
      .item_i,
      .is_retry_i,
      .found_i,
      .tick_i,
      .tally_valid_o(tally_valid),
      .tally_o(tally),
      .counter_i,
      .judged_valid_o(judged_valid),
      .judged_o(judged),
      .verdict_valid_o(verdict_valid),
      .verdict_o(verdict),
      .op_valid_o(op_valid),
      .retry_valid_o(retry_valid),
      .answer_o(answer),
      .events_o(events),
      .busy_o(busy)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  // The item that the outputs are of.
  logic valid_q = 1'b0;
  item_t item_q;
  found_t found_q;

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni && valid_i;
    item_q <= item_i;
    found_q <= found_i;
  end

  logic is_packet, is_known, is_return, is_take, ends, goes_to_punt, adds, takes, bank;
  logic [16:0] bytes;

  assign is_packet = valid_q && item_q.op == OP_PACKET;
  assign is_known = is_packet && item_q.packet.known;
  assign is_return = valid_q && item_q.op == OP_RETRY && found_q.hit;
  assign is_take = valid_q && found_q.hit
      && (item_q.op == OP_EXTRACT || item_q.op == OP_UPDATE || item_q.op == OP_DELETE);
  assign bank = item_q.packet.meta.stamp.window[0];
  assign bytes = item_q.packet.meta.l3_bytes;
  assign ends = judged_valid && judged.ended;
  assign goes_to_punt = verdict_valid && verdict.punt && punt_reason_e'(verdict.header.tail.code) != PUNT_MIRROR;
  assign adds = tally_valid && tally.op == TALLY_ADD;
  assign takes = tally_valid && tally.op == TALLY_TAKE;

  always_comb begin
    assume (rst_ni == !first_q);

    if (rst_ni) begin
      offered : assert ((judged_valid && judged.offered) == is_known);
      one_class : assert (!is_known || ends != goes_to_punt);
      none : assert (!is_packet || is_known || (!judged_valid && !goes_to_punt && !verdict.forward));
      returned : assert ((judged_valid && judged.returned) == is_return);
      a_return_ends : assert (!is_return || (ends && !verdict_valid));
      nothing_else : assert (!judged_valid || is_known || is_return);
      a_class : assert (!ends || (judged.kind != LEDGER_OFFERED && judged.kind != LEDGER_PUNTED
          && judged.kind != LEDGER_SKIPPED));
      policed : assert (!judged_valid || judged.limited == (judged.ended && judged.kind == LEDGER_POLICED));
      tallied : assert (adds == (ends && judged.kind == LEDGER_TALLIED));
      if (adds) begin
        one_packet : assert (tally.counter.packets == 40'd1 && tally.counter.bytes == 48'(judged.bytes));
        its_slot : assert (tally.slot == found_q.slot);
      end
      if (judged_valid) begin
        its_bank : assert (judged.bank == bank && judged.bytes == bytes);
        its_port : assert (judged.vport == item_q.packet.meta.vport[11:0]);
      end
      if (tally_valid) slot_bank : assert (tally.bank == bank);
      if (verdict_valid) begin
        verdict_bank : assert (verdict.bank == bank && verdict.header.tail.window[0] == bank);
        verdict_bytes : assert (verdict.header.tail.l3_bytes == bytes);
      end
      taken : assert (takes == is_take);
      if (takes) its_counts : assert (tally.slot == found_q.slot);
      one_verdict : assert (verdict_valid == is_packet);
      if (is_packet && ends && verdict.forward) begin
        may_leave : assert (judged.kind != LEDGER_POLICED && judged.kind != LEDGER_MALFORMED);
        accepted : assert (judged.kind != LEDGER_TALLIED || found_q.action != ACTION_REJECT);
      end
    end
  end

endmodule
