// softplus and the logarithm in it.
#pragma once

#include "kernels/exp.hpp"

namespace cnnfs {
namespace {

// Written by fit.py. log(1 + f) = f + f^2 p(f) for -1/4 <= f <= 1/2, relative error below 2^-27 and
// 2^-56.
template <class T>
struct LogConstants;
template <>
struct LogConstants<float> {
    static constexpr float ln2 = 0x1.62e43p-1f, ln2_low = -0x1.05c61p-29f;
    static constexpr float p[] = {-0x1p-1f,       0x1.5555a8p-2f,  -0x1.000026p-2f,
                                  0x1.9967bap-3f, -0x1.54f68cp-3f, 0x1.28ad52p-3f,
                                  -0x1.0d684p-3f, 0x1.aa0f5p-4f,   -0x1.6c1ba6p-5f};
};
template <>
struct LogConstants<double> {
    static constexpr double ln2 = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;
    static constexpr double p[] = {-0x1p-1,
                                   0x1.55555555555e1p-2,
                                   -0x1.00000000006cep-2,
                                   0x1.9999999983d51p-3,
                                   -0x1.555555546170ep-3,
                                   0x1.2492492cd7bc6p-3,
                                   -0x1.000000657699fp-3,
                                   0x1.c71c6f8bf75c2p-4,
                                   -0x1.9999707110deep-4,
                                   0x1.745d0f2f7009bp-4,
                                   -0x1.5559a5c7d68a5p-4,
                                   0x1.3b1d41efef0f7p-4,
                                   -0x1.245c96c114156p-4,
                                   0x1.10210ef7aab4ep-4,
                                   -0x1.0052e38eeecd7p-4,
                                   0x1.f33f6d7c9ef2dp-5,
                                   -0x1.e73038671026ep-5,
                                   0x1.98c9cc76731ecp-5,
                                   -0x1.d2e27c0a3f0dep-6,
                                   0x1.faa95d0d6999dp-8};
};

// log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|). From e = 1/2 on, the logarithm is
// log(2) + log(1 + f) with f = (e - 1)/2. Large parts are added exactly, and their rests to the small
// parts, so that one rounding counts.
struct Softplus {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        const Vec<T> t = minus_absolute<T>(x);
        if (all_at_least(t, ExpConstants<T>::plain)) [[likely]]
            return sum<T, false>(x, t);
        return rare<T>(x, t);
    }

private:
    template <class T>
    [[gnu::noinline]] static Vec<T> rare(Vec<T> x, Vec<T> t) {
        // Beyond, x is too large for the logarithm to count; and NaN passes.
        return x < -ExpConstants<T>::plain ? sum<T, true>(x, t) : x;
    }

    template <class T, bool Small>
    static CNNFS_INLINE Vec<T> sum(Vec<T> x, Vec<T> t) {
        using C = LogConstants<T>;
        const Vec<T> zero = splat(T(0)), positive = x > T(0) ? x : zero;
        const Exp<T> e = exp_pair<T, Small>(t);
        const Bits<T> plain = e.high < T(0.5);
        const Vec<T> f = plain ? e.high : (e.high - T(1)) * T(0.5);
        const Vec<T> ln2 = plain ? zero : splat(C::ln2), ln2_low = plain ? zero : splat(C::ln2_low);
        // The first of two is the larger, or 0.
        const Vec<T> start = ln2 + positive, start_low = (ln2 - start) + positive;
        const Vec<T> base = start + f, base_low = (start - base) + f;
        // What the low part of e counts is e.low/(1 + e), nearly:
        const Vec<T> e_low = minus_product(e.high * T(0.5), e.low, e.low);
        const Vec<T> curve = fma(f * f, polynomial(C::p, f), base_low);
        const Vec<T> y = base + (curve + ((start_low + ln2_low) + e_low));
        if constexpr (Small) return x < T(0) ? y * e.scale : y;
        return y;
    }
};

}  // namespace
}  // namespace cnnfs
