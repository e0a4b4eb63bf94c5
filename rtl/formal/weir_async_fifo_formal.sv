// What is proved of weir_async_fifo, with two clocks that have nothing to do with each other:
//
//   once, in order, unchanged   any one item, chosen freely, leaves after exactly those that came before it
//   bounded                     never more than DEPTH inside, nothing is taken that is not there
//   levels                      the writing side sees at least what is inside, the reading side at most
//   Gray                        what crosses changes in at most one bit at a time
//
// A clock edge is what the solver makes of it: any sequence of values on both clocks.
module weir_async_fifo_formal #(
    parameter int unsigned DEPTH = 4,
    parameter int unsigned WIDTH = 2,
    parameter int unsigned SYNC_STAGES = 2
) (
    input logic wr_clk_i,
    input logic wr_rst_ni,
    input logic wr_valid_i,
    input logic [WIDTH-1:0] wr_data_i,
    input logic rd_clk_i,
    input logic rd_rst_ni,
    input logic rd_ready_i,
    input logic choose_i
);

  localparam int unsigned ADDRESS_BITS = $clog2(DEPTH);
  typedef logic [ADDRESS_BITS:0] index_t;

  logic wr_ready, rd_valid;
  logic [WIDTH-1:0] rd_data;
  index_t wr_level, rd_level;

  weir_async_fifo #(
      .item_t(logic [WIDTH-1:0]),
      .DEPTH(DEPTH),
      .SYNC_STAGES(SYNC_STAGES)
  ) dut (
      .wr_clk_i,
      .wr_rst_ni,
      .wr_valid_i,
      .wr_ready_o(wr_ready),
      .wr_data_i,
      .wr_level_o(wr_level),
      .rd_clk_i,
      .rd_rst_ni,
      .rd_valid_o(rd_valid),
      .rd_ready_i,
      .rd_data_o(rd_data),
      .rd_level_o(rd_level)
  );

  // Both resets are held until each clock has risen once, and never again.
  logic wr_risen_q = 1'b0;
  logic rd_risen_q = 1'b0;
  logic running;
  always_ff @(posedge wr_clk_i) wr_risen_q <= 1'b1;
  always_ff @(posedge rd_clk_i) rd_risen_q <= 1'b1;
  assign running = wr_risen_q && rd_risen_q;

  function automatic index_t from_gray(input index_t gray);
    index_t binary;
    for (int unsigned i = 0; i <= ADDRESS_BITS; i++) binary[i] = ^(gray >> i);
    return binary;
  endfunction

  function automatic logic one_bit_at_most(input index_t value);
    return (value & (value - 1'b1)) == '0;
  endfunction

  logic chosen_q = 1'b0;
  index_t index_q = '0;
  logic [WIDTH-1:0] item_q = '0;
  index_t head_gray_before_q = '0;
  index_t tail_gray_before_q = '0;

  always_ff @(posedge wr_clk_i) begin
    head_gray_before_q <= running ? dut.head_gray_q : '0;
    if (wr_rst_ni && wr_valid_i && wr_ready && choose_i && !chosen_q) begin
      chosen_q <= 1'b1;
      index_q <= dut.head_q;
      item_q <= wr_data_i;
    end
  end

  logic gone_q = 1'b0;
  always_ff @(posedge rd_clk_i) begin
    tail_gray_before_q <= running ? dut.tail_gray_q : '0;
    if (chosen_q && rd_valid && rd_ready_i && dut.tail_q == index_q) gone_q <= 1'b1;
  end

  // How far each copy of an index is behind the index, and whether each stage is as far as the one before it
  // or further.
  index_t level, ahead;
  index_t [SYNC_STAGES-1:0] head_behind, tail_behind;
  logic head_ordered, tail_ordered;
  assign level = dut.head_q - dut.tail_q;
  assign ahead = index_q - dut.tail_q;

  always_comb begin
    head_ordered = 1'b1;
    tail_ordered = 1'b1;
    for (int unsigned i = 0; i < SYNC_STAGES; i++) begin
      head_behind[i] = dut.head_q - from_gray(dut.u_head.stages_q[i]);
      tail_behind[i] = dut.tail_q - from_gray(dut.u_tail.stages_q[i]);
    end
    for (int unsigned i = 1; i < SYNC_STAGES; i++) begin
      head_ordered &= head_behind[i-1] <= head_behind[i];
      tail_ordered &= tail_behind[i-1] <= tail_behind[i];
    end
  end

  // What a side's reset sets.
  logic [$bits(index_t)*(SYNC_STAGES+3)-1:0] wr_state, rd_state;
  assign wr_state = {dut.head_q, dut.head_gray_q, head_gray_before_q, dut.u_tail.stages_q};
  assign rd_state = {dut.tail_q, dut.tail_gray_q, tail_gray_before_q, dut.u_head.stages_q};

  always_comb begin
    assume (wr_rst_ni == running && rd_rst_ni == running);

    not_before : assert (running || (!chosen_q && !gone_q));
    wr_in_reset : assert (running || !wr_risen_q || wr_state == '0);
    rd_in_reset : assert (running || !rd_risen_q || rd_state == '0);
    if (running) begin
      bounded : assert (level <= index_t'(DEPTH));
      wr_at_least : assert (wr_level >= level && wr_level <= index_t'(DEPTH));
      rd_at_most : assert (rd_level <= level);
      head_in_order : assert (head_ordered && head_behind[SYNC_STAGES-1] <= level);
      tail_in_order : assert (tail_ordered && 32'(tail_behind[SYNC_STAGES-1]) + 32'(level) <= DEPTH);
      head_is_gray : assert (from_gray(dut.head_gray_q) == dut.head_q);
      tail_is_gray : assert (from_gray(dut.tail_gray_q) == dut.tail_q);
      head_one_bit : assert (one_bit_at_most(dut.head_gray_q ^ head_gray_before_q));
      tail_one_bit : assert (one_bit_at_most(dut.tail_gray_q ^ tail_gray_before_q));
      gone : assert (chosen_q || !gone_q);
      in_line : assert (!chosen_q || gone_q || ahead < level);
      in_place : assert (!chosen_q || gone_q || dut.memory[index_q[ADDRESS_BITS-1:0]] == item_q);
      unchanged : assert (!(chosen_q && !gone_q && rd_valid && dut.tail_q == index_q) || rd_data == item_q);
    end
  end

endmodule
