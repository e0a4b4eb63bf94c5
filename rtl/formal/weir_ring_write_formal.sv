// What is proved of weir_ring_write, with the weir_ring in it, whatever host, memory and client do:
//
//   unread       an entry is only taken for a slot that the host has read: never more than the ring holds lies
//                between the host's index and what is under way; and none once host memory has failed
//   in line      what is taken goes to the slot behind the one before, so the phase, which is the index's bit above
//                the slot, flips once a lap and nowhere else
//   its place    a beat goes to the address of its index's slot, with the data and the phase that belong there, once
//                and in order; a burst stays within 4 KiB
//   written      the producer moves over an entry when host memory has answered for it, and over no other;
//                each entry is answered for once, in order
//
// The host moves its index at will; the ring stops if that cannot be. Assumed: base and size hold from the cycle in
// which the ring is enabled until it is disabled (weir_bar refuses to write them); host memory answers a
// burst once, after all of its beats; no clear. weir_fifo is weir_fifo_spec. All but the low bits of an entry
// and of the base are 0.
module weir_ring_write_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter int unsigned ENTRY_BYTES = 64,
    parameter int unsigned BURST = 2,
    parameter int unsigned DATA_BITS = 2,
    parameter int unsigned BASE_BITS = 12,
    // Of the ring, at most.
    parameter int unsigned SIZE_LOG2 = 5
) (
    input logic clk_i,
    input logic rst_ni,
    input logic [BASE_BITS-1:0] base_i,
    input logic [4:0] size_log2_i,
    input ring_write_t write_i,
    input logic push_valid_i,
    input logic [DATA_BITS-1:0] push_i,
    input logic post_now_i,
    input logic dma_ready_i,
    input logic dma_data_ready_i,
    input logic dma_done_i,
    input logic dma_ok_i
);

  localparam int unsigned ENTRY_BITS = 8 * ENTRY_BYTES;
  localparam int unsigned ENTRY_LOG2 = $clog2(ENTRY_BYTES);
  localparam int unsigned FLIGHTS = 8;
  localparam int unsigned FLIGHT_BITS = $clog2(FLIGHTS);
  localparam int unsigned BEATS = BURST < 4 ? 8 : 2 * BURST;
  // One more for what lies past the base.
  typedef logic [BASE_BITS:0] address_t;
  typedef logic [31:0] index_t;

  ring_config_t config_now;
  assign config_now = '{base: 64'(base_i), size_log2: size_log2_i, vector_number: '0};

  ring_state_t state;
  logic push_ready, push_done, push_ok, dma_valid, dma_data_valid, busy;
  logic setup_error, index_error, pump, written, dma_refused;
  dma_request_t request;
  dma_data_t beat;
  post_t post;

  weir_ring_write #(
      .ENTRY_BYTES(ENTRY_BYTES),
      .BURST(BURST)
  ) dut (
      .clk_i,
      .rst_ni,
      .config_i(config_now),
      .write_i,
      .state_o(state),
      .setup_error_o(setup_error),
      .index_error_o(index_error),
      .pump_o(pump),
      .push_valid_i,
      .push_ready_o(push_ready),
      .push_i(ENTRY_BITS'(push_i)),
      .post_now_i,
      .push_done_o(push_done),
      .push_ok_o(push_ok),
      .dma_valid_o(dma_valid),
      .dma_ready_i,
      .dma_o(request),
      .dma_data_valid_o(dma_data_valid),
      .dma_data_ready_i,
      .dma_data_o(beat),
      .dma_done_i,
      .dma_ok_i,
      .time_ns_i('0),
      .post_o(post),
      .written_o(written),
      .dma_refused_o(dma_refused),
      .clear_i(1'b0),
      .busy_o(busy)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  ring_config_t config_q;
  always_ff @(posedge clk_i) config_q <= config_now;

  logic take, sent, phase;
  index_t size;
  address_t address;

  assign take = rst_ni && push_valid_i && push_ready;
  assign sent = rst_ni && dma_data_valid && dma_data_ready_i;
  assign size = 32'd1 << size_log2_i;
  // Where the next entry belongs, and its phase: 1 on the first lap.
  assign address = address_t'(base_i) + address_t'((dut.index & (size - 1'b1)) << ENTRY_LOG2);
  assign phase = (dut.index & size) == '0;

  // Of what is in the queues: where each beat belongs and what it is, and where each burst starts.
  address_t beat_address[BEATS];
  logic [DATA_BITS:0] beat_entry[BEATS];
  address_t burst_address[FLIGHTS];
  address_t start_q, first;

  assign first = dut.gathered_q == '0 ? address : start_q;

  always_ff @(posedge clk_i) begin
    if (dut.gathered_q == '0) start_q <= address;
    if (take) begin
      beat_address[dut.u_beats.head_q[$clog2(BEATS)-1:0]] <= address;
      beat_entry[dut.u_beats.head_q[$clog2(BEATS)-1:0]] <= {phase, push_i};
    end
    if (rst_ni && dut.close) burst_address[dut.u_requests.head_q[FLIGHT_BITS-1:0]] <= first;
  end

  // The beats that wait lie behind each other in their bursts, from the one that goes out next to the one
  // that was gathered last.
  logic in_bursts, entries_kept, starts_kept, lengths_good;
  logic [3:0] burst;
  logic [6:0] offset;
  logic [$clog2(BEATS)-1:0] beat_at;
  logic [FLIGHT_BITS-1:0] burst_at;
  address_t start;

  always_comb begin
    in_bursts = 1'b1;
    entries_kept = 1'b1;
    burst = '0;
    offset = dut.sent_q;
    beat_at = '0;
    burst_at = '0;
    start = '0;
    for (int unsigned i = 0; i < BEATS; i++) begin
      beat_at = dut.u_beats.tail_q[$clog2(BEATS)-1:0] + ($clog2(BEATS))'(i);
      if (i < 32'(dut.u_beats.level_o)) begin
        burst_at = dut.u_lengths.tail_q[FLIGHT_BITS-1:0] + burst[FLIGHT_BITS-1:0];
        start = burst < dut.u_lengths.level_o ? burst_address[burst_at] : start_q;
        if (((start & ~address_t'(63)) + address_t'({offset, 6'd0})) != (beat_address[beat_at] & ~address_t'(63))) begin
          in_bursts = 1'b0;
        end
        if ({dut.u_beats.memory[beat_at].data[ENTRY_BITS-1], dut.u_beats.memory[beat_at].data[DATA_BITS-1:0]}
            != beat_entry[beat_at]) entries_kept = 1'b0;
        if ((beat_address[beat_at] & address_t'(ENTRY_BYTES - 1)) != '0) entries_kept = 1'b0;
        if (dut.u_beats.memory[beat_at].quarter != 2'(beat_address[beat_at][5:0] >> ENTRY_LOG2)) entries_kept = 1'b0;
        offset += 7'd1;
        if (burst < dut.u_lengths.level_o && offset == dut.u_lengths.memory[burst_at]) begin
          burst += 4'd1;
          offset = '0;
        end
      end
    end
    if (burst != dut.u_lengths.level_o || offset != dut.gathered_q) in_bursts = 1'b0;
    starts_kept = 1'b1;
    lengths_good = 1'b1;
    for (int unsigned i = 0; i < FLIGHTS; i++) begin
      burst_at = dut.u_requests.tail_q[FLIGHT_BITS-1:0] + FLIGHT_BITS'(i);
      if (i < 32'(dut.u_requests.level_o)) begin
        start = burst_address[burst_at] & ~address_t'(63);
        if (dut.u_requests.memory[burst_at].address != 64'(start)) starts_kept = 1'b0;
        if (dut.u_requests.memory[burst_at].beats == '0 || dut.u_requests.memory[burst_at].beats > 7'(BURST)) begin
          lengths_good = 1'b0;
        end
        if (7'(burst_address[burst_at][11:6]) + dut.u_requests.memory[burst_at].beats > 7'd64) lengths_good = 1'b0;
      end
      burst_at = dut.u_lengths.tail_q[FLIGHT_BITS-1:0] + FLIGHT_BITS'(i);
      if (i < 32'(dut.u_lengths.level_o)) begin
        if (dut.u_lengths.memory[burst_at] == '0 || dut.u_lengths.memory[burst_at] > 7'(BURST)) lengths_good = 1'b0;
      end
    end
  end

  // What is under way is what the bursts hold that are not answered for, and what is being gathered.
  logic [9:0] under_way;
  logic flights_good;
  logic [FLIGHT_BITS-1:0] flight_at;

  always_comb begin
    under_way = 10'(dut.gathered_q);
    flights_good = 1'b1;
    flight_at = '0;
    for (int unsigned i = 0; i < FLIGHTS; i++) begin
      flight_at = dut.u_flights.tail_q[FLIGHT_BITS-1:0] + FLIGHT_BITS'(i);
      if (i < 32'(dut.u_flights.level_o)) begin
        under_way += 10'(dut.u_flights.memory[flight_at].entries);
        if (dut.u_flights.memory[flight_at].entries == '0 || dut.u_flights.memory[flight_at].entries > 7'(BURST)) begin
          flights_good = 1'b0;
        end
      end
    end
    under_way -= 10'(dut.reported_q);
    if (dut.u_flights.level_o == '0 && dut.reported_q != '0) flights_good = 1'b0;
    if (dut.u_flights.level_o != '0 && dut.reported_q >= dut.u_flights.data_o.entries) flights_good = 1'b0;
  end

  // Bursts whose data is out and that are not answered for: in the memory's hands.
  logic [3:0] open_q = '0;
  always_ff @(posedge clk_i) if (rst_ni) open_q <= open_q + 4'(sent && beat.last) - 4'(dma_done_i);

  // The entry taken last, as long as nothing has broken the line: a fault, or the host.
  index_t last_q = '0;
  logic last_phase_q = 1'b0;
  logic line_q = 1'b0;
  logic restarts, stops;

  assign restarts = write_i.control_valid && write_i.enable && !state.enabled;
  assign stops = write_i.control_valid && !write_i.enable || dma_refused;

  always_ff @(posedge clk_i) begin
    if (take) begin
      last_q <= dut.index;
      last_phase_q <= dut.entry.data[ENTRY_BITS-1];
    end
    line_q <= rst_ni && !restarts && !stops && !dut.is_void && (take || line_q);
  end

  // The producer, apart from the ring's own: it moves by one for each entry that was written.
  index_t producer_q = '0;
  logic known_q = 1'b0;
  always_ff @(posedge clk_i) begin
    producer_q <= state.nic_index + 32'(push_ok);
    known_q <= rst_ni && !restarts;
  end

  // How far the producer is from the host's index, which may be ahead of it by what is under way; and what the ring will
  // hold when that has been answered for.
  localparam index_t AHEAD_MAX = 1024;
  index_t gap, promised;

  assign gap = state.nic_index - state.host_index;
  assign promised = gap + (dut.is_void ? '0 : 32'(dut.in_flight_q));

  // What goes out.
  address_t bus_address, shown_address;
  logic [DATA_BITS:0] shown_entry;
  logic [9:0] lane;

  assign bus_address = (burst_address[dut.u_lengths.tail_q[FLIGHT_BITS-1:0]] & ~address_t'(63))
      + address_t'({dut.sent_q, 6'd0});
  assign shown_address = beat_address[dut.u_beats.tail_q[$clog2(BEATS)-1:0]];
  assign lane = 10'({shown_address[5:0], 3'd0});
  assign shown_entry = {1'(beat.data >> (lane + 10'(ENTRY_BITS - 1))), DATA_BITS'(beat.data >> lane)};

  always_comb begin
    assume (rst_ni == !first_q);
    assume (size_log2_i <= 5'(SIZE_LOG2));
    assume (!state.enabled || config_now == config_q);
    // One register is written at a time.
    assume (!write_i.control_valid || !write_i.index_valid);
    assume (!dma_done_i || open_q != '0);

    if (rst_ni) begin
      aligned : assert (!state.enabled || (base_i & BASE_BITS'(ENTRY_BYTES - 1)) == '0);
      used : assert (!state.enabled || state.used <= size);
      ahead : assert (!state.enabled || gap <= size || -gap <= AHEAD_MAX);
      room : assert (!state.enabled || promised <= size
          || state.faulted && (dut.is_void || dut.in_flight_q == '0));
      if (take) begin
        unread : assert (state.enabled && !state.faulted && dut.index - state.host_index < size);
        in_line : assert (!line_q || dut.index == last_q + 1'b1);
        flips_once_a_lap : assert (!line_q || (dut.entry.data[ENTRY_BITS-1] != last_phase_q)
            == ((dut.index & (size - 1'b1)) == '0));
      end
      if (line_q) last : assert (last_q == dut.index - 1'b1 && last_phase_q == ((last_q & size) == '0));
      waits_in_order : assert (in_bursts && entries_kept);
      side_by_side : assert (dut.u_requests.head_q == dut.u_lengths.head_q
          && dut.u_requests.head_q == dut.u_flights.head_q);
      sends : assert (dut.u_lengths.level_o == '0 ? dut.sent_q == '0 : dut.sent_q < dut.length);
      bursts_kept : assert (starts_kept && lengths_good);
      answers_for : assert (flights_good && under_way == 10'(dut.in_flight_q));
      gathers : assert (dut.gathered_q < 7'(BURST) && (dut.gathered_q == '0 || dut.first_q == 64'(start_q)));
      gathers_in_line : assert (dut.gathered_q == '0 || dut.is_void
          || address == start_q + address_t'({dut.gathered_q, ENTRY_LOG2'(0)}));
      gathers_in_page : assert (dut.gathered_q == '0 || 7'(start_q[11:6]) + dut.gathered_q < 7'd64);
      if (dma_valid) begin
        its_burst : assert (request.address
            == 64'(burst_address[dut.u_requests.tail_q[FLIGHT_BITS-1:0]] & ~address_t'(63)));
        in_page : assert (request.beats != '0 && 7'(request.address[11:6]) + request.beats <= 7'd64);
      end
      if (dma_data_valid) begin
        its_place : assert (bus_address == (shown_address & ~address_t'(63)));
        its_entry : assert (shown_entry == beat_entry[dut.u_beats.tail_q[$clog2(BEATS)-1:0]]);
        its_bytes : assert (beat.strobes == 64'({ENTRY_BYTES{1'b1}}) << shown_address[5:0]);
      end
      written_only : assert (!push_ok || dut.outcome_ok);
      producer : assert (!known_q || state.nic_index == producer_q);
    end
  end

endmodule
