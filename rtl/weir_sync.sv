// Carries bits into another clock domain through STAGES registers.
//
// Each bit by itself: a vector must change in at most one bit at a time (Gray), or be bits that have
// nothing to do with each other.
//
// Timing: `data_o` follows `data_i` after STAGES cycles of `clk_i`, or one less. RESET_VALUE until then.
// Model: none. The crossing costs it CROSSING_CYCLES of hw-model/src/timing.rs.
module weir_sync #(
    parameter int unsigned WIDTH = 1,
    // 2 to 4.
    parameter int unsigned STAGES = 2,
    parameter logic [WIDTH-1:0] RESET_VALUE = '0
) (
    input logic clk_i,
    input logic rst_ni,
    input logic [WIDTH-1:0] data_i,
    output logic [WIDTH-1:0] data_o
);

  if (WIDTH < 1) begin : gen_bad_width
    $error("weir_sync: WIDTH is %0d, expected at least 1", WIDTH);
  end
  if (STAGES < 2 || STAGES > 4) begin : gen_bad_stages
    $error("weir_sync: STAGES is %0d, expected 2 to 4", STAGES);
  end

  logic [STAGES-1:0][WIDTH-1:0] stages_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) stages_q <= {STAGES{RESET_VALUE}};
    else stages_q <= {stages_q[STAGES-2:0], data_i};
  end

  assign data_o = stages_q[STAGES-1];

endmodule
