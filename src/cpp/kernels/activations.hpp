// The activation functions over a vector. One struct each, in the order of the enum.
//
// A lane's result depends on that lane alone and on no instruction set, so the same number gives
// the same bits anywhere.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/vec.hpp"

namespace cnnfs {
namespace {

// Written by fit_exp.py. exp(r) = 1 + r + r^2 q(r) on |r| <= ln(2)/2, relative error below 2^-27 and
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
    static constexpr float lowest = -105;          // exp of it, and of all below, rounds to 0
    static constexpr float plain = -87;            // from here on, 2^n is a normal number
    static constexpr float smallest_power = -100;  // of two, normal with room to spare
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
    static constexpr double lowest = -746;
    static constexpr double plain = -708;
    static constexpr double smallest_power = -1000;
};

// 2^n for the sum of a whole number n and C::round, if the power is a normal number.
template <class T>
CNNFS_INLINE Vec<T> power_of_two(Vec<T> rounded) {
    using Bit = typename Lanes<T>::Bit;
    return (Vec<T>)((Bits<T>)rounded << Bit(ExpConstants<T>::mantissa));
}

// exp(t) = high + low times scale, for t <= 0; low is the rounding error of high. The scale is 1 but
// where exp(t) is too small to be computed with: it must be applied once, at the end. Without
// `Small`, t must be at least C::plain, and the scale is not computed.
template <class T>
struct Exp {
    Vec<T> high, low, scale;
};
template <class T, bool Small>
CNNFS_INLINE Exp<T> exp_pair(Vec<T> t) {
    using C = ExpConstants<T>;
    if constexpr (Small) t = t < C::lowest ? splat(C::lowest) : t;
    Vec<T> rounded = fma(t, splat(C::log2e), splat(C::round));
    Vec<T> n = rounded - C::round;
    Vec<T> head = minus_product(n, splat(C::ln2_high), t);  // exact
    Vec<T> tail = n * C::ln2_low;
    Vec<T> r = head - tail;
    constexpr int degree = sizeof(C::q) / sizeof(T) - 1;
    Vec<T> q = splat(C::q[degree]);
#pragma GCC unroll 16
    for (int i = degree - 1; i >= 0; --i) q = fma(q, r, splat(C::q[i]));
    // exp(r) - 1, with one rounding that counts: that of the sum.
    Vec<T> rest = head + fma(r * r, q, -tail);
    Vec<T> scale = splat(T(1));
    if constexpr (Small) {
        Vec<T> fewer = n < C::smallest_power ? splat(C::smallest_power) : n;
        scale = power_of_two<T>((n - fewer) + C::round);
        rounded = fewer + C::round;
    }
    Vec<T> power = power_of_two<T>(rounded);
    Vec<T> high = fma(power, rest, power);
    return {high, fma(power, rest, power - high), scale};
}

struct Linear {
    static constexpr Activation id = Activation::linear;
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        return x;
    }
};

// 1 where x > 0, else 0; NaN passes.
struct Step {
    static constexpr Activation id = Activation::step;
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        Vec<T> y = x > T(0) ? splat(T(1)) : splat(T(0));
        return x == x ? y : x;
    }
};

// With t = -|x| and e = exp(t): e/(1 + e) for x < 0, and 1 less that for the others. Nothing overflows,
// and small results keep their digits. e is the sum of a large and a small part, and the exact remainder
// mends the quotient, so that little more than its last rounding is left of the error.
struct Sigmoid {
    static constexpr Activation id = Activation::sigmoid;
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        const Vec<T> t = minus_absolute<T>(x);
        // All lanes as a rule: no result is near the subnormal numbers, and none is NaN.
        if (all_at_least(t, ExpConstants<T>::plain)) [[likely]]
            return quotient<T, false>(x, t);
        return x == x ? quotient<T, true>(x, t) : x;
    }

private:
    template <class T, bool Small>
    static CNNFS_INLINE Vec<T> quotient(Vec<T> x, Vec<T> t) {
        const Exp<T> e = exp_pair<T, Small>(t);
        const Vec<T> inverse = T(1) / (e.high + T(1)), first = e.high * inverse;
        // e - first (1 + e): the difference of the large parts is exact, and the small part counts
        // e.low - first e.low, which is e.low times the inverse.
        Vec<T> remainder = minus_product(first, e.high, e.high - first);
        remainder = fma(e.low, inverse, remainder);
        Vec<T> y = fma(remainder, inverse, first);
        if constexpr (Small) y *= e.scale;
        return x < T(0) ? y : T(1) - y;
    }
};

// x where x > 0, else +0 (also for -0); NaN passes.
struct Relu {
    static constexpr Activation id = Activation::relu;
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        return x <= T(0) ? splat(T(0)) : x;
    }
};

// Calls f.template operator()<A>() with the struct of the activation: the only switch over the enum.
template <class F>
CNNFS_INLINE void with_activation(Activation activation, F f) {
    switch (activation) {
        case Activation::linear: return f(Linear{});
        case Activation::step: return f(Step{});
        case Activation::sigmoid: return f(Sigmoid{});
        case Activation::relu: return f(Relu{});
    }
}

// y may be x.
template <class T>
void activate(Activation activation, Index n, const T* x, T* y) {
    with_activation(activation, [=](auto function) {
        Index i = 0;
        for (; i + lanes<T> <= n; i += lanes<T>)
            store(y + i, function.template apply<T>(load(x + i)));
        if (i < n) store_first(y + i, function.template apply<T>(load_first(x + i, n - i)), n - i);
    });
}

}  // namespace
}  // namespace cnnfs
