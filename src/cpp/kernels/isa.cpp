// One kernel set. Compiled once per instruction set with that set's flags and with CNNFS_ISA naming
// it. Exports exactly one symbol, constant data: no code of this file runs before it is chosen.
#include "kernels/derivatives.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernels.hpp"
#include "kernels/optimizers.hpp"
#include "kernels/pack.hpp"
#include "kernels/peak.hpp"
#include "kernels/softmax.hpp"
#include "kernels/training.hpp"

#define CNNFS_JOIN_(a, b) a##b
#define CNNFS_JOIN(a, b) CNNFS_JOIN_(a, b)
#define CNNFS_TEXT_(a) #a
#define CNNFS_TEXT(a) CNNFS_TEXT_(a)

namespace cnnfs {

#define CNNFS_KERNELS(T)        \
    {lanes<T>,                  \
     panel<T>,                  \
     tile_rows,                 \
     dense<T>,                  \
     pack<T>,                   \
     activate<T>,               \
     derive<T>,                 \
     softmax<T>,                \
     derive_softmax<T>,         \
     weight_gradient<T>,        \
     pack_transposed<T>,        \
     column_sums<T>,            \
     add_penalty<T>,            \
     clip<T>,                   \
     multiply<T>,               \
     update<T>,                 \
     multiply_adds_per_step<T>, \
     multiply_add_chains<T>}

extern const KernelSet CNNFS_JOIN(kernels_, CNNFS_ISA);
constinit const KernelSet CNNFS_JOIN(kernels_, CNNFS_ISA) = {
    Isa::CNNFS_ISA, CNNFS_TEXT(CNNFS_ISA), CNNFS_KERNELS(float), CNNFS_KERNELS(double)};

}  // namespace cnnfs
