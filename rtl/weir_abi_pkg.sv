// The contract between NIC and host, for the RTL. Written from the crate firmware-abi by its test
// `the_package_of_the_rtl_is_what_the_contract_says`; do not edit.
//
// A structure's byte i is its bits [8i+7:8i]: what lies first in host memory is declared last.
// Addresses are in network order, so their first byte is in the low bits. Names are those of the
// crate but for SystemVerilog's own words: sequence_number, wire_bytes, held_bytes, instance_number.

package weir_abi_pkg;

  // What the device says it is.
  localparam logic [31:0] MAGIC = 32'h57454952;
  localparam logic [31:0] ABI_VERSION = 32'h00010000;
  localparam logic [15:0] PCI_VENDOR = 16'h1234;
  localparam logic [15:0] PCI_DEVICE = 16'hf10c;

  // Values of fields. A field that host memory fills is plain bits: it may hold anything.
  typedef enum logic {
    DIRECTION_INGRESS = 1'd0,
    DIRECTION_EGRESS = 1'd1
  } direction_e;
  typedef enum logic [1:0] {
    ACTION_ACCEPT = 2'd0,
    ACTION_REJECT = 2'd1,
    ACTION_NO_LOG = 2'd2,
    ACTION_ACCEPT_MIRROR = 2'd3
  } slot_action_e;
  typedef enum logic [7:0] {
    OPCODE_NOP = 8'd0,
    OPCODE_INSERT = 8'd1,
    OPCODE_UPDATE = 8'd2,
    OPCODE_DELETE = 8'd3,
    OPCODE_READ_SLOT = 8'd4,
    OPCODE_SET_ENI = 8'd5,
    OPCODE_READ_ACTIVITY = 8'd6,
    OPCODE_FENCE = 8'd7
  } opcode_e;
  typedef enum logic [7:0] {
    STATUS_OK = 8'd0,
    STATUS_BAD_OPCODE = 8'd1,
    STATUS_BAD_SLOT = 8'd2,
    STATUS_SLOT_IN_USE = 8'd3,
    STATUS_SLOT_EMPTY = 8'd4,
    STATUS_WRONG_BUCKET = 8'd5,
    STATUS_KEY_MISMATCH = 8'd6,
    STATUS_QUOTA = 8'd7,
    STATUS_BAD_ENI = 8'd8,
    STATUS_BAD_ARGUMENT = 8'd9,
    STATUS_DMA_FAULT = 8'd10,
    STATUS_BAD_PHASE = 8'd11
  } status_e;
  typedef enum logic [6:0] {
    KIND_FLOW = 7'd0,
    KIND_EVICTED = 7'd1,
    KIND_LEDGER_PACKETS = 7'd2,
    KIND_LEDGER_BYTES = 7'd3,
    KIND_LEDGER_LIMITS = 7'd4,
    KIND_WINDOW_END = 7'd5,
    KIND_SLOT = 7'd6,
    KIND_WINDOW_START = 7'd7
  } record_kind_e;
  typedef enum logic [2:0] {
    PUNT_MISS = 3'd0,
    PUNT_FRAGMENT = 3'd1,
    PUNT_ICMP = 3'd2,
    PUNT_LATE = 3'd3,
    PUNT_MIRROR = 3'd4
  } punt_reason_e;
  typedef enum logic [2:0] {
    DISPOSITION_RETRY = 3'd0,
    DISPOSITION_FORWARD = 3'd1,
    DISPOSITION_DROP = 3'd2
  } disposition_e;
  typedef enum logic [2:0] {
    LEDGER_OFFERED = 3'd0,
    LEDGER_TALLIED = 3'd1,
    LEDGER_PUNTED = 3'd2,
    LEDGER_SKIPPED = 3'd3,
    LEDGER_EXCLUDED = 3'd4,
    LEDGER_NON_IP = 3'd5,
    LEDGER_MALFORMED = 3'd6,
    LEDGER_POLICED = 3'd7
  } ledger_e;
  typedef enum logic [2:0] {
    LIMIT_POLICED_PACKETS = 3'd0,
    LIMIT_POLICED_BITS = 3'd1,
    LIMIT_SHAPED_PACKETS = 3'd2,
    LIMIT_SHAPED_BITS = 3'd3,
    LIMIT_SKIPPED_RING = 3'd4,
    LIMIT_SKIPPED_CREDIT = 3'd5,
    LIMIT_SKIPPED_DMA = 3'd6,
    LIMIT_NEW_FLOWS = 3'd7
  } limit_drop_e;
  typedef enum logic [2:0] {
    RING_COMMAND = 3'd0,
    RING_COMPLETION = 3'd1,
    RING_RECORD = 3'd2,
    RING_PUNT = 3'd3,
    RING_INJECT = 3'd4
  } ring_id_e;

  // IANA numbers of the protocols that the parser treats apart.
  localparam logic [7:0] PROTOCOL_ICMP = 8'd1;
  localparam logic [7:0] PROTOCOL_TCP = 8'd6;
  localparam logic [7:0] PROTOCOL_UDP = 8'd17;
  localparam logic [7:0] PROTOCOL_ICMPV6 = 8'd58;
  localparam logic [7:0] PROTOCOL_SCTP = 8'd132;

  // The flow key, 40 bytes: the prefix of record, command and frame header alike.
  typedef struct packed {
    logic ip6;
    logic [1:0] action;
    logic egress;
    logic [11:0] vport;
  } port_t;
  typedef struct packed {
    port_t port;
    logic [7:0] tcp_flags;
    logic [7:0] protocol;
    logic [15:0] dst_port;
    logic [15:0] src_port;
    logic [127:0] dst;
    logic [127:0] src;
  } flow_key_t;

  // Commands, what answers them, and what SET_ENI carries.
  typedef struct packed {
    logic phase;
    logic [21:0] reserved_9;
    logic complete;
    logic [7:0] opcode;
  } command_tail_t;
  typedef struct packed {
    command_tail_t tail;
    logic [31:0] sequence_number;
    logic [63:0] arg;
    logic [31:0] cookie;
    logic [31:0] slot;
    flow_key_t key;
  } command_t;
  typedef struct packed {
    logic phase;
    logic [14:0] reserved_16;
    logic [7:0] opcode;
    logic [7:0] status;
  } completion_tail_t;
  typedef struct packed {
    completion_tail_t tail;
    logic [31:0] cookie;
    logic [31:0] slot;
    logic [31:0] sequence_number;
  } completion_t;
  typedef struct packed {
    logic [3:0] reserved_28;
    logic [11:0] instance_number;
    logic [13:0] reserved_2;
    logic bits_summed;
    logic enabled;
  } eni_flags_t;
  typedef struct packed {
    logic [31:0] reserved;
    logic [31:0] punt_credit;
    logic [31:0] slot_quota;
    logic [31:0] new_flow_burst;
    logic [31:0] new_flows_per_second;
    logic [31:0] byte_burst;
    logic [31:0] kilobits_per_second;
    logic [31:0] packet_burst;
    logic [31:0] packets_per_second;
  } eni_limits_t;

  // Records, 64 bytes each. A ledger's port is in the bytes of its port_window.
  typedef struct packed {
    logic [23:0] first_tick;
    logic [39:0] packets;
  } packets_first_t;
  typedef struct packed {
    logic [15:0] window;
    logic [47:0] bytes;
  } bytes_window_t;
  typedef struct packed {
    logic phase;
    logic [6:0] kind;
    logic [23:0] last_tick;
  } record_tail_t;
  typedef struct packed {
    record_tail_t tail;
    logic [31:0] cookie;
    bytes_window_t bytes_window;
    packets_first_t packets_first;
    flow_key_t key;
  } flow_record_t;
  typedef struct packed {
    record_tail_t tail;
    logic [31:0] reserved;
    bytes_window_t port_window;
    logic [7:0][47:0] counters;
  } ledger_record_t;
  typedef struct packed {
    record_tail_t tail;
    logic [31:0] reserved_dword;
    bytes_window_t window;
    logic [63:0] reserved;
    logic [63:0] drain_ns;
    logic [31:0] overruns;
    logic [31:0] punt_producer;
    logic [63:0] records;
    logic [63:0] end_ns;
    logic [63:0] start_ns;
  } window_end_t;

  // The header of a punted or injected frame, 64 bytes.
  typedef struct packed {
    logic reserved_31;
    logic [13:0] held_bytes;
    logic [16:0] wire_bytes;
  } frame_length_t;
  typedef struct packed {
    logic phase;
    logic first_fragment;
    logic over_new_flow_limit;
    logic later_fragment;
    logic [2:0] code;
    logic [7:0] window;
    logic [16:0] l3_bytes;
  } frame_tail_t;
  typedef struct packed {
    frame_tail_t tail;
    frame_length_t length;
    logic [1:0][31:0] aux;
    logic [63:0] time_ns;
    flow_key_t key;
  } frame_header_t;

  // Rings: bytes of their entries, and their sizes as powers of two.
  localparam int unsigned RINGS = 5;
  localparam int unsigned DESCRIPTOR_BYTES = 64;
  localparam int unsigned COMPLETION_BYTES = 16;
  localparam int unsigned FRAME_SLOT_BYTES = 2048;
  localparam int unsigned FRAME_HEADER_BYTES = 64;
  localparam int unsigned FRAME_SLOT_DATA_BYTES = 1984;
  localparam int unsigned FRAME_BYTES_MAX = 9216;
  localparam int unsigned RING_SIZE_LOG2_MIN = 4;
  localparam int unsigned RING_SIZE_LOG2_MAX = 24;

  // The phase that entry `index` is written with, in a ring of 2^size_log2 entries: 1 on the first lap.
  function automatic logic ring_phase(input logic [31:0] index, input logic [4:0] size_log2);
    return ~index[size_log2];
  endfunction

  // The slots that a frame of `bytes` bytes takes in the punt or inject ring, 1 to 5.
  function automatic logic [2:0] frame_slots(input logic [13:0] bytes);
    if (bytes <= 14'(FRAME_SLOT_DATA_BYTES)) return 3'd1;
    if (bytes <= 14'(2 * FRAME_SLOT_DATA_BYTES)) return 3'd2;
    if (bytes <= 14'(3 * FRAME_SLOT_DATA_BYTES)) return 3'd3;
    if (bytes <= 14'(4 * FRAME_SLOT_DATA_BYTES)) return 3'd4;
    return 3'd5;
  endfunction

  // Slots of the punt ring that new punts leave free for retries that come back.
  function automatic logic [31:0] retry_reserve(input logic [4:0] size_log2);
    return 32'd1 << (size_log2 - 5'd2);
  endfunction

  // Time: ticks count from the whole second at or before the window's start, and saturate.
  localparam int unsigned TICK_NS = 50000;
  localparam logic [23:0] TICK_MAX = 24'hffffff;
  localparam int unsigned SECOND_NS = 1000000000;
  localparam int unsigned WINDOW_SECONDS_MIN = 1;
  localparam int unsigned WINDOW_SECONDS_MAX = 600;

  // What the lookup compares of a key, and hashes: all but TCP flags and action.
  localparam logic [319:0] IDENTITY_MASK =
      320'h9fff00ffffffffff_ffffffffffffffff_ffffffffffffffff_ffffffffffffffff_ffffffffffffffff;

  function automatic logic [319:0] key_identity(input flow_key_t key);
    return key & IDENTITY_MASK;
  endfunction

  // The two H3 hashes: bits [31:0] place a flow in the lower half of the slots, [63:32] in the upper.
  localparam int unsigned H3_ROUNDS = 7;
  localparam int unsigned WAYS = 8;

  // One round: `word` is the next 64 bits of the identity, low ones first; 0 in the last two rounds.
  function automatic logic [63:0] h3_round(input logic [63:0] hash, input logic [63:0] word);
    logic [63:0] mixed;
    mixed = hash ^ word;
    mixed ^= mixed << 12;
    mixed ^= mixed >> 15;
    mixed ^= mixed << 20;
    return mixed;
  endfunction

  function automatic logic [63:0] h3(input logic [319:0] identity);
    logic [63:0] hash;
    hash = h3_round(64'd0, identity[63:0]);
    hash = h3_round(hash, identity[127:64]);
    hash = h3_round(hash, identity[191:128]);
    hash = h3_round(hash, identity[255:192]);
    hash = h3_round(hash, identity[319:256]);
    hash = h3_round(hash, 64'd0);
    return h3_round(hash, 64'd0);
  endfunction

  // Hash bit i is the parity of the key bits in H3_MASK[i]: the same hash, as XOR trees of one level.
  localparam logic [63:0][319:0] H3_MASK = {
    320'ha14b1e9289ae5acc_2b0ab8250b346491_76470ec8164c9e51_f29e13efc6fc0c9c_fcf2c0f7adce8b44,
    320'hd0ad8f4944d72d66_118d549685923248_bb41c94423ec072c_5a3c7ed1c9309a06_6783044b0c5bdfe5,
    320'h6856c7a4a26b96b3_08c6aa4b42c95920_5da0e4a231f603b2_2d1e2f69c5885e07_3bc18224a625274b,
    320'hb02b6b56513dcb59_0001138189a6a490_89c943d33a77d5b1_2c6c5a831bec3208_004eb38ca9e2fa46,
    320'h5815b5ab289ea5a8_800889c0e4d31268_c0e4b96c9c23b9fc_9a5c7be5842c8a99_a376644c126dfd2e,
    320'hac02dad5944f52d4_c4044c647261c930_e4181a1246d394de_ee3f14f5e182c200_63322131f9cc7001,
    320'hd6096d6aca27a96a_660a2eb63938e498_726643290ba3826b_5064f5d8da87fd48_28093a880e90aa47,
    320'h6b04b6b56513d4b5_3305175b1c9c724c_b93b219485d18131_2c3a72684d4bfe80_146ec3650e920e23,
    320'h35825b5ab289ea5a_19828bad8e4e3926_5c9d90ca42e8809c_9615393406a5bf60_0e3f793786515435,
    320'h1ac12dad5944f52d_8cc945d6c7271c93_2a46c0e1217c404e_4b60d2ba2b9897b4_2064c339e96e7656,
    320'h09689e52acaa3a92_460eeccb6b59c669_32580fd39be8af6b_3420434cc7b21124_142663bfb1f38fca,
    320'h04b44f2956551d49_23077665b5ace334_992407e9cdf457b5_9e10292263d14896_8e79777bd03b8fc5,
    320'h025a27948b2ace84_1183ab33dbc622be_c49a13f4c7e2f043_cb48189975f8b00e_c152fbfb868fdacb,
    320'h012d13ca45956742_88c9d599ede3115f_6645017e63f97821_e5c6426c92365007_c3d20adbc909310d,
    320'h009689e522cab3a1_4464eaccf6f1c8ab_332280bf11fcbc34_72e33137680b3b07_e9e1056cc48c103b,
    320'h80290ad2b9af11d4_014102405136781d_8063246f52428459_1656f9129e0f7ad2_6a6ba668d38ad347,
    320'h401485695cd788ea_00a08120289b3c0e_40319237a921422c_8b237c894f07fd6d_313ddbb049cd2983,
    320'h200a42b4ae6bc475_00504090144dde03_2018c91bf490a132_4591ae458693edb2_9096edd904ee5c78,
    320'h940529de573de23a_044a66ec22e4e701_371d550fd8c4c4f5_9c2b92911a69abf2_518752d751555cff,
    320'h4a0294ef2b9ef11d_0225337611723384_9b86aa87cc62625e_ca15d1cdac2c86f9_24a1efce80602ee6,
    320'h25014a7795cf388a_811a99bb28b959e2_c9c34dc6e729220f_6968be42ffcc90c1_3501d2e807b4845e,
    320'h9288a53bcae79c45_c48d44599454acf1_6083e0475b569907_93ad6ea35d6adc0c_2063a443daf21f04,
    320'h4944529de573ce22_6246a22cca2a167c_3041f0238dab0ca3_c9dea750afa53d22_9c31caa5cc69d41b,
    320'h24a2294ef2b9e711_3123511665154b3a_9828f811e6d5c671_e0ef4b2d56ca8db1_427ab3f6cfee39b0,
    320'h125114a7595cf3ac_9899b88a139ab699_401c748dd36a2b81_785dff3ac6af8120_840a34364ee9d2d8,
    320'h09288a53acae79d6_4c4cdc4509cd1b48_200e3a46c9b555e0_3c2eef9c6247d3b0_4a050a1b266c72d5,
    320'h04944529d6573ceb_26266e2284e68da4_10071d2364daaaf0_9e1f77ce3123a9dc_210a8d89b33e794a,
    320'h024a2294cb2bde55_13132710436315f6_800b9e9193758ee1_4b47b7ef5c8180af_92e30e06970521a8,
    320'h0125114a6595ef2a_8981938821b1caff_440dc7cce9b28750_a5c185d6879adb77_6202e02540d4d705,
    320'h009288a532caf795_44c0c9c410d8a57b_2206e3e654d90388_52e0d2ea42dd7e9b_39016012a172f03b,
    320'h84494cd6996d7bca_2602224620ae5abd_3612407108e055ac_179b2cc6d84ea246_814c8cb7828319fe,
    320'h4224a66b4cb6bde5_1301112310572d5e_9b01203884706ad2_0fc59ee74c2f1103_c0c4187ae89b97df,
    320'h21125335a65b5ef2_09808891882b96af_4d80901c4238756d_07e2cf73861788a5_60621c3c555d98ef,
    320'h1089299ad32daf79_84c84448c4158b53_a2c0408a01143a92_879b311ccad99f52_1b2837190822d082,
    320'h084494cd699697b8_42642224420ac58d_51603044219a0e4d_4bcd988f45640710_85dc0f00c111a7b9,
    320'h04224a66b4cb4bdc_21321112210522c2_28b0182230cd0702_25e6dc4683a2108c_4aee078140805b61,
    320'h021125335a65a5ee_9091088910829161_10500495186e8381_12992003691b4042_82047c628a06f1fc,
    320'h01089299ad32d2f7_48488444884148b0_0828024a8c3701c4_094c9001948da005_41022e3064132bfe,
    320'h0084494cd699697b_242442224420a458_04140125461b80e2_04a64800ca469006_20811718120995db,
    320'h004224a64b4cb499_1212311003004128_0a0a0093830548cc_0a13308c0023c7db_920c89e22b4c8ba1,
    320'h0021125325a61a48_89011888218020b0_010d18cce09ab762_8d6bd66708d32354_6235275b5ae81644,
    320'h0010892992d30d24_44808c4410c01058_00868c66704d5bb1_46b5eb338469d1ae_b11293ad8d740b06,
    320'h00084494c9698692_2240462208604828_004346331826edf8_a352e598c324fbf7_d4895152c7aa9e3a,
    320'h0004224a64b4c349_1120231104302414_0021a3198c1376fc_d1a172cc61927dfb_6e4ca02d63dd0f19,
    320'h00020124334a7284_00900188830089b3_0050c5018301bc1b_62d4af847781f069_3603571697af5802,
    320'h8009009219a53942_04400840418844d9_00422ca0e94ad60d_161128603186245c_8299919ab8b12d66,
    320'h400480490cd29ca1_0220042020c4226c_0021165074a52b02_8b00943038c3120a_c54cd0487d4085b7,
    320'h20024024a6690e70_0110121111724212_08109b281b4a4e18_45c04e9458799d40_60a26ec678f057f2,
    320'h1001201253348738_8080090888b92109_800845100dad6708_a68a61ee24fec684_93401e643fecac91,
    320'h08009009299a439c_40400484445cd080_4004228826d6f3a4_534520f6136f3066_c1a81f323eeecdd5,
    320'h0400480494cd61ca_20200242022e6864_20020145327b2ad2_21a2907a09bf10aa_68940b145b67ba32,
    320'h020024024a66b0e5_1010012101173432_100100a2993d9569_90d9483d04dfc851_30420d0e0dbbdd3d,
    320'h0100120105331852_08081091819b8939_000090514d861109_482cb093e767e369_122500646085730a,
    320'h0080090082998c29_04040848c0cd8498_0000482886c348a4_24164848f2a3e294_01129032315a6238,
    320'h00400480414c8610_020204244066826c_000034154271f776_1a0b342458492ad3_80c14c955cb52559,
    320'h0020024020a6030c_0101021200330116_80080a0ba028a89f_810582960d340ef4_4442e462e280cec9,
    320'h0010012010530186_008081090019808b_40040505d014144b_4082c14b269a075e_2221623050503464,
    320'h00080090082980c3_00404084800c8041_20020282c80a4a05_204170a4925d508b_9918a118093081af,
    320'h000400480414c061_0020204240060024_1001014144052526_9028a853683efb45_c08c58090498884a,
    320'h00020024220a6014_0010002001131316_000080a1820a1a2e_405440a5d11fb27e_62022e6a80044549,
    320'h000100121105300a_800000100089898b_840048d4c10d4d13_a44066f6e04dd11b_92103e324396a5cc,
    320'h0000800908829805_400000080044c4c5_4200246a6086e68d_5220337b5026e8a9_49080f1800db01e6,
    320'h0000400484414c02_2000000400222266_2100123510437362_291009bc89032754_2c84078d0065086a,
    320'h000020024220a601_1000000200111133_1080091a8821b9b1_148804de448193aa_164203c680328435
  };

  function automatic logic [63:0] h3_parity(input logic [319:0] identity);
    logic [63:0] hash;
    for (int unsigned i = 0; i < 64; i++) hash[i] = ^(identity & H3_MASK[i]);
    return hash;
  endfunction

  // The bucket in half `half`, in a table of 2^slots_log2 slots a direction (7 to 24).
  function automatic logic [31:0] h3_bucket(input logic [63:0] hash, input logic half,
                                            input int unsigned slots_log2);
    logic [31:0] part;
    part = half ? hash[63:32] : hash[31:0];
    return part >> (36 - slots_log2);
  endfunction

  // The first of the eight slots of a bucket.
  function automatic logic [31:0] first_slot(input logic half, input logic [31:0] bucket,
                                             input int unsigned slots_log2);
    return (32'(half) << (slots_log2 - 1)) + (bucket << 3);
  endfunction

endpackage
