// Which numbers a dropout keeps: a function of the seed and of their place alone.
#pragma once

#include <cstdint>

#include "core/matrix.hpp"

namespace cnnfs {

// One output of the generator splitmix64 for any state: Steele, Lea, Flood, "Fast splittable
// pseudorandom number generators", 2014.
inline std::uint64_t mixed(std::uint64_t state) {
    state += 0x9e3779b97f4a7c15u;
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9u;
    state = (state ^ state >> 27) * 0x94d049bb133111ebu;
    return state ^ state >> 31;
}

// factors(i, j) = 0 with probability `rate`, else 1 / (1 - rate).
template <class T>
void draw_dropout(std::uint64_t seed, double rate, MatrixView<T> factors) {
    const auto limit = std::uint64_t(rate * 4294967296.0);
    const T kept = T(1 / (1 - rate));
    const Index pairs = (factors.cols + 1) / 2;
    for (Index i = 0; i < factors.rows; ++i) {
        T* const row = factors.row(i);
        for (Index pair = 0; pair < pairs; ++pair) {
            const std::uint64_t drawn =
                mixed(seed + std::uint64_t(i * pairs + pair) * 0x9e3779b97f4a7c15u);
            row[2 * pair] = (drawn & 0xffffffffu) < limit ? T(0) : kept;
            if (2 * pair + 1 < factors.cols) row[2 * pair + 1] = drawn >> 32 < limit ? T(0) : kept;
        }
    }
}

}  // namespace cnnfs
