// The slot and ledger windows of BAR0: what SLOT_SELECT and ENI_SELECT have latched.
//
//   select_i ─▶ past the table? ─▶ zeros
//                    └─▶ OP_PROBE of an engine, or a ledger ─▶ kept ─▶ image_o, a dword at a time
//
// What is shown is of the window that was open when it was selected.
//
// Timing: `latch_i` is the cycle of the write; if nothing is past, `ask_i` holds until `ready_o`, then `wait_i`
// until `answered_o`; in the next cycle the image is there.
// Model: select_slot and select_eni in hw-model/src/regs.rs; slot_image and ledger_record in
// hw-model/src/record.rs.
module weir_bar_window
  import weir_abi_pkg::*;
  import weir_pkg::*;
  import weir_regs_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 17,
    parameter int unsigned ENIS_LOG2 = 12
) (
    input logic clk_i,
    input logic rst_ni,

    // A write of `select_i` has been taken; it is to SLOT_SELECT, ENI_SELECT, or something else.
    input logic latch_i,
    input logic ask_i,
    input logic wait_i,
    input logic selects_slot_i,
    input logic selects_eni_i,
    input logic [31:0] select_i,
    output logic is_past_o,
    output logic ready_o,
    output logic answered_o,

    input stamp_t stamp_i,

    output logic [1:0] probe_valid_o,
    input logic [1:0] probe_ready_i,
    output item_t [1:0] probe_o,
    input logic [1:0] probe_valid_i,
    input answer_t [1:0] probe_i,

    output logic ledger_valid_o,
    input logic ledger_ready_i,
    output logic ledger_egress_o,
    output logic ledger_bank_o,
    output logic [11:0] ledger_vport_o,
    input logic ledger_valid_i,
    input ledger_t ledger_i,

    output logic slot_valid_o,
    output logic slot_bank_o,
    // A dword of an image, for the register at this address.
    input logic [11:0] address_i,
    output logic [31:0] image_o,

    input logic clear_i
);

  // An image is 16 dwords at a multiple of its bytes.
  localparam int unsigned IMAGE_BITS = 6;

  logic egress;
  logic [23:0] slot;
  logic [11:0] vport;

  assign egress = select_i[31];
  assign slot = select_i[23:0];
  assign vport = select_i[11:0];
  assign is_past_o = selects_slot_i ? (32'(slot) >> SLOTS_LOG2) != '0 : (32'(vport) >> ENIS_LOG2) != '0;

  // What was latched. A ledger is known if its port exists.
  logic slot_valid_q, slot_bank_q, eni_known_q;
  logic [15:0] slot_window_q, eni_window_q;
  flow_record_t slot_q;
  ledger_t ledger_q;
  port_t port_q;
  answer_t answer;

  assign answer = probe_i[egress];
  assign ready_o = selects_slot_i ? probe_ready_i[egress] : ledger_ready_i;
  assign answered_o = selects_slot_i ? probe_valid_i[egress] : ledger_valid_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      slot_valid_q <= 1'b0;
      slot_bank_q <= 1'b0;
      eni_known_q <= 1'b0;
    end else if (latch_i && selects_slot_i) begin
      slot_valid_q <= 1'b0;
      slot_bank_q <= stamp_i.window[0];
    end else if (latch_i && selects_eni_i) begin
      eni_known_q <= !is_past_o;
    end else if (wait_i && selects_slot_i && answered_o) begin
      slot_valid_q <= answer.found.hit;
    end

    if (latch_i) begin
      if (selects_slot_i) slot_window_q <= stamp_i.window;
      if (selects_eni_i) begin
        eni_window_q <= stamp_i.window;
        port_q <= '{ip6: 1'b0, action: ACTION_ACCEPT, egress: egress, vport: vport};
      end
    end
    if (wait_i && selects_slot_i && answered_o) begin
      slot_q <= record_of(KIND_FLOW, answer.found.entry.key, answer.found.entry.cookie, answer.counter, slot_window_q);
    end
    if (wait_i && selects_eni_i && answered_o) ledger_q <= ledger_i;
  end

  assign slot_valid_o = slot_valid_q;
  assign slot_bank_o = slot_bank_q;

  // The questions.
  item_t item;

  always_comb begin
    item = '0;
    item.op = OP_PROBE;
    item.slot = slot;
    item.packet.meta.stamp = '{window: slot_window_q, time_ns: '0};
    probe_o = {item, item};
    probe_valid_o = '0;
    probe_valid_o[egress] = ask_i && selects_slot_i;
  end

  assign ledger_valid_o = ask_i && selects_eni_i;
  assign ledger_egress_o = egress;
  assign ledger_bank_o = eni_window_q[0];
  assign ledger_vport_o = vport;

  // The images.
  ledger_record_t ledger_image;
  logic [15:0][31:0] shown;

  always_comb begin
    ledger_image = '0;
    ledger_image.port_window.bytes = 48'(port_q);
    ledger_image.port_window.window = eni_window_q;
    shown = '0;
    unique case (address_i[11:IMAGE_BITS])
      OFFSET_SLOT_DATA[11:IMAGE_BITS]: if (slot_valid_q) shown = slot_q;
      OFFSET_LEDGER_PACKETS[11:IMAGE_BITS]: begin
        ledger_image.counters = ledger_q.packets;
        ledger_image.tail.kind = KIND_LEDGER_PACKETS;
        if (eni_known_q) shown = ledger_image;
      end
      OFFSET_LEDGER_BYTES[11:IMAGE_BITS]: begin
        ledger_image.counters = ledger_q.bytes;
        ledger_image.tail.kind = KIND_LEDGER_BYTES;
        if (eni_known_q) shown = ledger_image;
      end
      OFFSET_LEDGER_LIMITS[11:IMAGE_BITS]: begin
        ledger_image.counters = ledger_q.limits;
        ledger_image.tail.kind = KIND_LEDGER_LIMITS;
        if (eni_known_q) shown = ledger_image;
      end
      default: ;
    endcase
  end

  assign image_o = shown[address_i[IMAGE_BITS-1:2]];

  logic unused;
  assign unused = &{1'b0, address_i[1:0], select_i[30:24], answer.found, stamp_i.time_ns};

endmodule
