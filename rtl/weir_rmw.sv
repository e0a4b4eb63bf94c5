// A memory whose values are read, changed and written back, one operation a clock on any mix of
// addresses: no stall, no lost update.
//
//   valid_i, address_i,        READ_LATENCY            modify_*_o ─▶ the client's logic
//   operand_i, extract_i ─▶ [memory]─[…]─▶ [newest of memory and results] ─┐      │
//                              ▲               ▲  ▲  the last READ_LATENCY │      │
//                              └───────────────┴──┴──── results ◀──────────┴── modify_value_i
//
// An operation of cycle t is the client's in cycle t + READ_LATENCY: it sees the value with every earlier
// operation in it and says in the same cycle what takes its place. An operation with `extract_i` leaves
// zero instead, whatever the client says: the client takes the value away.
//
// Timing: READ_LATENCY cycles from request to `modify_valid_o`, for every request, in order. The result
// is in the memory one cycle later, and in view of all later requests at once. `sweep_i` sets every value
// to zero, one a cycle: `ready_o` is clear from the next cycle until that is done, and requests are not
// taken; none may be in flight. All zero after power-on.
// Model: what is one statement in hw-model/src/tally.rs and hw-model/src/eni.rs.
module weir_rmw #(
    parameter type value_t = logic [7:0],
    // Whatever the client needs to change a value.
    parameter type operand_t = logic [7:0],
    // At least 2.
    parameter int unsigned ENTRIES = 16,
    // 1 to 3, of the memory.
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

  localparam int unsigned ADDRESS_BITS = $clog2(ENTRIES);
  typedef logic [ADDRESS_BITS-1:0] address_t;

  if (ENTRIES < 2) begin : gen_bad_entries
    $error("weir_rmw: ENTRIES is %0d, expected at least 2", ENTRIES);
  end
  if (READ_LATENCY < 1 || READ_LATENCY > 3) begin : gen_bad_latency
    $error("weir_rmw: READ_LATENCY is %0d, expected 1 to 3", READ_LATENCY);
  end

  // The sweep.
  logic sweeping_q;
  address_t sweep_q;

  assign ready_o = !sweeping_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else if (sweeping_q) begin
      sweeping_q <= sweep_q != address_t'(ENTRIES - 1);
      sweep_q <= sweep_q == address_t'(ENTRIES - 1) ? '0 : sweep_q + 1'b1;
    end else begin
      sweeping_q <= sweep_i;
    end
  end

  // Operations on their way to the client, the last stage is the client's; and the last READ_LATENCY
  // results, newest first: those that the memory did not have yet when the operation that is the client's
  // now was read. What is not valid stays as it was, so that idle cycles cost nothing.
  logic [READ_LATENCY-1:0] valid_q, result_valid_q;
  value_t result_d;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      result_valid_q <= '0;
    end else begin
      valid_q <= READ_LATENCY'({valid_q, valid_i && ready_o});
      result_valid_q <= READ_LATENCY'({result_valid_q, modify_valid_o});
    end
  end

  logic extract_q[READ_LATENCY];
  address_t address_q[READ_LATENCY];
  operand_t operand_q[READ_LATENCY];
  value_t result_q[READ_LATENCY];

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      extract_q[0] <= extract_i;
      address_q[0] <= address_i;
      operand_q[0] <= operand_i;
    end
    if (modify_valid_o) result_q[0] <= result_d;
  end

  for (genvar i = 1; i < READ_LATENCY; i++) begin : gen_stage
    always_ff @(posedge clk_i) begin
      if (valid_q[i-1]) begin
        extract_q[i] <= extract_q[i-1];
        address_q[i] <= address_q[i-1];
        operand_q[i] <= operand_q[i-1];
      end
      if (result_valid_q[i-1]) result_q[i] <= result_q[i-1];
    end
  end

  assign modify_valid_o = valid_q[READ_LATENCY-1];
  assign modify_extract_o = extract_q[READ_LATENCY-1];
  assign modify_address_o = address_q[READ_LATENCY-1];
  assign modify_operand_o = operand_q[READ_LATENCY-1];

  always_comb begin
    result_d = '0;
    if (modify_valid_o) result_d = modify_extract_o ? '0 : modify_value_i;
  end

  // Which of the results the next operation needs is compared a cycle ahead, while they are one place
  // further to the front.
  logic next_valid;
  address_t next_address;
  logic [READ_LATENCY-1:0] hit_q, hit_d;

  if (READ_LATENCY < 2) begin : gen_next_is_request
    assign next_valid = valid_i && ready_o;
    assign next_address = address_i;
    assign hit_d = next_valid && modify_valid_o && modify_address_o == next_address;
  end else begin : gen_next_is_under_way
    assign next_valid = valid_q[READ_LATENCY-2];
    assign next_address = address_q[READ_LATENCY-2];

    // Where the results belong; of the last one nobody asks.
    address_t result_address_q[READ_LATENCY-1];

    always_ff @(posedge clk_i) if (modify_valid_o) result_address_q[0] <= modify_address_o;
    for (genvar i = 1; i < READ_LATENCY - 1; i++) begin : gen_result
      always_ff @(posedge clk_i) if (result_valid_q[i-1]) result_address_q[i] <= result_address_q[i-1];
    end

    assign hit_d[0] = next_valid && modify_valid_o && modify_address_o == next_address;
    for (genvar i = 1; i < READ_LATENCY; i++) begin : gen_hit
      assign hit_d[i] = next_valid && result_valid_q[i-1] && result_address_q[i-1] == next_address;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) hit_q <= '0;
    else if (next_valid) hit_q <= hit_d;
  end

  // The newest of the results that hit, else what was read.
  value_t read, second, third;
  logic second_hit, third_hit;

  if (READ_LATENCY > 1) begin : gen_second
    assign second = result_q[1];
    assign second_hit = hit_q[1];
  end else begin : gen_no_second
    assign second = '0;
    assign second_hit = 1'b0;
  end
  if (READ_LATENCY > 2) begin : gen_third
    assign third = result_q[2];
    assign third_hit = hit_q[2];
  end else begin : gen_no_third
    assign third = '0;
    assign third_hit = 1'b0;
  end

  always_comb begin
    modify_value_o = '0;
    if (modify_valid_o) begin
      if (hit_q[0]) modify_value_o = result_q[0];
      else if (second_hit) modify_value_o = second;
      else if (third_hit) modify_value_o = third;
      else modify_value_o = read;
    end
  end

  weir_ram #(
      .value_t(value_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) u_ram (
      .clk_i,
      // Not before the first reset: what the registers hold until then must not reach the memory.
      .write_i(rst_ni && (modify_valid_o || sweeping_q)),
      .write_address_i(sweeping_q ? sweep_q : modify_address_o),
      // Nothing else is in flight while it sweeps, and then this is 0.
      .write_data_i(result_d),
      .read_i(valid_i),
      .read_address_i(address_i),
      .read_data_o(read)
  );

endmodule
