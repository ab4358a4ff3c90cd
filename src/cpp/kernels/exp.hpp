// exp, as the other functions need it: in two parts, so that they lose no digits to it.
#pragma once

#include "kernels/vec.hpp"

namespace cnnfs {
namespace {

// Written by fit.py. exp(r) = 1 + r + r^2 q(r) on |r| <= ln(2)/2, relative error below 2^-27 and
// 2^-57; ln2_high times any exponent is exact.
template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
    static constexpr float log2e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    static constexpr float q[] = {0x1p-1f, 0x1.55548ep-3f, 0x1.5555b8p-5f, 0x1.123becp-7f,
                                  0x1.6c5c56p-10f};
    static constexpr int mantissa = 23;
    // Adding it leaves a whole number plus the exponent's bias in the last bits.
    static constexpr float round = 0x1.8p23f + 127;
    static constexpr float lowest = -110;          // exp of it, even times 110, rounds to 0
    static constexpr float smallest_power = -100;  // of two, with room for the low parts
    static constexpr float plain = -69;            // from here on, 2^n is not smaller
};
template <>
struct ExpConstants<double> {
    static constexpr double log2e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    static constexpr double q[] = {0x1p-1,
                                   0x1.55555555554bbp-3,
                                   0x1.55555555530ap-5,
                                   0x1.11111111388fep-7,
                                   0x1.6c16c17d2d967p-10,
                                   0x1.a01a00cb641dbp-13,
                                   0x1.a019a9ed8e95fp-16,
                                   0x1.71dfff2e4e7f8p-19,
                                   0x1.28a0be811cef9p-22,
                                   0x1.ac20589f01b8ep-26};
    static constexpr int mantissa = 52;
    static constexpr double round = 0x1.8p52 + 1023;
    static constexpr double lowest = -765;
    static constexpr double smallest_power = -1000;
    static constexpr double plain = -692;
};

// A number as the sum of a large and a small part.
template <class T>
struct Pair {
    Vec<T> high, low;
};

// The polynomial with the given coefficients, constant first.
template <class T, int N>
CNNFS_INLINE Vec<T> polynomial(const T (&coefficients)[N], Vec<T> x) {
    Vec<T> sum = splat(coefficients[N - 1]);
#pragma GCC unroll 32
    for (int i = N - 2; i >= 0; --i) sum = fma(sum, x, splat(coefficients[i]));
    return sum;
}

// 2^n for the sum of a whole number n and C::round, if the power is a normal number.
template <class T>
CNNFS_INLINE Vec<T> power_of_two(Vec<T> rounded) {
    using Bit = typename Lanes<T>::Bit;
    return (Vec<T>)((Bits<T>)rounded << Bit(ExpConstants<T>::mantissa));
}

// exp(t) = 2^n (1 + rest), |rest| < 0.42. `rounded` is n + C::round.
template <class T>
struct ExpParts {
    Vec<T> rounded, rest, rest_low;
};
template <class T>
CNNFS_INLINE ExpParts<T> exp_parts(Vec<T> t, Vec<T> t_low = Vec<T>{}) {
    using C = ExpConstants<T>;
    const Vec<T> rounded = fma(t, splat(C::log2e), splat(C::round));
    const Vec<T> n = rounded - C::round;
    const Vec<T> head = minus_product(n, splat(C::ln2_high), t);  // exact
    const Vec<T> tail = n * C::ln2_low - t_low;
    const Vec<T> r = head - tail;
    // exp(r) - 1, with one rounding that counts: that of the sum, which is rest_low.
    const Vec<T> curve = fma(r * r, polynomial(C::q, r), -tail);
    const Vec<T> rest = head + curve;
    return {rounded, rest, curve - (rest - head)};
}

// exp(t + t_low) = high + low times scale, for t <= 0. The scale is 1 but where the result is too small
// to be computed with: it must be applied once, at the end. Without `Small`, t must be at least C::plain,
// where the scale is 1: so both ways give the same bits there, and it does not matter which one a number's
// neighbours choose for it. `Fine` keeps all of the rounding errors in the low part, else only the
// last one.
template <class T>
struct Exp {
    Vec<T> high, low, scale;
};
template <class T, bool Small, bool Fine = false>
CNNFS_INLINE Exp<T> exp_pair(Vec<T> t, Vec<T> t_low = Vec<T>{}) {
    using C = ExpConstants<T>;
    if constexpr (Small) t = t < C::lowest ? splat(C::lowest) : t;
    ExpParts<T> e = exp_parts<T>(t, t_low);
    Vec<T> scale = splat(T(1));
    if constexpr (Small) {
        const Vec<T> n = e.rounded - C::round;
        const Vec<T> fewer = n < C::smallest_power ? splat(C::smallest_power) : n;
        scale = power_of_two<T>((n - fewer) + C::round);
        e.rounded = fewer + C::round;
    }
    const Vec<T> power = power_of_two<T>(e.rounded);
    const Vec<T> high = fma(power, e.rest, power);
    Vec<T> low = fma(power, e.rest, power - high);
    if constexpr (Fine) low = fma(power, e.rest_low, low);
    return {high, low, scale};
}

// The quotient first + remainder inverse, times scale.
template <class T>
struct Quotient {
    Vec<T> first, remainder, inverse, scale;

    CNNFS_INLINE Vec<T> rounded() const { return fma(remainder, inverse, first); }
    CNNFS_INLINE Pair<T> pair() const { return {first, remainder * inverse}; }
};

// e / (1 + e) for e = exp(t + t_low), t <= 0. Nothing overflows, and small results keep their digits: e is
// the sum of a large and a small part, and the exact remainder mends the quotient.
template <class T, bool Small>
CNNFS_INLINE Quotient<T> logistic(Vec<T> t, Vec<T> t_low = Vec<T>{}) {
    const Exp<T> e = exp_pair<T, Small>(t, t_low);
    const Vec<T> inverse = T(1) / (e.high + T(1)), first = e.high * inverse;
    // e - first (1 + e): the difference of the large parts is exact, and the small part counts
    // e.low - first e.low, which is e.low times the inverse.
    const Vec<T> remainder = minus_product(first, e.high, e.high - first);
    return {first, fma(e.low, inverse, remainder), inverse, e.scale};
}

}  // namespace
}  // namespace cnnfs
