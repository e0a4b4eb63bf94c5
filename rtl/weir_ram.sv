// A memory with one port that writes and one that reads, as block RAM has it.
//
// Timing: what `read_address_i` holds in cycle t with `read_i`, `read_data_o` shows in cycle t + READ_LATENCY. A write
// is seen by reads of the cycles after it; what a read of the same cycle and place sees is not to be
// relied on. All zero after power-on; no reset clears it.
// Model: hw-model/src/memory.rs.
module weir_ram #(
    parameter type value_t = logic [7:0],
    // At least 2.
    parameter int unsigned ENTRIES = 16,
    // 1 to 3: the registers behind the first are the memory's own and the fabric's.
    parameter int unsigned READ_LATENCY = 1
) (
    input logic clk_i,

    input logic write_i,
    input logic [$clog2(ENTRIES)-1:0] write_address_i,
    input value_t write_data_i,

    // Where it is clear, `read_data_o` of that cycle is not to be looked at.
    input logic read_i,
    input logic [$clog2(ENTRIES)-1:0] read_address_i,
    output value_t read_data_o
);

  if (ENTRIES < 2) begin : gen_bad_entries
    $error("weir_ram: ENTRIES is %0d, expected at least 2", ENTRIES);
  end
  if (READ_LATENCY < 1 || READ_LATENCY > 3) begin : gen_bad_latency
    $error("weir_ram: READ_LATENCY is %0d, expected 1 to 3", READ_LATENCY);
  end

  value_t memory[ENTRIES];
  value_t first_q;

  initial begin
    for (int unsigned i = 0; i < ENTRIES; i++) memory[i] = '0;
  end

  always_ff @(posedge clk_i) begin
    if (write_i) memory[write_address_i] <= write_data_i;
    if (read_i) first_q <= memory[read_address_i];
  end

  // The registers behind the first move with what was read.
  if (READ_LATENCY == 1) begin : gen_first
    assign read_data_o = first_q;
  end else begin : gen_second
    logic first_new_q;
    value_t second_q;

    always_ff @(posedge clk_i) begin
      first_new_q <= read_i;
      if (first_new_q) second_q <= first_q;
    end

    if (READ_LATENCY == 2) begin : gen_last
      assign read_data_o = second_q;
    end else begin : gen_third
      logic second_new_q;
      value_t third_q;

      always_ff @(posedge clk_i) begin
        second_new_q <= first_new_q;
        if (second_new_q) third_q <= second_q;
      end

      assign read_data_o = third_q;
    end
  end

endmodule
