// The 39 counters of the device, and what SNAPSHOT has latched of them.
//
//   events of all sources ─▶ sum of a cycle ─▶ + ─▶ counters ── snapshot_i ─▶ latched, with the time
//
// Counters are 64 bits wide and wrap. All are latched in one cycle; nothing else shows them.
//
// Timing: an event is counted three cycles later; what `snapshot_i` latches is there in the next cycle.
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
    // Of what the registers show: the same, but it rests at other times.
    input logic clk_shown_i,
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

  function automatic step_t engine_step(input engine_events_t events, input int unsigned counter);
    unique case (counter)
      0: return step_t'(events.limited);
      1: return step_t'(events.no_eni);
      2: return step_t'(events.mirrored);
      3: return step_t'(events.rejected);
      4: return step_t'(events.forwarded);
      5: return step_t'(events.malformed);
      6: return step_t'(events.non_ip);
      7: return step_t'(events.excluded);
      8: return step_t'(events.skipped);
      9: return step_t'(events.punts);
      10: return step_t'(events.misses);
      11: return step_t'(events.hits);
      12: return step_t'(events.bytes);
      default: return step_t'(events.frames);
    endcase
  endfunction

  function automatic step_t device_step(input device_events_t events, input int unsigned counter);
    unique case (counter)
      0: return step_t'(events.phase_refused);
      1: return step_t'(events.writes_refused);
      2: return step_t'(events.dma_refused);
      3: return step_t'(events.dma_write_bytes);
      4: return step_t'(events.dma_read_bytes);
      5: return step_t'(events.records);
      6: return step_t'(events.late_retries);
      7: return step_t'(events.injects_refused);
      8: return step_t'(events.injects);
      9: return step_t'(events.commands_refused);
      default: return step_t'(events.commands);
    endcase
  endfunction

  // What moved in the last cycle, and whose steps are to be added; most of the time nothing does.
  logic [2:0] moves_q, steps_q;
  engine_events_t [1:0][ENGINE_SOURCES-1:0] engine_events_q;
  device_events_t [DEVICE_SOURCES-1:0] device_events_q;
  logic write_refused_q, empties;

  assign empties = !rst_ni || clear_i;

  always_ff @(posedge clk_i) begin
    if (empties) begin
      moves_q <= '0;
      steps_q <= '0;
    end else begin
      moves_q <= {device_events_i != '0 || write_refused_i, engine_events_i[1] != '0, engine_events_i[0] != '0};
      steps_q <= moves_q;
    end
    engine_events_q <= engine_events_i;
    device_events_q <= device_events_i;
    write_refused_q <= write_refused_i;
  end

  logic [1:0][ENGINE_COUNTERS-1:0][63:0] engines;
  logic [DEVICE_COUNTERS-1:0][63:0] device;

  for (genvar d = 0; d < 2; d++) begin : gen_engine
    for (genvar counter = 0; counter < ENGINE_COUNTERS; counter++) begin : gen_counter
      step_t step_d, step_q;
      logic [63:0] counter_q;

      always_comb begin
        step_d = '0;
        for (int unsigned i = 0; i < ENGINE_SOURCES; i++) begin
          step_d = step_d + engine_step(engine_events_q[d][i], counter);
        end
      end

      always_ff @(posedge clk_i) begin
        if (moves_q[d]) step_q <= step_d;
        if (empties) counter_q <= '0;
        else if (steps_q[d]) counter_q <= counter_q + 64'(step_q);
      end

      assign engines[d][counter] = counter_q;
    end
  end

  for (genvar counter = 0; counter < DEVICE_COUNTERS; counter++) begin : gen_device
    step_t step_d, step_q;
    logic [63:0] counter_q;

    always_comb begin
      step_d = counter == WRITES_REFUSED ? step_t'(write_refused_q) : '0;
      for (int unsigned i = 0; i < DEVICE_SOURCES; i++) begin
        step_d = step_d + device_step(device_events_q[i], counter);
      end
    end

    always_ff @(posedge clk_i) begin
      if (moves_q[2]) step_q <= step_d;
      if (empties) counter_q <= '0;
      else if (steps_q[2]) counter_q <= counter_q + 64'(step_q);
    end

    assign device[counter] = counter_q;
  end

  // What the registers show.
  always_ff @(posedge clk_shown_i) begin
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
      engines_o <= engines;
      device_o <= device;
    end
  end

  assign busy_o = moves_q != '0 || steps_q != '0;

endmodule
