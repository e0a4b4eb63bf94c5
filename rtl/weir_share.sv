// Several clients, one server that answers in order: each client gets the answers to its own requests.
//
//   requests ─▶ lowest client first ─▶ request_o ─▶ server ─▶ answer_valid_i ─▶ answer_valid_o of its client
//                        └─▶ [whose] ─────────────────────────────┘
//
// The answer itself goes to everybody. A client may take its request back before it is taken.
//
// Timing: none of its own. A server that answers takes one cycle at least; not more than OUTSTANDING
// requests are under way.
// Model: none. There each of them calls what it needs.
module weir_share #(
    parameter type request_t = logic [7:0],
    // At least 2.
    parameter int unsigned CLIENTS = 2,
    // A power of two, at least 2.
    parameter int unsigned OUTSTANDING = 32
) (
    input logic clk_i,
    input logic rst_ni,

    input logic [CLIENTS-1:0] valid_i,
    output logic [CLIENTS-1:0] ready_o,
    input request_t [CLIENTS-1:0] request_i,
    output logic [CLIENTS-1:0] answer_valid_o,

    output logic valid_o,
    input logic ready_i,
    output request_t request_o,
    input logic answer_valid_i
);

  if (CLIENTS < 2) begin : gen_bad_clients
    $error("weir_share: CLIENTS is %0d, expected at least 2", CLIENTS);
  end

  typedef logic [$clog2(CLIENTS)-1:0] client_t;

  client_t client, owner;
  logic room, owned;
  logic [$clog2(OUTSTANDING):0] level;

  always_comb begin
    client = '0;
    for (int i = int'(CLIENTS) - 1; i >= 0; i--) if (valid_i[i]) client = client_t'(i);
  end

  assign valid_o = room && valid_i != '0;
  assign request_o = request_i[client];

  always_comb begin
    ready_o = '0;
    ready_o[client] = room && ready_i;
    answer_valid_o = '0;
    answer_valid_o[owner] = answer_valid_i && owned;
  end

  weir_fifo #(
      .item_t(client_t),
      .DEPTH(OUTSTANDING)
  ) u_owners (
      .clk_i,
      .rst_ni,
      .valid_i(valid_o && ready_i),
      .ready_o(room),
      .data_i(client),
      .valid_o(owned),
      .ready_i(answer_valid_i),
      .data_o(owner),
      .level_o(level)
  );

  logic unused;
  assign unused = &{1'b0, level};

endmodule
