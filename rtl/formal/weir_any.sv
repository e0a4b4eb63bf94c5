// Anything, another thing in every cycle: run.py makes the solver's free choice of each instance.
(* blackbox *)
module weir_any #(
    parameter int unsigned WIDTH = 1
) (
    output logic [WIDTH-1:0] Y
);
endmodule
