// The normal distribution's cumulative function, for gelu.
#pragma once

#include "kernels/exp.hpp"

namespace cnnfs {
namespace {

// Written by fit.py. Phi(-z) = exp(-z^2 / 2) M(t) / (1 + z) with t = a z / (z + m) - 1 in [-1, 1], for
// 0 <= z <= farthest; relative error below 2^-28 and 2^-56. The quotient and m are chosen so that M is
// nearly constant and a short polynomial will do. (As M. M. Shepherd and J. G. Laframboise,
// Chebyshev approximation of (1 + 2x) exp(x^2) erfc x, Mathematics of Computation 36, 1981.)
template <class T>
struct NormalConstants;
template <>
struct NormalConstants<float> {
    static constexpr float farthest = 14.5f;  // 14.5 Phi(-14.5) rounds to 0
    static constexpr float m = 4, a = 0x1.469ee6p+1f;
    static constexpr float first = 0x1.f91608p-2f;
    static constexpr float rest[] = {
        -0x1.3828e4p-4f,  -0x1.392118p-7f,  0x1.038d68p-5f,  -0x1.535cecp-6f, 0x1.cc1138p-8f,
        -0x1.b7f7dcp-11f, -0x1.20efbcp-12f, 0x1.8af80ep-14f, 0x1.5f096p-17f,  -0x1.a91dcep-18f};
};
template <>
struct NormalConstants<double> {
    static constexpr double farthest = 39;
    static constexpr double m = 5.375, a = 0x1.2348348348348p+1;
    static constexpr double first = 0x1.e0d15f4faf3ddp-2;
    static constexpr double rest[] = {
        -0x1.5e33d11beecb1p-4,  0x1.8973d1f336a0fp-6,   0x1.ae7b10eb3c89dp-7,
        -0x1.9b514f3b8b67cp-6,  0x1.5ca7cc5cd2b5bp-6,   -0x1.9984005d54afp-7,
        0x1.5e9f85dbbec94p-8,   -0x1.997e7204ca8a8p-10, 0x1.bb46d0c52eeap-13,
        0x1.a80cb2348df78p-15,  -0x1.02e51276ec77ap-15, 0x1.73b85ba1b8a5cp-19,
        0x1.2e11ed90b7efdp-19,  -0x1.4965f49e92579p-21, -0x1.381dc2e75b892p-23,
        0x1.48aa2d32bb41ap-24,  0x1.5aaddea2f51fdp-27,  -0x1.2a27c67fb0826p-27,
        -0x1.ca44dc98aaec7p-31, 0x1.ee469333e1712p-31,  0x1.01dc0f31c0d8fp-34,
        -0x1.13ccded67749ep-34};
};

// M(t), and what the two quotients of it need.
template <class T>
struct NormalFactor {
    Pair<T> m;
    Vec<T> d, d_low, inverse;  // 1 + z and its reciprocal
};
template <class T>
CNNFS_INLINE NormalFactor<T> normal_factor(Vec<T> z) {
    using C = NormalConstants<T>;
    const Vec<T> one = splat(T(1)), d = one + z, d_low = (one - d) + z, shifted = z + C::m;
    const Vec<T> both = one / (d * shifted);  // one division for both quotients
    const Vec<T> t = fma(both * d, z * C::a, splat(T(-1)));
    const Vec<T> p = polynomial(C::rest, t), first = splat(C::first), m = fma(t, p, first);
    return {{m, fma(t, p, first - m)}, d, d_low, both * shifted};
}

// Phi(-z) for 0 <= z <= farthest. The exact remainder mends the quotient by 1 + z.
template <class T, bool Small>
CNNFS_INLINE Quotient<T> normal_tail(Vec<T> z) {
    const Vec<T> half = z * T(-0.5), t = z * half, t_low = fma(z, half, -t);
    const Exp<T> e = exp_pair<T, Small, true>(t, t_low);
    const NormalFactor<T> f = normal_factor<T>(z);
    const Vec<T> top = e.high * f.m.high;
    const Vec<T> top_low = fma(e.low, f.m.high, fma(e.high, f.m.low, fma(e.high, f.m.high, -top)));
    const Vec<T> first = top * f.inverse;
    const Vec<T> remainder = minus_product(first, f.d, top);
    return {first, minus_product(first, f.d_low, remainder) + top_low, f.inverse, e.scale};
}

}  // namespace
}  // namespace cnnfs
