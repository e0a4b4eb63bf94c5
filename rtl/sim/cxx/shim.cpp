// One instance of @MODULE@: its context (time, random values, tracing), the model, and what is called
// from Rust. The structures are those of tops.rs.
#include "V@MODULE@.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif
#include <cstdint>
#include <memory>

namespace {

struct Inputs {
    @INPUTS@
};

struct Outputs {
    @OUTPUTS@
};

struct Instance {
    VerilatedContext context;
    std::unique_ptr<V@MODULE@> model;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> trace;
#endif

    explicit Instance(uint64_t seed) {
        context.randReset(2);
        context.randSeed(static_cast<int>(seed & 0x7fffffff));
#if VM_TRACE
        context.traceEverOn(true);
#endif
        model = std::make_unique<V@MODULE@>(&context, "top");
    }

    void dump(uint64_t time) {
#if VM_TRACE
        if (trace) trace->dump(time);
#else
        (void)time;
#endif
    }
};

}  // namespace

extern "C" {

void* @MODULE@_new(uint64_t seed) { return new Instance(seed); }

void @MODULE@_delete(void* instance) {
    auto* self = static_cast<Instance*>(instance);
#if VM_TRACE
    if (self->trace) self->trace->close();
#endif
    self->model->final();
    delete self;
}

// One step: the clocks have fallen and the inputs are applied, the outputs are those that this step's inputs
// give before the clocks of `rising` rise at `time`.
void @MODULE@_step(void* instance, const Inputs* in, Outputs* out, uint32_t rising, uint64_t time) {
    auto* self = static_cast<Instance*>(instance);
    V@MODULE@& top = *self->model;
    @FALL@
    @APPLY@
    top.eval();
    @SAMPLE@
    // In the middle between two steps: only a trace sees that.
    self->dump(self->context.time() + (time - self->context.time()) / 2);
    self->context.time(time);
    @RISE@
    top.eval();
    self->dump(time);
}

// Writes a trace to `path` from the next step on; ends the one before. With no path, only that. False if
// the model was built without, or the file cannot be written.
int @MODULE@_trace(void* instance, const char* path) {
#if VM_TRACE
    auto* self = static_cast<Instance*>(instance);
    if (self->trace) self->trace->close();
    self->trace.reset();
    if (!path) return 1;
    self->trace = std::make_unique<VerilatedVcdC>();
    self->trace->set_time_unit("ps");
    self->trace->set_time_resolution("ps");
    self->model->trace(self->trace.get(), 99);
    self->trace->open(path);
    return self->trace->isOpen();
#else
    (void)instance;
    return path ? 0 : 1;
#endif
}

}  // extern "C"
