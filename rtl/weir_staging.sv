// Where punts of one direction wait: the frames that a gate has handed over, and their beats.
//
//   punt_i ──────▶ [frames] ─▶ frame_o        in the gate's clock up to here ▲, then, if there are two,
//   punt_beat_i ─▶ [beats] ──▶ beat_o         a crossing each
//
// The gate never waits for punt: it asks `room_o`, which is exact in the cycle after a beat.
//
// Timing: an item can be taken in the cycle after it was put in; with two clocks, a crossing later.
// Model: none. The model's punts wait for the link alone: hw-model/src/punt.rs.
module weir_staging
  import weir_pkg::*;
#(
    // Beats, and frames, that wait; a power of two.
    parameter int unsigned BEATS = 1024,
    // The gate has a clock of its own.
    parameter bit TWO_CLOCKS = 1'b0
) (
    // The gate's; with one clock, the same as `clk_i`.
    input logic clk_front_i,
    input logic rst_front_ni,

    input logic punt_valid_i,
    output logic punt_ready_o,
    input verdict_t punt_i,
    // No beats follow.
    input logic punt_lost_i,
    input logic punt_beat_valid_i,
    output logic punt_beat_ready_o,
    input beat_t punt_beat_i,
    output logic [15:0] room_o,
    // Something is in it that can only be seen in the gate's clock.
    output logic busy_front_o,

    input logic clk_i,
    input logic rst_ni,

    output logic frame_valid_o,
    input logic frame_ready_i,
    output verdict_t frame_o,
    output logic frame_lost_o,
    output logic beat_valid_o,
    input logic beat_ready_i,
    output beat_t beat_o
);

  typedef struct packed {
    logic lost;
    verdict_t verdict;
  } frame_t;

  // Of a crossing: it is as quick as the queue in front of it.
  localparam int unsigned CROSSING_ITEMS = 16;

  logic frame_valid, frame_ready, beat_valid, beat_ready, frame_crosses, beat_crosses;
  frame_t frame, crossed;
  beat_t beat;
  logic [$clog2(BEATS):0] frames_level, beats_level;

  weir_fifo #(
      .item_t(frame_t),
      .DEPTH(BEATS)
  ) u_frames (
      .clk_i(clk_front_i),
      .rst_ni(rst_front_ni),
      .valid_i(punt_valid_i),
      .ready_o(punt_ready_o),
      .data_i({punt_lost_i, punt_i}),
      .valid_o(frame_valid),
      .ready_i(frame_ready),
      .data_o(frame),
      .level_o(frames_level)
  );

  weir_fifo #(
      .item_t(beat_t),
      .DEPTH(BEATS)
  ) u_beats (
      .clk_i(clk_front_i),
      .rst_ni(rst_front_ni),
      .valid_i(punt_beat_valid_i),
      .ready_o(punt_beat_ready_o),
      .data_i(punt_beat_i),
      .valid_o(beat_valid),
      .ready_i(beat_ready),
      .data_o(beat),
      .level_o(beats_level)
  );

  assign room_o = 16'(BEATS) - 16'(beats_level);
  assign busy_front_o = frame_valid || beat_valid || frame_crosses || beat_crosses;

  weir_crossing #(
      .item_t(frame_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_frames_cross (
      .from_clk_i(clk_front_i),
      .from_rst_ni(rst_front_ni),
      .from_valid_i(frame_valid),
      .from_ready_o(frame_ready),
      .from_data_i(frame),
      .from_busy_o(frame_crosses),
      .to_clk_i(clk_i),
      .to_rst_ni(rst_ni),
      .to_valid_o(frame_valid_o),
      .to_ready_i(frame_ready_i),
      .to_data_o(crossed)
  );

  weir_crossing #(
      .item_t(beat_t),
      .DEPTH(CROSSING_ITEMS),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_beats_cross (
      .from_clk_i(clk_front_i),
      .from_rst_ni(rst_front_ni),
      .from_valid_i(beat_valid),
      .from_ready_o(beat_ready),
      .from_data_i(beat),
      .from_busy_o(beat_crosses),
      .to_clk_i(clk_i),
      .to_rst_ni(rst_ni),
      .to_valid_o(beat_valid_o),
      .to_ready_i(beat_ready_i),
      .to_data_o(beat_o)
  );

  assign frame_o = crossed.verdict;
  assign frame_lost_o = crossed.lost;

  logic unused;
  assign unused = &{1'b0, frames_level};

endmodule
