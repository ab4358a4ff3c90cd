// The activation functions over a vector. One struct each, in the order of the enum.
//
// A lane's result depends on that lane alone and on no instruction set, so the same number gives
// the same bits anywhere.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/vec.hpp"

namespace cnnfs {
namespace {

// Written by fit_exp.py. exp(r) = 1 + r + r^2 q(r) on |r| <= ln(2)/2, relative error below 2^-32 and
// 2^-63; ln2_high times any exponent is exact. `lowest`: exp of it is 0 after rounding.
template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
    static constexpr float log2e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    static constexpr float q[] = {0x1p-1f,        0x1.555552p-3f, 0x1.5554e4p-5f,
                                  0x1.1115bap-7f, 0x1.6d516p-10f, 0x1.9a8bc8p-13f};
    static constexpr float lowest = -105;
    static constexpr float round =
        0x1.8p23f;  // adding it leaves the nearest integer in the last bits
    static constexpr int mantissa = 23, bias = 127;
    static constexpr float smallest_power = -100;  // 2^that is normal with room to spare
};
template <>
struct ExpConstants<double> {
    static constexpr double log2e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    static constexpr double q[] = {0x1p-1,
                                   0x1.555555555555cp-3,
                                   0x1.5555555555541p-5,
                                   0x1.111111110e9f7p-7,
                                   0x1.6c16c16c1faa8p-10,
                                   0x1.a01a01b447a28p-13,
                                   0x1.a01a0176eb64bp-16,
                                   0x1.71ddee67cff32p-19,
                                   0x1.27e540a74eab9p-22,
                                   0x1.af6e99953530dp-26,
                                   0x1.1ed9e2bbd76f1p-29};
    static constexpr double lowest = -746;
    static constexpr double round = 0x1.8p52;
    static constexpr int mantissa = 52, bias = 1023;
    static constexpr double smallest_power = -1000;
};

// 2^n for a whole n whose power is a normal number.
template <class T>
CNNFS_INLINE Vec<T> power_of_two(Vec<T> n) {
    using C = ExpConstants<T>;
    using Bit = typename Lanes<T>::Bit;
    Bits<T> whole = (Bits<T>)(n + C::round) - (Bits<T>)splat<T>(C::round);
    return (Vec<T>)((whole + Bit(C::bias)) << Bit(C::mantissa));
}

// exp(t) = 2^n (high + low), for t <= 0. The pair is right to some 2^-28 (2^-57) of its value.
template <class T>
struct Exp {
    Vec<T> n, high, low;
};
template <class T>
CNNFS_INLINE Exp<T> exp_pair(Vec<T> t) {
    using C = ExpConstants<T>;
    Vec<T> n = (t * C::log2e + C::round) - C::round;
    Vec<T> head = fma(n, splat(-C::ln2_high), t);  // exact
    Vec<T> r = fma(n, splat(-C::ln2_low), head);
    Vec<T> r_low = fma(n, splat(-C::ln2_low), head - r);
    constexpr int degree = sizeof(C::q) / sizeof(T) - 1;
    Vec<T> q = splat(C::q[degree]);
#pragma GCC unroll 16
    for (int i = degree - 1; i >= 0; --i) q = fma(q, r, splat(C::q[i]));
    Vec<T> rest = fma(r * r, q, r_low);
    Vec<T> sum = r + T(1);
    Vec<T> low = ((T(1) - sum) + r) + rest;
    Vec<T> high = sum + low;
    return {n, high, (sum - high) + low};
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

// 1 / (1 + exp(-x)) = exp(t)/(1 + exp(t)) for x < 0, 1/(1 + exp(t)) else, with t = -|x|: nothing
// overflows, and small results keep their digits. Numerator and denominator are sums of a large and
// a small part; the quotient's exact remainder mends it, so little more than the last rounding is
// left of the error.
struct Sigmoid {
    static constexpr Activation id = Activation::sigmoid;
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        using C = ExpConstants<T>;
        const Vec<T> one = splat(T(1)), zero = splat(T(0));
        Vec<T> t = x < T(0) ? x : -x;
        t = t < C::lowest ? splat(C::lowest) : t;
        Exp<T> e = exp_pair<T>(t);
        // The result of a negative x is scaled in two steps, so that the first is exact and only
        // the second one rounds where it is subnormal.
        Vec<T> n = e.n < C::smallest_power ? splat(C::smallest_power) : e.n;
        Vec<T> power = power_of_two<T>(n);
        Vec<T> e_high = e.high * power, e_low = e.low * power;
        Vec<T> bottom = e_high + T(1);
        Vec<T> bottom_low = ((T(1) - bottom) + e_high) + e_low;
        auto negative = x < T(0);
        Vec<T> top = negative ? e.high : one, top_low = negative ? e.low : zero;
        Vec<T> inverse = T(1) / bottom;
        Vec<T> quotient = top * inverse;
        Vec<T> remainder = fma(-quotient, bottom, top) + fma(-quotient, bottom_low, top_low);
        quotient = fma(remainder, inverse, quotient);
        Vec<T> small = (quotient * power) * power_of_two<T>(e.n - n);
        Vec<T> y = negative ? small : quotient;
        return x == x ? y : x;
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
