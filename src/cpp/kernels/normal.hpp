// The normal distribution's cumulative function, for gelu.
#pragma once

#include "kernels/exp.hpp"

namespace cnnfs {
namespace {

// Written by fit.py. Phi(-z) = exp(-z^2 / 2) M(t) / (1 + z) with t = a z / (z + m) - 1 in [-1, 1], for
// 0 <= z <= farthest; relative error below 2^-29 and 2^-57. The quotient and m are chosen so that M is
// nearly constant and a short polynomial will do. (As M. M. Shepherd and J. G. Laframboise,
// Chebyshev approximation of (1 + 2x) exp(x^2) erfc x, Mathematics of Computation 36, 1981.)
template <class T>
struct NormalConstants;
template <>
struct NormalConstants<float> {
    static constexpr float farthest = 14.5f;  // 14.5 Phi(-14.5) rounds to 0
    static constexpr float m = 4.125f, a = 0x1.48d3dcp+1f;
    static constexpr float first = 0x1.f82594p-2f, first_low = 0x1.aca63p-28f;
    static constexpr float rest[] = {
        -0x1.38ffeap-4f,  -0x1.ec3734p-8f, 0x1.f9dfbep-6f,  -0x1.5e78f6p-6f, 0x1.04b68cp-7f,
        -0x1.572928p-10f, -0x1.8f968p-13f, 0x1.e128fap-14f, 0x1.df5296p-20f, -0x1.d6df92p-18f};
};
template <>
struct NormalConstants<double> {
    static constexpr double farthest = 39;
    static constexpr double m = 5.5, a = 0x1.241a41a41a41ap+1;
    static constexpr double first = 0x1.dfefea6e61ea1p-2, first_low = -0x1.81d9df40fe377p-56;
    static constexpr double rest[] = {
        -0x1.5c2a9935b16a7p-4, 0x1.9dafc534b309ap-6,   0x1.7d74c8374223p-7,
        -0x1.8fc711d212289p-6, 0x1.604a4d8d12866p-6,   -0x1.afc48bdf20b54p-7,
        0x1.885165f26920ep-8,  -0x1.fbb5500bc3026p-10, 0x1.75627c07c9035p-12,
        0x1.666c34e4df23bp-16, -0x1.1d82f31a28164p-15, 0x1.bed7d834278cfp-18,
        0x1.a6ff8ba814acep-20, -0x1.da465100c611ap-21, -0x1.ab7e86ec4370dp-26,
        0x1.84134065b2e37p-24, -0x1.599a45b69d35p-28,  -0x1.39b4cd4ec15b8p-27,
        0x1.bd324a4c03908p-31, 0x1.ec065d241b5cep-31,  -0x1.0a6c434c228c2p-34,
        -0x1.0d08b257cd21ap-34};
};

// a b for pairs; the product of the low parts does not count.
template <class T>
CNNFS_INLINE Pair<T> product(Pair<T> a, Pair<T> b) {
    const Vec<T> high = a.high * b.high;
    return {high, fma(a.high, b.high, -high) + fma(a.high, b.low, a.low * b.high)};
}

// Phi(-z) exp(z^2 / 2) for 0 <= z <= farthest.
template <class T>
CNNFS_INLINE Pair<T> normal_factor(Vec<T> z) {
    using C = NormalConstants<T>;
    // One division for both quotients: 1/(1 + z), mended by its exact remainder, and 1/(z + m).
    const Vec<T> one = splat(T(1)), d = one + z, d_low = (one - d) + z, shifted = z + C::m;
    const Vec<T> both = one / (d * shifted), inverse = both * shifted;
    const Vec<T> remainder = minus_product(d_low, inverse, minus_product(d, inverse, one));
    const Vec<T> t = fma(both * d, z * C::a, splat(T(-1)));
    const Vec<T> p = polynomial(C::rest, t), m = fma(t, p, splat(C::first));
    const Vec<T> m_low = fma(t, p, C::first - m) + C::first_low;
    return product<T>({inverse, inverse * remainder}, {m, m_low});
}

// Phi(-z) = pair times scale, for 0 <= z <= farthest.
template <class T>
struct Tail {
    Pair<T> pair;
    Vec<T> scale;
};
template <class T, bool Small>
CNNFS_INLINE Tail<T> normal_tail(Vec<T> z) {
    const Vec<T> square = z * z, square_low = fma(z, z, -square);
    const Exp<T> e = exp_pair<T, Small>(square * T(-0.5), square_low * T(-0.5));
    return {product<T>({e.high, e.low}, normal_factor<T>(z)), e.scale};
}

}  // namespace
}  // namespace cnnfs
