// The slow version: the specification of every kernel, one number at a time, same signatures.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/kernels.hpp"

namespace cnnfs::reference {

// The elementwise functions, by textbook formulas that lose no digits to cancellation. To judge results
// of a type, call it with a wider one.
template <class T>
T exact(Activation activation, T x) {
    if (std::isnan(x)) return x;
    const T root_half = std::sqrt(T(0.5));
    switch (activation) {
        case Activation::linear:
        case Activation::softmax: return x;
        case Activation::step: return x > 0 ? T(1) : T(0);
        case Activation::sigmoid: return 1 / (1 + std::exp(-x));
        case Activation::relu: return x <= 0 ? T(0) : x;
        case Activation::tanh: return std::tanh(x);
        case Activation::leaky_relu: return x < 0 ? x * T(0.01) : x;
        case Activation::elu: return x < 0 ? std::expm1(x) : x;
        case Activation::gelu: return x == -INFINITY ? -T(0) : x * std::erfc(-x * root_half) / 2;
        case Activation::gelu_tanh: {
            const T inner =
                x * (1 + T(0.044715) * x * x) / (root_half * std::sqrt(std::acos(T(-1))));
            return x == -INFINITY ? -T(0) : x / (1 + std::exp(-2 * inner));
        }
        case Activation::silu: return x == -INFINITY ? -T(0) : x / (1 + std::exp(-x));
        case Activation::softplus: return std::fmax(x, T(0)) + std::log1p(std::exp(-std::fabs(x)));
    }
    return x;
}

// The derivative at x. At a kink it is the one from below.
template <class T>
T slope(Activation activation, T x) {
    const T s = 1 / (1 + std::exp(-x));
    const T a = 2 * std::sqrt(2 / std::acos(T(-1))), b = T(0.044715) * a;
    switch (activation) {
        case Activation::linear:
        case Activation::softmax: return 1;
        case Activation::step: return 0;
        case Activation::sigmoid: return s * (1 - s);
        case Activation::relu: return x <= 0 ? 0 : 1;
        case Activation::tanh: return 1 - std::tanh(x) * std::tanh(x);
        case Activation::leaky_relu: return x <= 0 ? T(0.01) : 1;
        case Activation::elu: return x <= 0 ? std::exp(x) : 1;
        case Activation::gelu:
            return std::erfc(-x * std::sqrt(T(0.5))) / 2 + x * std::exp(-x * x / 2) * a / 4;
        case Activation::gelu_tanh: {
            const T p = 1 / (1 + std::exp(-x * (a + b * x * x)));
            return p + x * p * (1 - p) * (a + 3 * b * x * x);
        }
        case Activation::silu: return s + x * s * (1 - s);
        case Activation::softplus: return s;
    }
    return 0;
}

// In a wider type, then rounded: the kernels may differ from it by an ulp or two.
template <class T>
T activation(Activation activation, T x) {
    using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
    if (activation == Activation::leaky_relu) return exact(activation, x);
    return std::isnan(x) ? x : T(exact(activation, Wide(x)));
}

template <class T>
void softmax(Index rows, Index columns, const T* z, Index z_stride, T* y, Index y_stride,
             T* highest, T* sum) {
    using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
    for (Index i = 0; i < rows; ++i, z += z_stride, y += y_stride) {
        Wide most = -INFINITY, total = 0;
        for (Index j = 0; j < columns; ++j) most = std::fmax(most, Wide(z[j]));
        for (Index j = 0; j < columns; ++j) total += std::exp(z[j] - most);
        for (Index j = 0; j < columns; ++j) y[j] = T(std::exp(z[j] - most) / total);
        if (highest) highest[i] = T(most);
        if (sum) sum[i] = T(total);
    }
}

template <class T>
void derive_softmax(Index rows, Index columns, const T* y, Index y_stride, T* d, Index d_stride) {
    for (Index i = 0; i < rows; ++i, y += y_stride, d += d_stride) {
        T total = 0;
        for (Index j = 0; j < columns; ++j) total += y[j] * d[j];
        for (Index j = 0; j < columns; ++j) d[j] = y[j] * (d[j] - total);
    }
}

// weights: as given by the user, n_outputs x n_inputs, in the place of the packed ones. `fused` tells
// whether the kernel set fuses its multiply-adds: its bits, but for those of the rounded functions, are
// then exactly these.
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
    if (act == Activation::softmax)
        softmax<T>(y.rows, y.cols, y.data, y.stride, y.data, y.stride, nullptr, nullptr);
}

template <class T>
void activate(Activation act, Index n, const T* x, T* y) {
    for (Index i = 0; i < n; ++i) y[i] = activation(act, x[i]);
}

}  // namespace cnnfs::reference
