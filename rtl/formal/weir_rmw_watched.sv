// weir_rmw_spec with one entry of its memory, whichever, and none of the others: what they hold is anything,
// another thing each time. So what is proved of a client with this in the place of weir_rmw holds with the
// whole memory, of any size, and the solver is spared the memory.
//
// The solver chooses `watched` and `other` in every cycle. The proof that uses this assumes of `watched` that it
// is the entry that it looks at. weir_rmw_watched_formal proves that
// weir_rmw_spec does nothing that this could not.
module weir_rmw_watched #(
    parameter type value_t = logic [7:0],
    parameter type operand_t = logic [7:0],
    parameter int unsigned ENTRIES = 16,
    parameter int unsigned READ_LATENCY = 2
) (
    input logic clk_i,
    input logic rst_ni,

    input logic sweep_i,
    output logic ready_o,

    input logic valid_i,
    input logic extract_i,
    input logic [$clog2(ENTRIES)-1:0] address_i,
    input operand_t operand_i,

    output logic modify_valid_o,
    output logic modify_extract_o,
    output logic [$clog2(ENTRIES)-1:0] modify_address_o,
    output operand_t modify_operand_o,
    output value_t modify_value_o,
    input value_t modify_value_i
);

  typedef logic [$clog2(ENTRIES)-1:0] address_t;
  typedef struct packed {
    logic extract;
    address_t address;
    operand_t operand;
  } request_t;

  address_t watched;
  value_t other;

  weir_any #(.WIDTH($bits(address_t))) u_watched (.Y(watched));
  weir_any #(.WIDTH($bits(value_t))) u_other (.Y(other));

  value_t entry_q = '0;
  logic [READ_LATENCY-1:0] valid_q = '0;
  request_t [READ_LATENCY-1:0] request_q;
  logic sweeping_q = 1'b0;
  address_t sweep_q = '0;
  logic here;

  assign ready_o = !sweeping_q;
  assign modify_valid_o = valid_q[READ_LATENCY-1];
  assign modify_extract_o = request_q[READ_LATENCY-1].extract;
  assign modify_address_o = request_q[READ_LATENCY-1].address;
  assign modify_operand_o = request_q[READ_LATENCY-1].operand;
  assign here = modify_address_o == watched;

  always_comb begin
    modify_value_o = '0;
    if (modify_valid_o) modify_value_o = here ? entry_q : other;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else begin
      valid_q <= READ_LATENCY'({valid_q, valid_i && ready_o});
      sweeping_q <= sweeping_q ? sweep_q != address_t'(ENTRIES - 1) : sweep_i;
      if (sweeping_q) sweep_q <= sweep_q == address_t'(ENTRIES - 1) ? '0 : sweep_q + 1'b1;
      if (sweeping_q && sweep_q == watched) entry_q <= '0;
      else if (modify_valid_o && here) entry_q <= modify_extract_o ? '0 : modify_value_i;
    end
    request_q[0] <= '{extract: extract_i, address: address_i, operand: operand_i};
    for (int unsigned i = 1; i < READ_LATENCY; i++) request_q[i] <= request_q[i-1];
  end

  always_comb begin
    if (rst_ni) begin
      sweep_alone : assert (!sweep_i || (valid_q == '0 && !valid_i));
      sweep_undisturbed : assert (!sweeping_q || valid_q == '0);
      sweep_from_first : assert (sweeping_q || sweep_q == '0);
    end
  end

endmodule
