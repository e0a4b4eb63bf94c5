// What is proved of weir_punt, with the weir_ring in it, whatever host, memory, credit and neighbours do:
//
//   one at a time   a frame is taken when the one before is over
//   one end         a frame of a gate that is no copy ends once, when it is over, and under its own ENI, direction, bank and
//                   bytes; a copy and what returns never do, nor what a reset came behind; a frame that returns is
//                   said to be done once; every frame of a gate leaves its window once
//   resets          a frame counts as one that a reset came behind if and only if the host reset the NIC, or the ledgers
//                   were swept, when the frame was judged or later: any frame, by one that is chosen freely
//   written or not  what ends as skipped has given the host no slot, what does not has given it all of its slots, once
//   its beats       one last beat is taken of each frame, none behind it, none of one whose beats were lost, and none of
//                   a frame that is not at its turn: so headers and beats stay together
//
// What waits is any that the gates can hand over: the queues and the credit show what they like. Assumed: of a frame
// whose beats were not lost there are as many as its length says, or more; what waits was announced when it was judged,
// and fewer than 65,535 frames are on their way; host memory answers what it was asked.
module weir_punt_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic clear_i,
    input logic [1:0] punt_enter_i,
    input logic ledgers_ready_i,
    input ring_config_t config_i,
    input ring_write_t write_i,
    input logic back_valid_i,
    input verdict_t back_i,
    input logic back_beat_valid_i,
    input beat_t back_beat_i,
    input logic flow_valid_i,
    input logic flow_admitted_i,
    input eni_t eni_i,
    input logic end_ready_i,
    input logic dma_ready_i,
    input logic dma_data_ready_i,
    input logic dma_done_i,
    input logic dma_ok_i,
    input logic [63:0] now_ns_i
);

  ring_state_t state;
  logic ready, busy, setup_error, index_error, pump, back_ready, back_beat_ready, back_done, back_ok;
  logic [1:0] punt_ready, punt_beat_ready, punt_busy, punts, skipped, mirrored;
  logic [1:0][15:0] punt_room;
  logic flow_valid, end_valid, dma_valid, dma_data_valid, leave, leave_bank, dma_refused;
  limits_t flow_limits;
  logic [63:0] flow_time;
  logic [11:0] eni_vport;
  punt_end_t ended;
  dma_request_t dma;
  dma_data_t dma_data;
  post_t post;
  logic [18:0] dma_write_bytes;

  weir_punt #(
      .ENIS_LOG2(2),
      .PUNT_BEATS(256),
      .CREDIT_FRAMES(16)
  ) dut (
      .clk_i,
      .rst_ni,
      .clk_front_i(1'b0),
      .rst_front_ni(1'b0),
      .clear_i,
      .ready_o(ready),
      .busy_o(busy),
      .config_i,
      .write_i,
      .state_o(state),
      .setup_error_o(setup_error),
      .index_error_o(index_error),
      .pump_o(pump),
      .punt_valid_i('0),
      .punt_ready_o(punt_ready),
      .punt_i('0),
      .punt_lost_i('0),
      .punt_beat_valid_i('0),
      .punt_beat_ready_o(punt_beat_ready),
      .punt_beat_i('0),
      .punt_room_o(punt_room),
      .punt_busy_o(punt_busy),
      .punt_enter_i,
      .ledgers_ready_i,
      .back_valid_i,
      .back_ready_o(back_ready),
      .back_i,
      .back_beat_valid_i,
      .back_beat_ready_o(back_beat_ready),
      .back_beat_i,
      .back_done_o(back_done),
      .back_ok_o(back_ok),
      .flow_valid_o(flow_valid),
      .flow_limits_o(flow_limits),
      .flow_time_o(flow_time),
      .flow_valid_i,
      .flow_admitted_i,
      .eni_vport_o(eni_vport),
      .eni_i,
      .end_valid_o(end_valid),
      .end_ready_i,
      .end_o(ended),
      .dma_valid_o(dma_valid),
      .dma_ready_i,
      .dma_o(dma),
      .dma_data_valid_o(dma_data_valid),
      .dma_data_ready_i,
      .dma_data_o(dma_data),
      .dma_done_i,
      .dma_ok_i,
      .now_ns_i,
      .post_o(post),
      .leave_o(leave),
      .leave_bank_o(leave_bank),
      .punts_o(punts),
      .skipped_o(skipped),
      .mirrored_o(mirrored),
      .dma_write_bytes_o(dma_write_bytes),
      .dma_refused_o(dma_refused)
  );

  // States of the machine.
  localparam logic [3:0] JUDGE = 4'd3;
  localparam logic [3:0] REQUEST = 4'd4;
  localparam logic [3:0] DATA = 4'd5;
  localparam logic [3:0] DISCARD = 4'd6;
  localparam logic [3:0] SETTLE = 4'd7;
  localparam logic [3:0] FINISH = 4'd11;
  localparam logic [3:0] POST = 4'd12;
  localparam logic [3:0] END = 4'd13;

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  // What is taken, from whom. What returns is taken when neither gate has anything.
  logic [1:0] takes;
  logic take_back, take, take_lost;
  verdict_t taken;
  assign takes = dut.staged_valid & dut.staged_ready;
  assign take_back = back_valid_i && back_ready;
  assign take = takes != '0 || take_back;
  always_comb begin
    taken = back_i;
    take_lost = 1'b0;
    for (int i = 0; i < 2; i++) begin
      if (takes[i]) begin
        taken = dut.staged[i];
        take_lost = dut.staged_lost[i];
      end
    end
  end

  // The frame in hand; what has been taken of its beats, and how often the host was given its slots.
  logic held_q, lost_q, returns_q, given_q, last_q;
  logic [1:0] source_q;
  verdict_t frame_q;
  logic [7:0] beats_q;
  logic is_over, moves, is_last;
  logic [2:0] moved;
  assign moved = {back_beat_valid_i && back_beat_ready, dut.beats_valid[1:0] & dut.beats_ready[1:0]};
  assign moves = moved != '0;
  assign is_last = dut.beats[source_q].last;
  assign is_over = leave || back_done;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) held_q <= 1'b0;
    else held_q <= take || held_q && !is_over;
    if (take) begin
      frame_q <= taken;
      lost_q <= take_lost;
      returns_q <= take_back;
      source_q <= take_back ? 2'd2 : 2'(takes[1]);
      beats_q <= '0;
      last_q <= 1'b0;
      given_q <= 1'b0;
    end else begin
      beats_q <= beats_q + 8'(moves && beats_q != '1);
      last_q <= last_q || moves && is_last;
      given_q <= given_q || dut.advance != '0;
    end
  end

  // Frames that were judged and have not left; and one of them, chosen freely: how many are left up to it, and whether a
  // reset came behind it.
  logic reset;
  logic [1:0] choose, leaves_way, starts, watched_q, gone_q;
  logic [1:0][15:0] under_way_q, up_to_q;

  assign reset = clear_i || !ledgers_ready_i;

  for (genvar i = 0; i < 2; i++) begin : gen_watch
    weir_any #(.WIDTH(1)) u_choose (.Y(choose[i]));
    assign leaves_way[i] = leave && source_q == 2'(i);
    assign starts[i] = choose[i] && punt_enter_i[i] && !watched_q[i];

    always_ff @(posedge clk_i) begin
      under_way_q[i] <= rst_ni ? under_way_q[i] + 16'(punt_enter_i[i]) - 16'(leaves_way[i]) : '0;
      if (!rst_ni) watched_q[i] <= 1'b0;
      else watched_q[i] <= starts[i] || watched_q[i] && !(leaves_way[i] && up_to_q[i] == 16'd1);
      up_to_q[i] <= (starts[i] ? under_way_q[i] + 16'd1 : up_to_q[i]) - 16'(leaves_way[i]);
      gone_q[i] <= reset || gone_q[i] && !starts[i];
    end

    always_comb begin
      if (rst_ni) begin
        assume (!takes[i] || under_way_q[i] != '0);
        assume (!punt_enter_i[i] || under_way_q[i] < 16'hfffe);

        if (held_q && source_q == 2'(i) && watched_q[i] && up_to_q[i] == 16'd1) begin
          reset_behind : assert (dut.is_stale == gone_q[i]);
        end

        // What holds between.
        pending : assert (dut.pending_q[i] == under_way_q[i] && dut.stale_q[i] <= under_way_q[i]);
        has_not_left : assert (under_way_q[i] != '0 || !held_q || source_q != 2'(i));
        on_its_way : assert (!watched_q[i] || up_to_q[i] != '0 && up_to_q[i] <= under_way_q[i]);
        stale_up_to : assert (!watched_q[i] || gone_q[i] == (dut.stale_q[i] >= up_to_q[i]));
      end
    end
  end

  // Until it is taken, an end stays, but for a reset.
  logic waits_q;
  punt_end_t waits_with_q;
  always_ff @(posedge clk_i) begin
    waits_q <= rst_ni && end_valid && !end_ready_i && !reset;
    waits_with_q <= ended;
  end

  logic is_copy;
  logic [7:0] length;
  assign is_copy = frame_q.header.tail.code == PUNT_MIRROR;
  assign length = beats_of(frame_q.header.length.held_bytes);

  always_comb begin
    assume (rst_ni == !first_q);
    if (rst_ni) begin
      assume (!take || taken.header.length.held_bytes <= 14'(FRAME_BYTES_MAX));
      assume (!held_q || !is_last || 9'(beats_q) + 9'd1 >= 9'(length));
      assume (!dma_done_i || dut.outstanding_q != '0);

      one_taken : assert ($countones({takes, take_back}) <= 1);
      one_at_a_time : assert (!take || !held_q);
      over_once : assert (!is_over || held_q);
      ends_with_it : assert ((end_valid && end_ready_i) == (is_over && !returns_q && !is_copy && !dut.is_stale));
      back_is_done : assert (back_done == (is_over && returns_q));
      leaves : assert (leave == (is_over && !returns_q) && (!leave || leave_bank == frame_q.bank));
      stays : assert (!waits_q || end_valid && ended == waits_with_q);
      if (end_valid) begin
        its_own : assert (ended.vport == frame_q.header.key.port.vport && ended.egress == frame_q.header.key.port.egress
            && ended.bank == frame_q.bank && ended.bytes == frame_q.header.tail.l3_bytes && ended.ended);
        says_why : assert (!ended.skipped || ended.limited && ended.limit inside {
            LIMIT_SKIPPED_RING, LIMIT_SKIPPED_CREDIT, LIMIT_SKIPPED_DMA});
      end
      if (is_over && !returns_q) written_or_not : assert (given_q != dut.skipped_q);
      if (is_over && returns_q) back_or_not : assert (given_q == back_ok);
      given_once : assert (dut.advance == '0
          || held_q && !given_q && dut.advance == frame_slots(frame_q.header.length.held_bytes));
      if (is_over) one_last : assert (last_q == !lost_q);
      its_beats : assert (!moves || held_q && !lost_q && !last_q && moved == 3'b001 << source_q);

      // What holds between.
      in_hand : assert (held_q == (dut.state_q != 4'd0) && dut.state_q <= END);
      if (held_q) begin
        same : assert (dut.frame_q == frame_q && dut.lost_q == lost_q && dut.source_q == source_q && source_q != 2'd3);
        returns : assert (returns_q == (source_q == 2'd2) && !(returns_q && lost_q));
        short : assert (frame_q.header.length.held_bytes <= 14'(FRAME_BYTES_MAX));
        lost_goes : assert (!lost_q || dut.state_q <= JUDGE || dut.state_q == END);
        is_skipped : assert (!lost_q || dut.state_q != END || dut.skipped_q);
        none_yet : assert (dut.state_q > DISCARD || !last_q && !given_q);
        untaken : assert (dut.state_q > JUDGE || beats_q == '0);
        taken_so_far : assert (dut.state_q != REQUEST && dut.state_q != DATA
            || length != '0 && dut.left_q != '0 && 9'(beats_q) + 9'(dut.left_q) == 9'(length));
        judged : assert (dut.state_q != DISCARD || dut.written_q != dut.skipped_q);
        goes_in : assert (dut.state_q < REQUEST || dut.state_q == DISCARD || dut.state_q > FINISH
            || dut.written_q && !dut.skipped_q);
        enough : assert (dut.state_q != DISCARD || !dut.written_q || beats_q >= length);
        complete : assert (dut.state_q < SETTLE || last_q == !lost_q);
        not_given : assert (dut.state_q > FINISH || !given_q);
        settled : assert (dut.state_q < POST || given_q != dut.skipped_q);
        reason : assert (dut.state_q < POST || !dut.skipped_q || dut.limit_q inside {
            LIMIT_SKIPPED_RING, LIMIT_SKIPPED_CREDIT, LIMIT_SKIPPED_DMA});
        reason_judged : assert (dut.state_q != DISCARD || dut.written_q || dut.limit_q inside {
            LIMIT_SKIPPED_RING, LIMIT_SKIPPED_CREDIT, LIMIT_SKIPPED_DMA});
      end
    end
  end

endmodule
