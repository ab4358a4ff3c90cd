// The sizes at which work is cut up and shared. Each is a trade measured by the benchmarks; none of
// them can change a bit of a result.
#pragma once

#include "core/matrix.hpp"

namespace cnnfs {

// The inputs of a layer for a block of rows shall leave room in the second-level cache for the
// weights that pass by. Wide layers want many rows to a block: all weights pass by for each block.
inline constexpr Index block_tiles = 10;  // at most: more do not share a panel's block of weights
inline constexpr Index block_bytes = Index(1) << 19;

// Scratch of all threads of one pass, as long as a tile of rows for each fits.
inline constexpr Index scratch_bytes = Index(3) << 20;

// Multiply-adds between two looks at the interrupt: less than a millisecond on AVX-512, some
// milliseconds in the slowest kernels.
inline constexpr Index most_work = Index(1) << 24;

// Multiply-adds below which no other thread is woken: to wake a parked worker costs the caller some
// microseconds, and it arrives tens of microseconds later.
inline constexpr Index work_worth_sharing = Index(1) << 22;

// Multiply-adds that one item of shared work should have at least, so that drawing it costs nothing.
inline constexpr Index work_of_item = Index(1) << 20;

// Items for each thread, where there is work enough: a thread that is late costs one item at most.
inline constexpr Index items_per_thread = 8;

// Elements of which another thread is woken for an elementwise function.
inline constexpr Index elements_worth_sharing = Index(1) << 18;
inline constexpr Index elements_of_item = Index(1) << 16;

}  // namespace cnnfs
