// What is proved of weir_rmw, for every mix of requests and any read latency:
//
//   conservation   memory + in flight = added - taken away, at any one address: nothing is lost or counted
//                  twice, and nothing strays to another address
//   newest value   the client is shown what the memory holds once every earlier operation is in it
//   order          each request is the client's READ_LATENCY cycles later, and nothing else is
//   sweep          what it has passed is zero, at its end everything; while it goes on no request is taken
//
// The client adds its operand. Sums are modulo the value's width: an error of any size shows.
module weir_rmw_formal #(
    parameter int unsigned ENTRIES = 4,
    parameter int unsigned WIDTH = 4,
    parameter int unsigned READ_LATENCY = 2
) (
    input logic clk_i,
    input logic rst_ni,
    input logic sweep_i,
    input logic valid_i,
    input logic extract_i,
    input logic [$clog2(ENTRIES)-1:0] address_i,
    input logic [WIDTH-1:0] operand_i,
    // One address, whichever: it stays. (Of a register that nothing writes the tools make a constant.)
    input logic [$clog2(ENTRIES)-1:0] watched_i
);

  typedef logic [WIDTH-1:0] value_t;
  typedef logic [$clog2(ENTRIES)-1:0] address_t;

  logic ready, modify_valid, modify_extract;
  address_t modify_address;
  value_t modify_operand, modify_value;

  weir_rmw #(
      .value_t(value_t),
      .operand_t(value_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) dut (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(ready),
      .valid_i,
      .extract_i,
      .address_i,
      .operand_i,
      .modify_valid_o(modify_valid),
      .modify_extract_o(modify_extract),
      .modify_address_o(modify_address),
      .modify_operand_o(modify_operand),
      .modify_value_o(modify_value),
      .modify_value_i(modify_value + modify_operand)
  );

  // Reset in the first cycle and never again. A sweep is asked for when nothing is in flight.
  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  // What was asked for, stage by stage.
  logic [READ_LATENCY-1:0] valid_q = '0;
  logic [READ_LATENCY-1:0] extract_q;
  address_t [READ_LATENCY-1:0] address_q;
  value_t [READ_LATENCY-1:0] operand_q;
  // Added less taken away.
  value_t balance_q = '0;
  value_t added, taken, in_flight;
  // Of what the sweep has passed, and of everything.
  value_t behind, anything;
  logic swept_q = 1'b0;
  always_ff @(posedge clk_i) swept_q <= rst_ni && !ready;
  address_t watched_q;
  always_ff @(posedge clk_i) watched_q <= watched_i;
  logic take;

  assign take = valid_i && ready && rst_ni;

  always_ff @(posedge clk_i) begin
    valid_q <= READ_LATENCY'({valid_q, take});
    extract_q <= READ_LATENCY'({extract_q, extract_i});
    address_q <= (READ_LATENCY * $bits(address_t))'({address_q, address_i});
    operand_q <= (READ_LATENCY * WIDTH)'({operand_q, operand_i});
    balance_q <= value_t'(balance_q + added - taken);
  end

  always_comb begin
    added = take && !extract_i && address_i == watched_i ? operand_i : '0;
    // What a sweep erases is taken away as well.
    taken = '0;
    if (rst_ni && modify_valid && modify_extract && modify_address == watched_i) taken = modify_value;
    if (rst_ni && !ready && dut.sweep_q == watched_i) taken = dut.u_ram.memory[watched_i];
  end

  always_comb begin
    in_flight = '0;
    for (int unsigned i = 0; i < READ_LATENCY; i++) begin
      if (valid_q[i] && !extract_q[i] && address_q[i] == watched_i) in_flight += operand_q[i];
    end
    behind = '0;
    anything = '0;
    for (int unsigned i = 0; i < ENTRIES; i++) begin
      if (i < 32'(dut.sweep_q)) behind |= dut.u_ram.memory[i];
      anything |= dut.u_ram.memory[i];
    end
  end

  always_ff @(posedge clk_i) begin
    assume (rst_ni == !first_q);
    assume (first_q || watched_i == watched_q);
    assume (!sweep_i || (!valid_i && valid_q == '0));

    if (rst_ni) begin
      conservation : assert (value_t'(dut.u_ram.memory[watched_i] + in_flight) == balance_q);
      newest : assert (!modify_valid || modify_value == dut.u_ram.memory[modify_address]);
      order : assert (modify_valid == valid_q[READ_LATENCY-1]);
      if (modify_valid) begin
        right_one : assert (modify_address == address_q[READ_LATENCY-1] && modify_extract == extract_q[READ_LATENCY-1]);
        right_operand : assert (modify_extract || modify_operand == operand_q[READ_LATENCY-1]);
      end
      alone : assert (ready || valid_q == '0);
      swept : assert (ready || behind == '0);
      swept_all : assert (!swept_q || !ready || anything == '0);
      from_first : assert (!ready || dut.sweep_q == '0);
    end
  end

endmodule
