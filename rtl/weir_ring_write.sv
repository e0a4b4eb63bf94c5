// Fills a ring of the host: completions and records.
//
//   push_i ─▶ burst being gathered ─▶ requests, beats ─▶ DMA
//   push_done_o, producer, post_o ◀─ one entry a cycle ◀─ outcomes (B)
//
// Entries that come in one cycle after another and lie behind each other in memory go out as one burst, up
// to BURST, within 4 KiB and one lap. Each is a beat of its own, so that its last dword, with the phase, is
// the last of the beat to be seen. The producer moves when host memory has answered. If that was a fault,
// the ring stops, and neither the burst nor what was sent behind it counts, as if it had never been written;
// so it is with what is under way when the ring is disabled or the device reset.
//
// Timing: an entry goes to the DMA 2 cycles after it was taken, at the earliest; outcomes come in order, one a
// cycle, from the cycle after B.
// Model: hw-model/src/ring_write.rs; push_record in hw-model/src/record.rs and complete in hw-model/src/command.rs.
module weir_ring_write
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // 16 or 64.
    parameter int unsigned ENTRY_BYTES = 64,
    // Entries in a burst: a power of two, 1 to 64; 1 if an entry is less than a beat.
    parameter int unsigned BURST = 16,
    // A ring that is half full posts `now`.
    parameter bit CROWDED_POSTS_NOW = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,

    input ring_config_t config_i,
    input ring_write_t write_i,
    output ring_state_t state_o,
    output logic setup_error_o,
    output logic index_error_o,
    output logic pump_o,

    // Not ready when the ring has no room. The phase is put in here. `post_now_i` belongs to the entry.
    input logic push_valid_i,
    output logic push_ready_o,
    input logic [ENTRY_BYTES*8-1:0] push_i,
    input logic post_now_i,
    // One for each entry, in order. Not ok: it was not written.
    output logic push_done_o,
    output logic push_ok_o,

    output logic dma_valid_o,
    input logic dma_ready_i,
    output dma_request_t dma_o,
    output logic dma_data_valid_o,
    input logic dma_data_ready_i,
    output dma_data_t dma_data_o,
    input logic dma_done_i,
    input logic dma_ok_i,

    input logic [63:0] time_ns_i,
    output post_t post_o,
    // Events: one entry was written, host memory failed.
    output logic written_o,
    output logic dma_refused_o,

    input logic clear_i,
    output logic busy_o
);

  if (ENTRY_BYTES != 16 && ENTRY_BYTES != 64) begin : gen_bad_entry
    $error("weir_ring_write: ENTRY_BYTES is %0d, expected 16 or 64", ENTRY_BYTES);
  end
  if (BURST < 1 || BURST > 64 || 2 ** $clog2(BURST) != BURST || (ENTRY_BYTES != 64 && BURST != 1)) begin : gen_bad_burst
    $error("weir_ring_write: BURST is %0d, expected a power of two up to 64, or 1 for small entries", BURST);
  end

  localparam int unsigned ENTRY_BITS = ENTRY_BYTES * 8;
  localparam int unsigned ENTRY_LOG2 = $clog2(ENTRY_BYTES);
  // Bursts under way, and beats that wait for the DMA.
  localparam int unsigned FLIGHTS = 8;
  localparam int unsigned BEATS = BURST < 4 ? 8 : 2 * BURST;
  localparam int unsigned COUNT_BITS = $clog2(FLIGHTS * BURST + 1) + 1;
  // What is left of an entry's address within its beat.
  localparam int unsigned QUARTERS = BEAT_BYTES / ENTRY_BYTES;

  typedef logic [COUNT_BITS-1:0] count_t;
  typedef struct packed {
    logic [1:0] quarter;
    logic [ENTRY_BITS-1:0] data;
  } entry_t;
  // What is to be said of the entries of a burst.
  typedef struct packed {
    logic [BURST-1:0] now;
    logic [6:0] entries;
  } flight_t;

  logic fault, advance, unused_given_valid;
  logic [31:0] unused_given;

  count_t in_flight_q;
  logic is_void;

  weir_ring #(
      .HOST_PRODUCES(1'b0),
      .ENTRY_BYTES(ENTRY_BYTES)
  ) u_ring (
      .clk_i,
      .rst_ni,
      .config_i,
      .write_i,
      .state_o,
      .advance_i({2'b00, advance}),
      .ahead_i(is_void ? '0 : 16'(in_flight_q)),
      .fault_i(fault),
      .given_valid_o(unused_given_valid),
      .given_o(unused_given),
      .setup_error_o,
      .index_error_o,
      .pump_o,
      .clear_i
  );

  // Entries taken and not yet answered for. What is void is sent to its end, and does not count;
  // what is mute is not even spoken of.
  count_t in_flight_d;
  logic void_q, mute_q, take, report;

  assign is_void = void_q || !state_o.enabled;
  assign in_flight_d = in_flight_q + count_t'(take) - count_t'(report);
  assign busy_o = in_flight_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_flight_q <= '0;
      void_q <= 1'b0;
      mute_q <= 1'b0;
    end else begin
      in_flight_q <= in_flight_d;
      void_q <= in_flight_d != '0 && (is_void || fault || clear_i);
      mute_q <= in_flight_d != '0 && (mute_q || clear_i);
    end
  end

  // Where the next entry goes.
  logic [31:0] index, place, last_place;
  logic [63:0] address;

  assign index = state_o.nic_index + 32'(in_flight_q);
  assign last_place = ~(32'hffff_ffff << config_i.size_log2);
  assign place = index & last_place;
  assign address = config_i.base + (64'(place) << ENTRY_LOG2);

  // The burst that is being gathered ends when nothing comes behind it.
  logic requests_ready, lengths_ready, flights_ready, beats_ready, space, last, close;
  logic [6:0] gathered_q, gathered_d;
  logic [63:0] first_q;
  logic [BURST-1:0] now_q, now_d;

  assign space = requests_ready && lengths_ready && flights_ready;
  assign push_ready_o = space && beats_ready && !is_void && state_o.room > 32'(in_flight_q);
  assign take = push_valid_i && push_ready_o;
  assign gathered_d = gathered_q + 7'(take);
  assign last = gathered_d == 7'(BURST) || address[11:6] == '1 || place == last_place;
  assign close = take ? last : gathered_q != '0 && space;

  always_comb begin
    now_d = now_q;
    for (int unsigned i = 0; i < BURST; i++) if (take && gathered_q == 7'(i)) now_d[i] = post_now_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || close) begin
      gathered_q <= '0;
      now_q <= '0;
    end else begin
      gathered_q <= gathered_d;
      now_q <= now_d;
    end
    if (gathered_q == '0) first_q <= address;
  end

  // Of the queues: nobody asks how full they are.
  logic [$clog2(FLIGHTS):0] unused_level_requests, unused_level_lengths, unused_level_flights, unused_level_outcomes;
  logic [$clog2(BEATS):0] unused_level_beats;

  dma_request_t request;

  assign request.address = (gathered_q == '0 ? address : first_q) & ~64'd63;
  assign request.beats = gathered_d;

  weir_fifo #(
      .item_t(dma_request_t),
      .DEPTH(FLIGHTS)
  ) u_requests (
      .clk_i,
      .rst_ni,
      .valid_i(close),
      .ready_o(requests_ready),
      .data_i(request),
      .valid_o(dma_valid_o),
      .ready_i(dma_ready_i),
      .data_o(dma_o),
      .level_o(unused_level_requests)
  );

  // Beats.
  logic beat_valid, length_valid, beat_take;
  logic [6:0] length, sent_q;
  entry_t entry, beat;

  assign entry.quarter = 2'((address & 64'd63) >> ENTRY_LOG2);
  assign entry.data = {ring_phase(index, config_i.size_log2), push_i[ENTRY_BITS-2:0]};

  weir_fifo #(
      .item_t(entry_t),
      .DEPTH(BEATS)
  ) u_beats (
      .clk_i,
      .rst_ni,
      .valid_i(take),
      .ready_o(beats_ready),
      .data_i(entry),
      .valid_o(beat_valid),
      .ready_i(beat_take),
      .data_o(beat),
      .level_o(unused_level_beats)
  );

  weir_fifo #(
      .item_t(logic [6:0]),
      .DEPTH(FLIGHTS)
  ) u_lengths (
      .clk_i,
      .rst_ni,
      .valid_i(close),
      .ready_o(lengths_ready),
      .data_i(gathered_d),
      .valid_o(length_valid),
      .ready_i(beat_take && dma_data_o.last),
      .data_o(length),
      .level_o(unused_level_lengths)
  );

  assign dma_data_valid_o = beat_valid && length_valid;
  assign beat_take = dma_data_valid_o && dma_data_ready_i;
  assign dma_data_o.last = sent_q + 7'd1 == length;
  assign dma_data_o.data = {QUARTERS{beat.data}};
  assign dma_data_o.strobes = 64'({ENTRY_BYTES{1'b1}}) << (7'(beat.quarter) << ENTRY_LOG2);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) sent_q <= '0;
    else if (beat_take) sent_q <= dma_data_o.last ? '0 : sent_q + 7'd1;
  end

  // Outcomes: one a burst comes, one an entry goes.
  logic flight_valid, outcome_valid, outcome_ok, reported;
  logic [6:0] reported_q;
  flight_t flight, flight_in;

  assign flight_in.now = now_d;
  assign flight_in.entries = gathered_d;
  assign report = flight_valid && outcome_valid;
  assign reported = report && reported_q + 7'd1 == flight.entries;

  weir_fifo #(
      .item_t(flight_t),
      .DEPTH(FLIGHTS)
  ) u_flights (
      .clk_i,
      .rst_ni,
      .valid_i(close),
      .ready_o(flights_ready),
      .data_i(flight_in),
      .valid_o(flight_valid),
      .ready_i(reported),
      .data_o(flight),
      .level_o(unused_level_flights)
  );

  logic unused_outcomes_ready;

  weir_fifo #(
      .item_t(logic),
      .DEPTH(FLIGHTS)
  ) u_outcomes (
      .clk_i,
      .rst_ni,
      .valid_i(dma_done_i),
      .ready_o(unused_outcomes_ready),
      .data_i(dma_ok_i),
      .valid_o(outcome_valid),
      .ready_i(reported),
      .data_o(outcome_ok),
      .level_o(unused_level_outcomes)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni || reported) reported_q <= '0;
    else reported_q <= reported_q + 7'(report);
  end

  logic now;

  always_comb begin
    now = 1'b0;
    for (int unsigned i = 0; i < BURST; i++) if (reported_q == 7'(i)) now = flight.now[i];
  end

  assign advance = report && outcome_ok && !is_void;
  assign fault = report && !outcome_ok && !is_void;
  assign push_done_o = report && !mute_q;
  assign push_ok_o = advance;
  assign written_o = advance;
  assign dma_refused_o = fault;

  logic crowded;
  assign crowded = state_o.used + 32'd1 >= (32'd1 << config_i.size_log2) >> 1;

  assign post_o.valid = advance;
  assign post_o.now = now || (CROWDED_POSTS_NOW && crowded);
  assign post_o.vector_number = config_i.vector_number;
  assign post_o.time_ns = time_ns_i;

  logic unused;
  assign unused = &{1'b0, push_i[ENTRY_BITS-1]};

endmodule
