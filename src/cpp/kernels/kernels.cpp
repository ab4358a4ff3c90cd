#include "kernels/kernels.hpp"

#include <cstring>

namespace cnnfs {

// Each is the single symbol of one compilation of isa.cpp.
#if defined(__aarch64__)
extern const KernelSet kernels_neon;
#else
extern const KernelSet kernels_generic;
#endif
#if defined(__x86_64__)
extern const KernelSet kernels_avx2, kernels_avx512;
#endif

const KernelSets& available_kernels() {
    static const KernelSets found = [] {
        const KernelSet* compiled[] = {
#if defined(__aarch64__)
            &kernels_neon,
#else
            &kernels_generic,
#endif
#if defined(__x86_64__)
            &kernels_avx2,
            &kernels_avx512,
#endif
        };
        KernelSets sets{};
        for (const KernelSet* set : compiled)
            if (cpu_runs(set->isa)) sets.sets[sets.count++] = set;
        return sets;
    }();
    return found;
}

const KernelSet* find_kernels(const char* wish) {
    const KernelSets& have = available_kernels();
    if (!wish || !*wish) return have.sets[have.count - 1];
    for (int i = 0; i < have.count; ++i)
        if (std::strcmp(have.sets[i]->name, wish) == 0) return have.sets[i];
    return nullptr;
}

}  // namespace cnnfs
