// Empties a ring of the host: commands and injects.
//
//   DMA ─▶ entries that were read ahead ─▶ entry_o: the one at the ring's front
//
// Up to AHEAD entries that the host's index covers are read ahead, the first 64 bytes of each. The client
// takes the front when it is done with it, and gives back as many entries as it was: in the same cycle, before
// or after. What was read ahead of entries that are given back unseen is dropped. An entry that could not
// be read stops the ring when it is taken. A ring that stops, or is disabled, shows nothing from the next cycle
// on, the one exception from the rule that `valid` stays, and forgets what it has read.
//
// Timing: an entry that was read can be taken one cycle after its beat came.
// Model: hw-model/src/ring_read.rs.
module weir_ring_read
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // 64 to 2048, a power of two.
    parameter int unsigned ENTRY_BYTES = 64,
    // Entries: a power of two, 2 to 64.
    parameter int unsigned AHEAD = 16
) (
    input logic clk_i,
    input logic rst_ni,

    input ring_config_t config_i,
    input ring_write_t write_i,
    output ring_state_t state_o,
    output logic setup_error_o,
    output logic index_error_o,
    output logic pump_o,
    // What belongs to an entry could not be read: the ring stops.
    input logic fault_i,

    // The entry at the front: whether it could be read, whether its phase is this lap's, where it lies,
    // and how many the ring holds with it.
    output logic entry_valid_o,
    input logic entry_ready_i,
    output logic [511:0] entry_o,
    output logic entry_ok_o,
    output logic entry_phase_o,
    output logic [63:0] entry_iova_o,
    output logic [31:0] pending_o,

    input logic release_valid_i,
    input logic [2:0] release_i,

    output logic read_valid_o,
    input logic read_ready_i,
    output dma_request_t read_o,
    input logic read_valid_i,
    output logic read_ready_o,
    input dma_read_t read_i,

    input logic clear_i,
    output logic busy_o
);

  if (ENTRY_BYTES < BEAT_BYTES || ENTRY_BYTES > 2048 || 2 ** $clog2(ENTRY_BYTES) != ENTRY_BYTES) begin : gen_bad_entry
    $error("weir_ring_read: ENTRY_BYTES is %0d, expected a power of two from 64 to 2048", ENTRY_BYTES);
  end
  if (AHEAD < 2 || AHEAD > 64 || 2 ** $clog2(AHEAD) != AHEAD) begin : gen_bad_ahead
    $error("weir_ring_read: AHEAD is %0d, expected a power of two from 2 to 64", AHEAD);
  end

  localparam int unsigned ENTRY_LOG2 = $clog2(ENTRY_BYTES);

  typedef struct packed {
    logic ok;
    logic [511:0] data;
  } entry_t;

  logic taken, unused_given_valid;
  logic [31:0] unused_given;

  weir_ring #(
      .HOST_PRODUCES(1'b1),
      .ENTRY_BYTES(ENTRY_BYTES)
  ) u_ring (
      .clk_i,
      .rst_ni,
      .config_i,
      .write_i,
      .state_o,
      .advance_i(release_valid_i ? release_i : 3'd0),
      .ahead_i('0),
      .fault_i(fault_i || (taken && !entry_ok_o)),
      .given_valid_o(unused_given_valid),
      .given_o(unused_given),
      .setup_error_o,
      .index_error_o,
      .pump_o,
      .clear_i
  );

  // What was read before the ring ran (again) is stale until all of it has come and is gone.
  logic running, stale_q, settled, skip;
  // The oldest entry that is here or on its way, and the next to ask for; equal if there is none.
  logic [31:0] head_q, fetch_q, host_ahead, fetch_behind, head_behind;
  logic [6:0] in_flight_q, level;
  logic request_valid_q, ask, entries_valid, open_q, drop;
  dma_request_t request_q;
  entry_t front;

  assign running = state_o.enabled && !state_o.faulted;
  assign settled = in_flight_q == '0 && !request_valid_q && !entries_valid;

  // Entries may be given back before they were asked for: then all starts anew at the ring's front.
  assign fetch_behind = state_o.nic_index - fetch_q;
  assign head_behind = state_o.nic_index - head_q;
  assign skip = running && settled && (stale_q || (fetch_behind != '0 && !fetch_behind[31]));

  // What to ask for.
  logic [31:0] place, place_last, head_place;
  logic [63:0] address;
  logic [6:0] beats, covered, free, to_page, to_end;

  assign host_ahead = state_o.host_index - fetch_q;
  assign place_last = ~(32'hffff_ffff << config_i.size_log2);
  assign place = fetch_q & place_last;
  assign head_place = head_q & place_last;
  assign address = config_i.base + (64'(place) << ENTRY_LOG2);
  assign covered = host_ahead > 32'(AHEAD) ? 7'(AHEAD) : 7'(host_ahead);
  assign free = 7'(AHEAD) - in_flight_q - level;
  assign to_page = 7'd64 - 7'(address[11:6]);
  assign to_end = place_last - place >= 32'd64 ? 7'd64 : 7'(place_last - place) + 7'd1;

  function automatic logic [6:0] least(input logic [6:0] a, input logic [6:0] b);
    return a < b ? a : b;
  endfunction

  assign beats = ENTRY_BYTES == BEAT_BYTES ? least(least(covered, free), least(to_page, to_end)) : 7'd1;
  assign ask = running && !stale_q && !request_valid_q && (fetch_behind == '0 || fetch_behind[31])
      && host_ahead != '0 && free != '0;

  assign read_valid_o = request_valid_q;
  assign read_o = request_q;
  assign read_ready_o = 1'b1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      stale_q <= 1'b1;
      head_q <= '0;
      fetch_q <= '0;
      in_flight_q <= '0;
      request_valid_q <= 1'b0;
      open_q <= 1'b0;
    end else begin
      stale_q <= !running || (stale_q && !skip);
      open_q <= entry_valid_o && !taken;
      in_flight_q <= in_flight_q + (ask ? beats : 7'd0) - 7'(read_valid_i);
      if (skip) begin
        head_q <= state_o.nic_index;
        fetch_q <= state_o.nic_index;
      end else begin
        head_q <= head_q + 32'(taken || drop);
        if (ask) fetch_q <= fetch_q + 32'(beats);
      end
      request_valid_q <= ask || (request_valid_q && !read_ready_i);
    end
    if (ask) begin
      request_q.address <= address;
      request_q.beats <= beats;
    end
  end

  logic unused_entries_ready;
  logic [$clog2(AHEAD):0] entries_level;

  assign level = 7'(entries_level);

  weir_fifo #(
      .item_t(entry_t),
      .DEPTH(AHEAD)
  ) u_entries (
      .clk_i,
      .rst_ni(rst_ni && running && !stale_q),
      .valid_i(read_valid_i),
      .ready_o(unused_entries_ready),
      .data_i({read_i.ok, read_i.data}),
      .valid_o(entries_valid),
      .ready_i(taken || drop),
      .data_o(front),
      .level_o(entries_level)
  );

  // The front is shown until it is taken, also if it has been given back already.
  assign entry_valid_o = entries_valid && running && !stale_q && (open_q || head_behind == '0);
  assign taken = entry_valid_o && entry_ready_i;
  assign drop = entries_valid && !entry_valid_o && head_behind != '0 && !head_behind[31];

  assign entry_o = front.data;
  assign entry_ok_o = front.ok;
  assign entry_phase_o = front.data[511] == ring_phase(head_q, config_i.size_log2);
  assign entry_iova_o = config_i.base + (64'(head_place) << ENTRY_LOG2);
  assign pending_o = state_o.used;

  // What is shown is the client's to be busy with.
  assign busy_o = ask || request_valid_q || in_flight_q != '0 || skip || drop || (entry_valid_o && !open_q)
      || (running && stale_q);

  logic unused;
  assign unused = &{1'b0, read_i.last};

endmodule
