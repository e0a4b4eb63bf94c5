// READ_ACTIVITY: a bitmap of touched slots, taken from the tally and written to host memory.
//
//   tally ─ 64 bits a row ─▶ gather ─▶ [rows of 512] ─▶ shift by the address ─▶ bursts ─▶ host memory
//     ▲                                     │ a burst failed
//     └──────────── bits go back ◀──────────┘
//
// All of it is taken before the first burst goes out and kept until the last one has come back, so that
// a command that fails can put back what it took. Slots past the table read as not touched.
//
// Timing: a row a cycle as the tally gives them, then a beat a cycle; one burst at a time. `done_o` is high for
// one cycle.
// Model: `read_activity` in hw-model/src/command.rs.
module weir_activity
  import weir_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17
) (
    input logic clk_i,
    input logic rst_ni,

    // What is asked for stays until `done_o`: units of ACTIVITY_UNIT slots, at least one and no more than
    // there are or one; an address in dwords of 64 bits.
    input logic start_i,
    input logic egress_i,
    input logic [14:0] unit_i,
    input logic [15:0] units_i,
    input logic [60:0] address_i,
    output logic done_o,
    output logic ok_o,

    output logic [1:0] activity_valid_o,
    input logic [1:0] activity_ready_i,
    output logic [1:0] activity_restore_o,
    output logic [1:0][17:0] activity_row_o,
    output logic [1:0][63:0] activity_bits_o,
    input logic [1:0] activity_valid_i,
    input logic [1:0][63:0] activity_bits_i,

    output logic dma_valid_o,
    input logic dma_ready_i,
    output dma_request_t dma_o,
    output logic dma_data_valid_o,
    input logic dma_data_ready_i,
    output dma_data_t dma_data_o,
    input logic dma_done_i,
    input logic dma_ok_i,

    input logic clear_i
);

  localparam int unsigned TABLE_ROWS = 2 ** (SLOTS_LOG2 - 6);
  localparam int unsigned UNITS = SLOTS_LOG2 < 10 ? 2 : 2 ** (SLOTS_LOG2 - 9);
  localparam int unsigned BURST_BEATS_MAX = 16;

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_activity: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end

  typedef logic [$clog2(UNITS)-1:0] unit_t;
  typedef logic [511:0] beat_bits_t;

  typedef enum logic [2:0] {
    IDLE,
    TAKE,
    REQUEST,
    DATA,
    ANSWER,
    FETCH,
    RESTORE,
    DONE
  } state_e;

  state_e state_q;
  logic ok_q;
  // What is left of the time before a reset.
  logic void_q;
  // Rows of 64: asked for or given back, and answered.
  logic [18:0] asked_q, answered_q, rows;
  beat_bits_t gather_q, gather_d;
  // Beats of 512.
  logic [15:0] beat_q, beats, left;
  logic [6:0] burst, burst_left_q;
  logic [2:0] shift;
  logic [63:0] burst_address;
  logic [6:0] to_page;
  logic ask_fire, data_fire, gathered;
  logic answer_valid;
  logic [63:0] answer_bits;

  // What lies past the table is not asked for.
  always_comb begin
    logic [18:0] first;
    first = {1'b0, unit_i, 3'd0};
    rows = {units_i, 3'd0};
    if (first + rows > 19'(TABLE_ROWS)) rows = 19'(TABLE_ROWS) - first;
  end

  // The tally's side.
  logic [17:0] row;
  beat_bits_t stored, previous_q;

  assign row = {unit_i, 3'd0} + asked_q[17:0];
  assign activity_row_o = {2{row}};
  assign activity_restore_o = {2{state_q == RESTORE}};
  assign activity_bits_o = {2{stored[64*asked_q[2:0]+:64]}};
  assign activity_valid_o[0] = !egress_i && (state_q == TAKE || state_q == RESTORE) && asked_q != rows;
  assign activity_valid_o[1] = egress_i && (state_q == TAKE || state_q == RESTORE) && asked_q != rows;
  assign ask_fire = (activity_valid_o & activity_ready_i) != '0;
  assign answer_valid = activity_valid_i[egress_i];
  assign answer_bits = activity_bits_i[egress_i];

  always_comb begin
    gather_d = gather_q;
    gather_d[64*answered_q[2:0]+:64] = answer_bits;
  end

  assign gathered = state_q == TAKE && answer_valid && (answered_q[2:0] == '1 || answered_q + 19'd1 == rows);

  // The host's side. The bitmap starts in lane `shift` of its first beat.
  assign shift = address_i[2:0];
  assign beats = units_i + 16'(shift != '0);
  assign left = beats - beat_q;
  assign burst_address = {address_i[60:3], 6'd0} + {42'd0, beat_q, 6'd0};
  assign to_page = 7'd64 - {1'b0, burst_address[11:6]};

  always_comb begin
    burst = 7'(BURST_BEATS_MAX);
    if (to_page < burst) burst = to_page;
    if (left < 16'(burst)) burst = 7'(left);
  end

  assign dma_valid_o = state_q == REQUEST;
  assign dma_o = '{address: burst_address, beats: burst};
  assign dma_data_valid_o = state_q == DATA;
  assign data_fire = dma_data_valid_o && dma_data_ready_i;

  always_comb begin
    dma_data_o.last = burst_left_q == 7'd1;
    dma_data_o.data = 512'({stored, previous_q} >> (10'd512 - {1'b0, shift, 6'd0}));
    dma_data_o.strobes = '1;
    if (beat_q == '0) dma_data_o.strobes &= '1 << {shift, 3'd0};
    if (left == 16'd1 && shift != '0) dma_data_o.strobes &= ~(64'hffff_ffff_ffff_ffff << {shift, 3'd0});
  end

  unit_t read_unit;

  always_comb begin
    read_unit = unit_t'(beat_q + 16'(data_fire));
    if (state_q == FETCH || state_q == RESTORE) read_unit = unit_t'(asked_q >> 3);
  end

  weir_ram #(
      .value_t(beat_bits_t),
      .ENTRIES(UNITS)
  ) u_rows (
      .clk_i,
      .write_i(gathered),
      .write_address_i(unit_t'(answered_q >> 3)),
      .write_data_i(gather_d),
      .read_i(1'b1),
      .read_address_i(read_unit),
      .read_data_o(stored)
  );

  always_ff @(posedge clk_i) begin
    if (state_q == IDLE || gathered) gather_q <= '0;
    else if (state_q == TAKE && answer_valid) gather_q <= gather_d;
    if (data_fire) previous_q <= stored;
  end

  always_ff @(posedge clk_i) begin
    if (ask_fire) asked_q <= asked_q + 19'd1;
    if (answer_valid && (state_q == TAKE || state_q == FETCH || state_q == RESTORE)) begin
      answered_q <= answered_q + 19'd1;
    end
    unique case (state_q)
      IDLE: begin
        asked_q <= '0;
        answered_q <= '0;
        beat_q <= '0;
        ok_q <= 1'b1;
        if (start_i) state_q <= TAKE;
      end
      TAKE: if (answered_q == rows) state_q <= REQUEST;
      REQUEST: begin
        burst_left_q <= burst;
        if (dma_ready_i) state_q <= DATA;
      end
      DATA:
      if (data_fire) begin
        beat_q <= beat_q + 16'd1;
        burst_left_q <= burst_left_q - 7'd1;
        if (burst_left_q == 7'd1) state_q <= ANSWER;
      end
      ANSWER:
      if (dma_done_i) begin
        asked_q <= '0;
        answered_q <= '0;
        if (!dma_ok_i) begin
          ok_q <= 1'b0;
          state_q <= FETCH;
        end else begin
          state_q <= left == '0 ? DONE : REQUEST;
        end
      end
      // A unit is in `stored` a cycle after it was asked for.
      FETCH: state_q <= RESTORE;
      RESTORE:
      if (ask_fire && asked_q[2:0] == '1) state_q <= FETCH;
      else if (answered_q == rows) state_q <= DONE;
      default: state_q <= IDLE;
    endcase
    // A burst that the DMA has taken goes to its end: it waits for all of the beats.
    if (!rst_ni) void_q <= 1'b0;
    else void_q <= (void_q || clear_i) && (state_q == REQUEST && dma_ready_i || state_q == DATA || state_q == ANSWER);
    if (clear_i && !(state_q == REQUEST && dma_ready_i || state_q == DATA || state_q == ANSWER)) state_q <= IDLE;
    if ((void_q || clear_i) && state_q == ANSWER && dma_done_i) state_q <= IDLE;
    if (!rst_ni) state_q <= IDLE;
  end

  assign done_o = state_q == DONE;
  assign ok_o = ok_q;

endmodule
