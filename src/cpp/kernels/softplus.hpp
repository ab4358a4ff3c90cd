// softplus and the logarithm in it.
#pragma once

#include "kernels/exp.hpp"

namespace cnnfs {
namespace {

// Written by fit.py. log(1 + f) = f + f^2 p(f) for -0.29 <= f <= 0.42, relative error below 2^-29 and
// 2^-58.
template <class T>
struct LogConstants;
template <>
struct LogConstants<float> {
    static constexpr float ln2 = 0x1.62e43p-1f, ln2_low = -0x1.05c61p-29f;
    static constexpr float p[] = {-0x1p-1f,        0x1.555546p-2f, -0x1.000016p-2f, 0x1.99a53ap-3f,
                                  -0x1.55550cp-3f, 0x1.232a4cp-3f, -0x1.fd2cf4p-4f, 0x1.e8ad24p-4f,
                                  -0x1.d8245ep-4f, 0x1.08bd3p-4f};
};
template <>
struct LogConstants<double> {
    static constexpr double ln2 = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;
    static constexpr double p[] = {-0x1p-1,
                                   0x1.555555555556ap-2,
                                   -0x1.ffffffffffda4p-3,
                                   0x1.99999999955cfp-3,
                                   -0x1.555555557a432p-3,
                                   0x1.249249270d55fp-3,
                                   -0x1.ffffffe6da8f6p-4,
                                   0x1.c71c70529fe02p-4,
                                   -0x1.99999d63e42fep-4,
                                   0x1.745d55866e1f1p-4,
                                   -0x1.55551f8183054p-4,
                                   0x1.3b0d766d33d9fp-4,
                                   -0x1.248fa469a59b4p-4,
                                   0x1.11703046ff04ep-4,
                                   -0x1.008c0dc4dc0a3p-4,
                                   0x1.dba40eb8191ecp-5,
                                   -0x1.b7269d4958528p-5,
                                   0x1.c37b0a49dcbc9p-5,
                                   -0x1.fee57b332dc2fp-5,
                                   0x1.ba873774dc1e8p-5,
                                   -0x1.683ef1271f487p-6};
};

// log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|). From e = 0.42 on, the logarithm is
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
        const Exp<T> e = exp_pair<T, Small, true>(t);
        const Bits<T> plain = e.high < T(0.42);
        const Vec<T> less = e.high - T(1), less_low = (T(-1) - less) + e.high;
        const Vec<T> f = plain ? e.high : less * T(0.5);
        const Vec<T> ln2 = plain ? zero : splat(C::ln2), ln2_low = plain ? zero : splat(C::ln2_low);
        // The first of two is the larger, or 0.
        const Vec<T> start = ln2 + positive, start_low = (ln2 - start) + positive;
        const Vec<T> base = start + f, base_low = (start - base) + f;
        // What is missing of e in f counts as much divided by 1 + e, which is nearly 1 - e + e^2/2.
        const Vec<T> missing = plain ? e.low : e.low + less_low;
        const Vec<T> slope = fma(e.high, splat(T(0.5)), splat(T(-1)));
        const Vec<T> e_low = fma(e.high * missing, slope, missing);
        const Vec<T> small = (start_low + ln2_low) + (base_low + e_low);
        const Vec<T> y = base + fma(f * f, polynomial(C::p, f), small);
        if constexpr (Small) return x < T(0) ? y * e.scale : y;
        return y;
    }
};

}  // namespace
}  // namespace cnnfs
