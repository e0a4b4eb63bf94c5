// The tick of an instant: how many units of 50 µs it lies behind its window's tick base.
//
//   time - base ─▶ saturate, / 16 ─▶ two products ─▶ their sum: / 3125
//
// The division by 3125 is a multiplication by its reciprocal, which is exact for all that is not
// saturated: with 2^48 / 3125 rounded up, the error stays below one for 36 bits.
//
// Timing: TICK_CYCLES, one a cycle, never stalls. An instant before the base has tick 0, a late one TICK_MAX.
// Model: firmware-abi/src/time.rs.
module weir_tick
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,

    input logic valid_i,
    input logic [63:0] time_ns_i,
    input logic [63:0] base_ns_i,

    output logic valid_o,
    output logic [23:0] tick_o
);

  localparam int unsigned SHIFT = 4;
  localparam int unsigned UNIT_BITS = 36;
  localparam int unsigned HALF_BITS = UNIT_BITS / 2;
  localparam int unsigned FRACTION_BITS = 48;
  localparam logic [63:0] DIVISOR = 64'(TICK_NS) >> SHIFT;
  localparam logic [63:0] RECIPROCAL_WIDE = ((64'd1 << FRACTION_BITS) + DIVISOR - 64'd1) / DIVISOR;
  localparam int unsigned RECIPROCAL_BITS = 37;
  localparam logic [RECIPROCAL_BITS-1:0] RECIPROCAL = RECIPROCAL_BITS'(RECIPROCAL_WIDE);
  // From here on it is TICK_MAX.
  localparam logic [63:0] ELAPSED_MAX = 64'(TICK_MAX) * 64'(TICK_NS);

  typedef logic [HALF_BITS-1:0] half_t;
  typedef logic [HALF_BITS+RECIPROCAL_BITS-1:0] product_t;

  if ((DIVISOR << SHIFT) != 64'(TICK_NS) || (ELAPSED_MAX >> SHIFT) >= (64'd1 << UNIT_BITS)
      || RECIPROCAL * DIVISOR - (64'd1 << FRACTION_BITS) > (64'd1 << (FRACTION_BITS - UNIT_BITS))) begin : gen_bad_tick
    $error("weir_tick: TICK_NS is %0d, expected one whose reciprocal is exact", TICK_NS);
  end

  logic [TICK_CYCLES-1:0] valid_q;
  logic [63:0] elapsed_q;
  half_t [1:0] units_q;
  product_t [1:0] products_q;
  logic [UNIT_BITS+RECIPROCAL_BITS-1:0] sum;
  logic [23:0] tick_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[TICK_CYCLES-2:0], valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) elapsed_q <= time_ns_i > base_ns_i ? time_ns_i - base_ns_i : '0;
    if (valid_q[0]) units_q <= UNIT_BITS'((elapsed_q < ELAPSED_MAX ? elapsed_q : ELAPSED_MAX) >> SHIFT);
    if (valid_q[1]) begin
      for (int unsigned i = 0; i < 2; i++) products_q[i] <= product_t'(units_q[i]) * product_t'(RECIPROCAL);
    end
    if (valid_q[2]) tick_q <= sum[FRACTION_BITS+:24];
  end

  assign sum = {{HALF_BITS{1'b0}}, products_q[0]} + {products_q[1], {HALF_BITS{1'b0}}};
  assign valid_o = valid_q[TICK_CYCLES-1];
  assign tick_o = tick_q;

  logic unused;
  assign unused = &{1'b0, sum};

endmodule
