// The way to host memory: one AXI4 master for all who write and read there.
//
//   write_i[*] ─▶ in turn ─▶ AW        read_i[*] ─▶ in turn ─▶ AR
//                  └ order ─▶ W, B                   └ order ─▶ R
//
// A client asks for one burst and then sends its data, or takes what comes. All have one ID: bursts are
// carried out and answered in the order in which they were taken, so what a client wrote first is seen first.
// Data of a burst may come at any time after it was asked for; those behind it wait meanwhile, as they do for
// a client that does not take its data.
//
// Timing: a burst is on AW or AR one cycle after it was taken, a beat on W one cycle after it came, a beat of R
// with its client one cycle after it came; a beat a cycle each way. B reaches its client in the same cycle.
// Model: hw-model/src/dma.rs.
module weir_dma
  import weir_pkg::*;
#(
    // At least 2 each.
    parameter int unsigned WRITERS = 4,
    parameter int unsigned READERS = 3
) (
    input logic clk_i,
    input logic rst_ni,

    input logic [WRITERS-1:0] write_valid_i,
    output logic [WRITERS-1:0] write_ready_o,
    input dma_request_t [WRITERS-1:0] write_i,
    input logic [WRITERS-1:0] data_valid_i,
    output logic [WRITERS-1:0] data_ready_o,
    input dma_data_t [WRITERS-1:0] data_i,
    // One for each burst.
    output logic [WRITERS-1:0] done_o,
    output logic [WRITERS-1:0] done_ok_o,

    input logic [READERS-1:0] read_valid_i,
    output logic [READERS-1:0] read_ready_o,
    input dma_request_t [READERS-1:0] read_i,
    output logic [READERS-1:0] read_valid_o,
    input logic [READERS-1:0] read_ready_i,
    output dma_read_t [READERS-1:0] read_o,

    output logic awvalid_o,
    input logic awready_i,
    output logic [63:0] awaddr_o,
    output logic [7:0] awlen_o,
    output logic wvalid_o,
    input logic wready_i,
    output logic [511:0] wdata_o,
    output logic [63:0] wstrb_o,
    output logic wlast_o,
    input logic bvalid_i,
    output logic bready_o,
    input logic [1:0] bresp_i,
    output logic arvalid_o,
    input logic arready_i,
    output logic [63:0] araddr_o,
    output logic [7:0] arlen_o,
    input logic rvalid_i,
    output logic rready_o,
    input logic [511:0] rdata_i,
    input logic [1:0] rresp_i,
    input logic rlast_i,

    output logic busy_o
);

  if (WRITERS < 2) begin : gen_bad_writers
    $error("weir_dma: WRITERS is %0d, expected at least 2", WRITERS);
  end
  if (READERS < 2) begin : gen_bad_readers
    $error("weir_dma: READERS is %0d, expected at least 2", READERS);
  end

  // Bursts under way, each way.
  localparam int unsigned BURSTS = 32;
  localparam logic [1:0] RESP_OKAY = 2'b00;

  typedef logic [$clog2(WRITERS)-1:0] writer_t;
  typedef logic [$clog2(READERS)-1:0] reader_t;

  // Whose turn it is: the first who asks behind the last who was taken.
  writer_t writer, last_writer_q;
  reader_t reader, last_reader_q;
  logic write_any, read_any;

  always_comb begin
    writer = '0;
    for (int i = int'(WRITERS) - 1; i >= 0; i--) if (write_valid_i[i]) writer = writer_t'(i);
    for (int i = int'(WRITERS) - 1; i >= 0; i--) begin
      if (write_valid_i[i] && writer_t'(i) > last_writer_q) writer = writer_t'(i);
    end
    reader = '0;
    for (int i = int'(READERS) - 1; i >= 0; i--) if (read_valid_i[i]) reader = reader_t'(i);
    for (int i = int'(READERS) - 1; i >= 0; i--) begin
      if (read_valid_i[i] && reader_t'(i) > last_reader_q) reader = reader_t'(i);
    end
  end

  // Of the queues: nobody asks how full they are.
  logic [$clog2(BURSTS):0] unused_level_data, unused_level_answer, unused_level_read;

  // ---- Writes ----

  logic aw_valid, aw_ready, data_order_ready, answer_order_ready, write_take;
  dma_request_t aw;

  assign write_any = |write_valid_i;
  assign aw_valid = write_any && data_order_ready && answer_order_ready;
  assign write_take = aw_valid && aw_ready;

  always_comb begin
    write_ready_o = '0;
    write_ready_o[writer] = write_take;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_writer_q <= '0;
    else if (write_take) last_writer_q <= writer;
  end

  weir_skid #(
      .item_t(dma_request_t)
  ) u_aw (
      .clk_i,
      .rst_ni,
      .valid_i(aw_valid),
      .ready_o(aw_ready),
      .data_i(write_i[writer]),
      .valid_o(awvalid_o),
      .ready_i(awready_i),
      .data_o(aw)
  );

  assign awaddr_o = aw.address;
  assign awlen_o = 8'(aw.beats) - 8'd1;

  // Whose data is next, and whose answer.
  logic data_order_valid, answer_order_valid, w_valid, w_ready, data_take;
  writer_t data_from, answer_to;
  dma_data_t w;

  weir_fifo #(
      .item_t(writer_t),
      .DEPTH(BURSTS)
  ) u_data_order (
      .clk_i,
      .rst_ni,
      .valid_i(write_take),
      .ready_o(data_order_ready),
      .data_i(writer),
      .valid_o(data_order_valid),
      .ready_i(data_take && data_i[data_from].last),
      .data_o(data_from),
      .level_o(unused_level_data)
  );

  weir_fifo #(
      .item_t(writer_t),
      .DEPTH(BURSTS)
  ) u_answer_order (
      .clk_i,
      .rst_ni,
      .valid_i(write_take),
      .ready_o(answer_order_ready),
      .data_i(writer),
      .valid_o(answer_order_valid),
      .ready_i(bvalid_i),
      .data_o(answer_to),
      .level_o(unused_level_answer)
  );

  assign w_valid = data_order_valid && data_valid_i[data_from];
  assign data_take = w_valid && w_ready;

  always_comb begin
    data_ready_o = '0;
    data_ready_o[data_from] = data_take;
  end

  weir_skid #(
      .item_t(dma_data_t)
  ) u_w (
      .clk_i,
      .rst_ni,
      .valid_i(w_valid),
      .ready_o(w_ready),
      .data_i(data_i[data_from]),
      .valid_o(wvalid_o),
      .ready_i(wready_i),
      .data_o(w)
  );

  assign wdata_o = w.data;
  assign wstrb_o = w.strobes;
  assign wlast_o = w.last;

  assign bready_o = answer_order_valid;

  always_comb begin
    done_o = '0;
    done_o[answer_to] = bvalid_i && bready_o;
    done_ok_o = {WRITERS{bresp_i == RESP_OKAY}};
  end

  // ---- Reads ----

  logic ar_valid, ar_ready, read_order_ready, read_take;
  dma_request_t ar;

  assign read_any = |read_valid_i;
  assign ar_valid = read_any && read_order_ready;
  assign read_take = ar_valid && ar_ready;

  always_comb begin
    read_ready_o = '0;
    read_ready_o[reader] = read_take;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_reader_q <= '0;
    else if (read_take) last_reader_q <= reader;
  end

  weir_skid #(
      .item_t(dma_request_t)
  ) u_ar (
      .clk_i,
      .rst_ni,
      .valid_i(ar_valid),
      .ready_o(ar_ready),
      .data_i(read_i[reader]),
      .valid_o(arvalid_o),
      .ready_i(arready_i),
      .data_o(ar)
  );

  assign araddr_o = ar.address;
  assign arlen_o = 8'(ar.beats) - 8'd1;

  logic read_order_valid, r_valid, r_ready;
  reader_t read_to;
  dma_read_t r, r_in;

  weir_fifo #(
      .item_t(reader_t),
      .DEPTH(BURSTS)
  ) u_read_order (
      .clk_i,
      .rst_ni,
      .valid_i(read_take),
      .ready_o(read_order_ready),
      .data_i(reader),
      .valid_o(read_order_valid),
      .ready_i(r_valid && r_ready && r.last),
      .data_o(read_to),
      .level_o(unused_level_read)
  );

  assign r_in.last = rlast_i;
  assign r_in.ok = rresp_i == RESP_OKAY;
  assign r_in.data = rdata_i;

  weir_skid #(
      .item_t(dma_read_t)
  ) u_r (
      .clk_i,
      .rst_ni,
      .valid_i(rvalid_i),
      .ready_o(rready_o),
      .data_i(r_in),
      .valid_o(r_valid),
      .ready_i(r_ready),
      .data_o(r)
  );

  assign r_ready = read_order_valid && read_ready_i[read_to];

  always_comb begin
    read_valid_o = '0;
    read_valid_o[read_to] = r_valid && read_order_valid;
    for (int unsigned i = 0; i < READERS; i++) read_o[i] = r;
  end

  assign busy_o = write_any || read_any || answer_order_valid || data_order_valid || read_order_valid;

endmodule
