// The 39 counters of the device, and what SNAPSHOT has latched of them.
//
//   events of all sources ─▶ sum of a cycle ─▶ + ─▶ counters ── snapshot_i ─▶ latched, with the time
//
// Counters are 64 bits wide and wrap. All are latched in one cycle; nothing else shows them.
//
// Timing: an event is counted two cycles later; what `snapshot_i` latches is there in the next cycle.
// Model: EngineCounters in hw-model/src/engine.rs, DeviceCounters in hw-model/src/nic.rs, snapshot in
// hw-model/src/regs.rs.
module weir_counters
  import weir_pkg::*;
#(
    // Who counts into an engine's and into the device's counters.
    parameter int unsigned ENGINE_SOURCES = 1,
    parameter int unsigned DEVICE_SOURCES = 1
) (
    input logic clk_i,
    input logic rst_ni,

    input engine_events_t [1:0][ENGINE_SOURCES-1:0] engine_events_i,
    input device_events_t [DEVICE_SOURCES-1:0] device_events_i,
    // A register write was refused.
    input logic write_refused_i,

    input logic snapshot_i,
    input logic [63:0] now_ns_i,
    input logic [63:0] start_ns_i,

    output logic [31:0] id_o,
    output logic [63:0] time_ns_o,
    output logic [63:0] window_start_ns_o,
    // In the order of the registers, the first one last.
    output logic [1:0][13:0][63:0] engines_o,
    output logic [10:0][63:0] device_o,

    input logic clear_i,
    output logic busy_o
);

  if (ENGINE_SOURCES < 1) begin : gen_bad_engine_sources
    $error("weir_counters: ENGINE_SOURCES is %0d, expected at least 1", ENGINE_SOURCES);
  end
  if (DEVICE_SOURCES < 1) begin : gen_bad_device_sources
    $error("weir_counters: DEVICE_SOURCES is %0d, expected at least 1", DEVICE_SOURCES);
  end

  localparam int unsigned ENGINE_COUNTERS = 14;
  localparam int unsigned DEVICE_COUNTERS = 11;
  // The last but one of the device's.
  localparam int unsigned WRITES_REFUSED = 1;
  localparam int unsigned STEP_BITS = 24;

  typedef logic [STEP_BITS-1:0] step_t;
  typedef logic [ENGINE_COUNTERS-1:0][STEP_BITS-1:0] engine_steps_t;
  typedef logic [DEVICE_COUNTERS-1:0][STEP_BITS-1:0] device_steps_t;

  function automatic engine_steps_t engine_steps(input engine_events_t events);
    return {
      step_t'(events.frames),
      step_t'(events.bytes),
      step_t'(events.hits),
      step_t'(events.misses),
      step_t'(events.punts),
      step_t'(events.skipped),
      step_t'(events.excluded),
      step_t'(events.non_ip),
      step_t'(events.malformed),
      step_t'(events.forwarded),
      step_t'(events.rejected),
      step_t'(events.mirrored),
      step_t'(events.no_eni),
      step_t'(events.limited)
    };
  endfunction

  function automatic device_steps_t device_steps(input device_events_t events);
    return {
      step_t'(events.commands),
      step_t'(events.commands_refused),
      step_t'(events.injects),
      step_t'(events.injects_refused),
      step_t'(events.late_retries),
      step_t'(events.records),
      step_t'(events.dma_read_bytes),
      step_t'(events.dma_write_bytes),
      step_t'(events.dma_refused),
      step_t'(events.writes_refused),
      step_t'(events.phase_refused)
    };
  endfunction

  // What moves in a cycle; most of the time nothing does.
  logic [2:0] moves, moves_q;
  engine_steps_t [1:0] engine_steps_q, engine_steps_d;
  engine_steps_t engine_one;
  device_steps_t device_steps_q, device_steps_d, device_one;

  assign moves = {device_events_i != '0 || write_refused_i, engine_events_i[1] != '0, engine_events_i[0] != '0};

  always_comb begin
    engine_steps_d = '0;
    engine_one = '0;
    for (int unsigned d = 0; d < 2; d++) begin
      if (moves[d]) begin
        for (int unsigned i = 0; i < ENGINE_SOURCES; i++) begin
          engine_one = engine_steps(engine_events_i[d][i]);
          for (int unsigned j = 0; j < ENGINE_COUNTERS; j++) begin
            engine_steps_d[d][j] = engine_steps_d[d][j] + engine_one[j];
          end
        end
      end
    end
  end

  always_comb begin
    device_steps_d = '0;
    device_one = '0;
    if (moves[2]) begin
      device_steps_d[WRITES_REFUSED] = step_t'(write_refused_i);
      for (int unsigned i = 0; i < DEVICE_SOURCES; i++) begin
        device_one = device_steps(device_events_i[i]);
        for (int unsigned j = 0; j < DEVICE_COUNTERS; j++) device_steps_d[j] = device_steps_d[j] + device_one[j];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    moves_q <= !rst_ni || clear_i ? '0 : moves;
    for (int unsigned d = 0; d < 2; d++) if (moves[d]) engine_steps_q[d] <= engine_steps_d[d];
    if (moves[2]) device_steps_q <= device_steps_d;
  end

  // The counters.
  logic [1:0][ENGINE_COUNTERS-1:0][63:0] engines_q;
  logic [DEVICE_COUNTERS-1:0][63:0] device_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      engines_q <= '0;
      device_q <= '0;
    end else begin
      for (int unsigned d = 0; d < 2; d++) begin
        if (moves_q[d]) begin
          for (int unsigned j = 0; j < ENGINE_COUNTERS; j++) begin
            engines_q[d][j] <= engines_q[d][j] + 64'(engine_steps_q[d][j]);
          end
        end
      end
      if (moves_q[2]) begin
        for (int unsigned j = 0; j < DEVICE_COUNTERS; j++) device_q[j] <= device_q[j] + 64'(device_steps_q[j]);
      end
    end
  end

  // What the registers show.
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      id_o <= '0;
      time_ns_o <= '0;
      window_start_ns_o <= '0;
      engines_o <= '0;
      device_o <= '0;
    end else if (snapshot_i) begin
      id_o <= id_o + 32'd1;
      time_ns_o <= now_ns_i;
      window_start_ns_o <= start_ns_i;
      engines_o <= engines_q;
      device_o <= device_q;
    end
  end

  assign busy_o = moves != '0 || moves_q != '0;

endmodule
