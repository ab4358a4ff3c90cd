// Weights in the order in which the kernel reads them.
//
// Panel after panel of 2 x lanes output neurons (the last one may be a single vector wide); in a
// panel, for each input k, the weights of its neurons side by side. Missing neurons are zeros.
#pragma once

#include "kernels/vec.hpp"

namespace cnnfs {
namespace {

template <class T>
void pack(MatrixView<const T> weights, T* packed) {
    constexpr Index line = 64 / sizeof(T);  // read the rows a cache line at a time
    for (Index first = 0; first < weights.rows;) {
        Index left = weights.rows - first;
        Index width = left > lanes<T> ? 2 * lanes<T> : lanes<T>;
        Index used = left < width ? left : width;
        for (Index k0 = 0; k0 < weights.cols; k0 += line) {
            Index k1 = k0 + line < weights.cols ? k0 + line : weights.cols;
            for (Index j = 0; j < used; ++j)
                for (Index k = k0; k < k1; ++k) packed[k * width + j] = weights.row(first + j)[k];
            for (Index j = used; j < width; ++j)
                for (Index k = k0; k < k1; ++k) packed[k * width + j] = 0;
        }
        packed += width * weights.cols;
        first += used;
    }
}

}  // namespace
}  // namespace cnnfs
