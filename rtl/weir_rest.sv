// The clock of a block that may rest while nothing in it moves.
//
//   clk_i ─▶ [rests RESTS_AFTER cycles behind the last in which the block was awake] ─▶ clk_o
//
// In hardware (RESTS 0) it is a wire. A simulator (RESTS 1) leaves out the cycles in which the block would
// stay as it is. `clk_i` itself must never rest, and `awake_i` must be high in every cycle in which anything
// reaches the block or is under way in it.
//
// Timing: an edge of `clk_o` is one of `clk_i`. `awake_i` counts as it is when `clk_i` falls before the edge: a
// simulator applies its inputs by then.
// Model: none. What does not happen costs it nothing.
module weir_rest #(
    parameter bit RESTS = 1'b0
) (
    input logic clk_i,
    input logic awake_i,
    output logic clk_o
);

  // What was handed on in the last cycle, pulses that are still high, and who counts a few quiet cycles before it
  // goes on, come to rest as well.
  localparam int unsigned RESTS_AFTER = 8;

  if (RESTS) begin : gen_rests
    logic [$clog2(RESTS_AFTER):0] left_q;

    always_ff @(negedge clk_i) begin
      if (awake_i) left_q <= ($clog2(RESTS_AFTER) + 1)'(RESTS_AFTER);
      else if (left_q != '0) left_q <= left_q - 1'b1;
    end

    assign clk_o = clk_i && left_q != '0;
  end else begin : gen_wire
    logic unused;

    assign clk_o = clk_i;
    assign unused = &{1'b0, awake_i};
  end

endmodule
