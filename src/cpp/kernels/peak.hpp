// The yardstick: nothing but multiply-adds, in registers.
#pragma once

#include "kernels/vec.hpp"

namespace cnnfs {
namespace {

// Independent chains: more than latency times pipelines of any processor, and they fit the registers.
constexpr int chains = vector_bytes == 64 ? 16 : 12;

// n multiply-adds in each chain; factor and term such that they stay finite.
template <class T>
T multiply_add_chains(Index n, T factor, T term) {
    Vec<T> sums[chains];
#pragma GCC unroll 16
    for (int c = 0; c < chains; ++c) sums[c] = splat(T(c));
    for (Index i = 0; i < n; ++i)
#pragma GCC unroll 16
        for (int c = 0; c < chains; ++c)
            sums[c] = multiply_add<T>(sums[c], splat(factor), splat(term));
    Vec<T> all = sums[0];
    for (int c = 1; c < chains; ++c) all += sums[c];
    return all[0];
}

template <class T>
constexpr Index multiply_adds_per_step = chains * lanes<T>;

}  // namespace
}  // namespace cnnfs
