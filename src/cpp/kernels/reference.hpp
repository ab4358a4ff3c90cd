// The slow version: the specification of every kernel, one number at a time, same signatures.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.hpp"

namespace cnnfs::reference {

template <class T>
T activation(Activation activation, T x) {
    switch (activation) {
        case Activation::linear: return x;
        case Activation::step: return std::isnan(x) ? x : x > 0 ? T(1) : T(0);
        case Activation::sigmoid: {
            // In a wider type, then rounded: the kernels may differ from it by one ulp at most.
            using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
            return std::isnan(x) ? x : T(1 / (1 + std::exp(-Wide(x))));
        }
        case Activation::relu: return x <= 0 ? T(0) : x;
    }
    return x;
}

// weights: as given by the user, n_outputs x n_inputs, in the place of the packed ones. `fused` tells
// whether the kernel set fuses its multiply-adds: its bits, but for sigmoid, are then exactly these.
template <class T>
void dense(MatrixView<const T> x, MatrixView<const T> weights, const T* bias, Activation act,
           MatrixView<T> y, bool fused) {
    for (Index i = 0; i < x.rows; ++i)
        for (Index j = 0; j < weights.rows; ++j) {
            T total = 0;
            for (Index k0 = 0; k0 < x.cols; k0 += depth_block) {
                T sum = 0;
                for (Index k = k0; k < std::min(k0 + depth_block, x.cols); ++k) {
                    const T a = x.row(i)[k], w = weights.row(j)[k];
                    sum = fused ? std::fma(a, w, sum) : a * w + sum;
                }
                total = k0 == 0 ? sum : total + sum;
            }
            T z = total + bias[j];
            if (std::isnan(z)) z = std::numeric_limits<T>::quiet_NaN();
            y.row(i)[j] = activation(act, z);
        }
}

template <class T>
void activate(Activation act, Index n, const T* x, T* y) {
    for (Index i = 0; i < n; ++i) y[i] = activation(act, x[i]);
}

}  // namespace cnnfs::reference
