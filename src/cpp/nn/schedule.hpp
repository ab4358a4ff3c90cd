// The sizes at which work is cut up and shared. Each is a trade measured by the benchmarks; none of
// them can change a bit of a result.
#pragma once

#include "core/matrix.hpp"

namespace cnnfs {

inline Index pieces(Index whole, Index piece) { return (whole + piece - 1) / piece; }
inline Index rounded_up(Index n, Index step) { return pieces(n, step) * step; }

// Rows whose starts lie a multiple of 1 KiB apart fall into a few sets of the first-level cache and
// drive each other out. An odd number of cache lines apart, they spread over all sets.
template <class T>
Index spread_stride(Index columns) {
    constexpr Index line = 64 / Index(sizeof(T));
    return (rounded_up(columns, line) / line | 1) * line;
}

// Rows that walk through the layers together. All weights pass by for each block of them, so wide layers
// want many rows to a block, even where these no longer fit the second-level cache.
inline constexpr Index block_tiles = 10;  // at most: more do not share a panel's block of weights
inline constexpr Index block_bytes = Index(1) << 21;

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

// The same for a part of a training step: the workers, which have just done the part before, are awake.
inline constexpr Index step_worth_sharing = Index(1) << 18;

// Rows that are copied or cleared between two looks at the interrupt.
inline constexpr Index rows_between_looks = 256;

// What an elementwise operation of training costs, in multiply-adds.
inline constexpr Index elementwise_work = 8;

// Inputs whose weights are updated as soon as their gradient is known, while it is in the first-level cache.
inline constexpr Index inputs_at_once = 96;
inline constexpr Index widest_panel = 32;  // of all instruction sets and types

// Multiply-adds of a step beyond which all gradients come first: an update that has begun is finished.
inline constexpr Index most_work_of_update = Index(1) << 29;

// Elements of which another thread is woken for an elementwise function.
inline constexpr Index elements_worth_sharing = Index(1) << 18;
inline constexpr Index elements_of_item = Index(1) << 16;

}  // namespace cnnfs
