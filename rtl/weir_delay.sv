// A delay of CYCLES cycles, without moving what waits: a small memory that is written and read in turn.
//
// Timing: what `valid_i` and `data_i` hold in cycle t, `valid_o` and `data_o` show in cycle t + CYCLES.
// Model: none.
module weir_delay #(
    parameter type item_t = logic [7:0],
    // 2 to 63.
    parameter int unsigned CYCLES = 8
) (
    input logic clk_i,
    input logic rst_ni,

    input logic valid_i,
    input item_t data_i,

    output logic valid_o,
    output item_t data_o,

    output logic busy_o
);

  if (CYCLES < 2 || CYCLES > 63) begin : gen_bad_cycles
    $error("weir_delay: CYCLES is %0d, expected 2 to 63", CYCLES);
  end

  localparam int unsigned PLACE_BITS = $clog2(CYCLES);
  typedef logic [PLACE_BITS-1:0] place_t;

  logic [CYCLES-1:0] valid_q;
  place_t place_q;
  item_t memory[2**PLACE_BITS];
  item_t data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      place_q <= '0;
    end else begin
      valid_q <= {valid_q[CYCLES-2:0], valid_i};
      place_q <= place_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) memory[place_q] <= data_i;
    if (valid_q[CYCLES-2]) data_q <= memory[place_q-place_t'(CYCLES-1)];
  end

  assign valid_o = valid_q[CYCLES-1];
  assign data_o = data_q;
  assign busy_o = valid_q != '0;

endmodule
