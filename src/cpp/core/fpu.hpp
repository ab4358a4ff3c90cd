// Arithmetic as IEEE 754 has it by default, whatever the calling thread has been set to.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace cnnfs {

// Some libraries switch a thread to flushing subnormals to zero, or to another rounding; results
// would then depend on who has been there before. The caller's state is put back at the end.
class StandardArithmetic {
public:
    StandardArithmetic() : found_(read()) {
        if (controls(found_) != standard) write(found_ - controls(found_) + standard);
    }
    ~StandardArithmetic() {
        if (controls(found_) != standard) write(found_);
    }
    StandardArithmetic(const StandardArithmetic&) = delete;
    StandardArithmetic& operator=(const StandardArithmetic&) = delete;

private:
#if defined(__x86_64__)
    using State = unsigned;
    static constexpr State standard = 0x1f80;  // exceptions masked, nearest, no flushing
    static State controls(State s) { return s & ~State(0x3f); }  // without the sticky flags
    static State read() { return _mm_getcsr(); }
    static void write(State s) { _mm_setcsr(s); }
#elif defined(__aarch64__)
    using State = std::uint64_t;
    static constexpr State standard = 0;
    static State controls(State s) { return s; }
    static State read() {
        State s;
        asm volatile("mrs %0, fpcr" : "=r"(s));
        return s;
    }
    static void write(State s) { asm volatile("msr fpcr, %0" ::"r"(s)); }
#else
    using State = int;
    static constexpr State standard = 0;
    static State controls(State s) { return s; }
    static State read() { return 0; }
    static void write(State) {}
#endif

    State found_;
};

}  // namespace cnnfs
