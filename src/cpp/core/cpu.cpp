#include "core/cpu.hpp"

namespace cnnfs {

#if defined(__x86_64__)

namespace {

// The compiler's run-time library asks XGETBV as well as CPUID, so a feature whose registers the
// operating system does not save counts as absent. GCC knows the levels by name; Clang learnt the
// names late, so there the features that its x86-64-v3 and v4 code can use are asked one by one.
bool has_level3() {
#if defined(__clang__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return __builtin_cpu_supports("x86-64-v3");
#endif
}

bool has_level4() {
#if defined(__clang__)
    return has_level3() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return __builtin_cpu_supports("x86-64-v4");
#endif
}

}  // namespace

bool cpu_runs(Isa isa) {
    __builtin_cpu_init();
    switch (isa) {
        case Isa::generic: return true;
        case Isa::avx2: return has_level3();
        case Isa::avx512: return has_level4();
        case Isa::neon: return false;
    }
    return false;
}

#elif defined(__aarch64__) || defined(_M_ARM64)

// NEON with fused multiply-add is part of the 64-bit ARM baseline.
bool cpu_runs(Isa isa) { return isa == Isa::neon; }

#else

bool cpu_runs(Isa isa) { return isa == Isa::generic; }

#endif

}  // namespace cnnfs
