// Put in front of every C++ file that the build script of the crate verilated 0.1.2 compiles, so that it
// builds with Verilator 5. It knows callbacks only by the names of 4.38 and asks for those if the version
// says so; the limit of a trace file has another name since.
#undef VERILATOR_VERSION_MAJOR
#define VERILATOR_VERSION_MAJOR 4
#undef VERILATOR_VERSION_MINOR
#define VERILATOR_VERSION_MINOR 38
#define rolloverMB rolloverSize
// Time is the context's: there is no sc_time_stamp().
#define VL_TIME_CONTEXT
