// The state of one ring: what its registers hold, and what a write to them does.
//
//   host's index ──▶ [ used: nic index .. host index, or the other way ] ◀── advance_i
//
// Both indices run freely. One that the host moves by more than the ring holds, or past what is in it,
// stops the ring, as does a bad base or size, or host memory that fails. A ring that is stopped runs again
// when it has been disabled and enabled: then nothing is in it.
//
// Timing: a write of cycle t is in `state_o` in t + 1, with errors, `pump_o` and `given_o`.
// Model: Ring in hw-model/src/ring_write.rs; ring_control and doorbell in hw-model/src/regs.rs.
module weir_ring
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // The host fills the ring and the NIC empties it; otherwise the other way.
    parameter bit HOST_PRODUCES = 1'b0,
    // A power of two, 16 to 2048.
    parameter int unsigned ENTRY_BYTES = 64
) (
    input logic clk_i,
    input logic rst_ni,

    input ring_config_t config_i,
    input ring_write_t write_i,
    // Drops are counted elsewhere: 0.
    output ring_state_t state_o,

    // Entries that the NIC has written or gives back.
    input logic [2:0] advance_i,
    // Of the NIC's rings: entries that host memory may have already, but whose answer `advance_i` has yet to count. The
    // host can be faster than that answer.
    input logic [15:0] ahead_i,
    // Host memory failed.
    input logic fault_i,

    // The host has moved its index by `given_o`.
    output logic given_valid_o,
    output logic [31:0] given_o,
    output logic setup_error_o,
    output logic index_error_o,
    // The host has moved its index, or enabled the ring: what waits may try again.
    output logic pump_o,

    input logic clear_i
);

  if (ENTRY_BYTES < 16 || ENTRY_BYTES > 2048 || 2 ** $clog2(ENTRY_BYTES) != ENTRY_BYTES) begin : gen_bad_entry
    $error("weir_ring: ENTRY_BYTES is %0d, expected a power of two from 16 to 2048", ENTRY_BYTES);
  end

  // A ring's base is aligned to its bytes, but to no more than this.
  localparam int unsigned ALIGNMENT_MAX = 4096;
  localparam int unsigned ALIGNMENT_BITS = $clog2(ALIGNMENT_MAX);

  logic enabled_q, enabled_d, faulted_q, faulted_d;
  logic [31:0] host_q, host_d, nic_q, nic_d, high_water_q, high_water_d;
  logic setup_error_d, index_error_d, pump_d, given_valid_d;

  // Base and size.
  logic [35:0] bytes;
  logic [ALIGNMENT_BITS-1:0] alignment;
  logic good;

  assign bytes = 36'(ENTRY_BYTES) << config_i.size_log2;
  assign alignment = bytes >= 36'(ALIGNMENT_MAX) ? '1 : ALIGNMENT_BITS'(bytes - 36'd1);
  assign good = config_i.size_log2 >= 5'(RING_SIZE_LOG2_MIN) && config_i.size_log2 <= 5'(RING_SIZE_LOG2_MAX)
      && (config_i.base[ALIGNMENT_BITS-1:0] & alignment) == '0
      // Its end is an address too.
      && config_i.base <= ~64'(bytes);

  // What the ring would hold with the host's new index, and how far it would move.
  logic [31:0] size, used, used_then, moved, held;

  assign size = 32'd1 << config_i.size_log2;
  assign used = HOST_PRODUCES ? host_q - nic_q : nic_q - host_q;
  assign used_then = HOST_PRODUCES ? write_i.index - nic_q : nic_q + 32'(ahead_i) - write_i.index;
  assign moved = write_i.index - host_q;
  assign held = nic_d - host_q;

  always_comb begin
    enabled_d = enabled_q;
    faulted_d = faulted_q || (fault_i && enabled_q);
    host_d = host_q;
    nic_d = enabled_q ? nic_q + 32'(advance_i) : nic_q;
    high_water_d = high_water_q;
    setup_error_d = 1'b0;
    index_error_d = 1'b0;
    pump_d = 1'b0;
    given_valid_d = 1'b0;

    if (!HOST_PRODUCES && enabled_q && !held[31] && held > high_water_q) high_water_d = held;

    if (write_i.index_valid) begin
      if (!enabled_q) begin
        host_d = write_i.index;
      end else if (used_then > size || moved > size) begin
        faulted_d = 1'b1;
        index_error_d = 1'b1;
      end else begin
        host_d = write_i.index;
        given_valid_d = 1'b1;
        pump_d = 1'b1;
        if (HOST_PRODUCES && used_then > high_water_q) high_water_d = used_then;
      end
    end

    if (write_i.control_valid) begin
      if (!write_i.enable) begin
        enabled_d = 1'b0;
        faulted_d = 1'b0;
      end else if (!enabled_q) begin
        if (good) begin
          enabled_d = 1'b1;
          nic_d = host_q;
          pump_d = 1'b1;
        end else begin
          faulted_d = 1'b1;
          setup_error_d = 1'b1;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      enabled_q <= 1'b0;
      faulted_q <= 1'b0;
      host_q <= '0;
      nic_q <= '0;
      high_water_q <= '0;
      setup_error_o <= 1'b0;
      index_error_o <= 1'b0;
      pump_o <= 1'b0;
      given_valid_o <= 1'b0;
    end else begin
      enabled_q <= enabled_d;
      faulted_q <= faulted_d;
      host_q <= host_d;
      nic_q <= nic_d;
      high_water_q <= high_water_d;
      setup_error_o <= setup_error_d;
      index_error_o <= index_error_d;
      pump_o <= pump_d;
      given_valid_o <= given_valid_d;
    end
    given_o <= moved;
  end

  always_comb begin
    state_o = '0;
    state_o.enabled = enabled_q;
    state_o.faulted = faulted_q;
    state_o.host_index = host_q;
    state_o.nic_index = nic_q;
    state_o.used = !HOST_PRODUCES && used[31] ? '0 : used;
    state_o.room = enabled_q && !faulted_q ? size - used : '0;
    state_o.high_water = high_water_q;
  end

  logic unused;
  assign unused = &{1'b0, config_i.vector_number};

endmodule
