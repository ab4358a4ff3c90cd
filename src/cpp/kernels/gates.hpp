// x P(x), where P rises from 0 to 1 and P(x) + P(-x) = 1: silu with the logistic function, gelu with the
// normal distribution's, and gelu_tanh, which is near it.
//
// q = P(-|x|) comes as a pair and keeps its digits where it is small, so the product has one rounding
// that counts.
#pragma once

#include "kernels/exp.hpp"
#include "kernels/normal.hpp"

namespace cnnfs {
namespace {

// P(-|x|), and -|x| itself, or where it is below all that gives more than 0, that.
template <class T>
struct Gate {
    Vec<T> minus;
    Quotient<T> q;
};

// max(x, 0) + minus q: large parts first, and their rounding error to the small ones.
template <class T>
CNNFS_INLINE Vec<T> gated(Vec<T> x, Vec<T> minus, Pair<T> q) {
    const Vec<T> base = x > T(0) ? x : splat(T(0)), sum = fma(minus, q.high, base);
    const Vec<T> rest = fma(minus, q.high, base - sum);  // exact
    return sum + fma(minus, q.low, rest);
}

// A::gate<T, Small>(minus) gives P of -|x|; without `Small`, -|x| must be at least A::plain<T>.
template <class A>
struct Gated {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        const Vec<T> minus = minus_absolute<T>(x);
        if (all_at_least(minus, A::template plain<T>)) [[likely]]
            return gated<T>(x, minus, A::template gate<T, false>(minus).q.pair());
        return rare<T>(x, minus);
    }

private:
    template <class T>
    [[gnu::noinline]] static Vec<T> rare(Vec<T> x, Vec<T> minus) {
        const Gate<T> g = A::template gate<T, true>(minus);
        const Pair<T> q = g.q.pair(), scaled = {q.high * g.q.scale, q.low * g.q.scale};
        const Vec<T> below = gated<T>(g.minus, g.minus, q) * g.q.scale;
        const Vec<T> above = gated<T>(x, g.minus, scaled);
        // Where x is large, P is 1; NaN passes.
        return x < T(0) ? below : x < -ExpConstants<T>::lowest ? above : x;
    }
};

struct Silu : Gated<Silu> {
    template <class T>
    static constexpr T plain = ExpConstants<T>::plain;

    template <class T, bool Small>
    static CNNFS_INLINE Gate<T> gate(Vec<T> minus) {
        using C = ExpConstants<T>;
        if constexpr (Small) minus = minus < C::lowest ? splat(C::lowest) : minus;
        return {minus, logistic<T, Small>(minus)};
    }
};

// P = Phi.
struct Gelu : Gated<Gelu> {
    template <class T>  // minus its square, halved, is C::plain or more
    static constexpr T plain = sizeof(T) == 4 ? -11 : -35;

    template <class T, bool Small>
    static CNNFS_INLINE Gate<T> gate(Vec<T> minus) {
        constexpr T lowest = -NormalConstants<T>::farthest;
        if constexpr (Small) minus = minus < lowest ? splat(lowest) : minus;
        return {minus, normal_tail<T, Small>(-minus)};
    }
};

// P(x) = sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)) = (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2.
struct GeluTanh : Gated<GeluTanh> {
    // 2 sqrt(2/pi) and that times 0.044715, by fit.py. a is so short that adding the square times b
    // leaves an exact rest.
    template <class T>
    struct Constants {
        static constexpr T a = T(0x1.98846p+0), a_low = T(-0x1.985794p-21);
        static constexpr T b = T(0x1.2444f2p-4), b_low = T(0x1.49b16ap-29);
        static constexpr T lowest = T(-10.8);
    };
    template <class T>
    static constexpr T plain = sizeof(T) == 4 ? T(-8.5) : T(-20);

    template <class T, bool Small>
    static CNNFS_INLINE Gate<T> gate(Vec<T> minus) {
        using C = Constants<T>;
        if constexpr (Small) minus = minus < C::lowest ? splat(C::lowest) : minus;
        const Vec<T> square = minus * minus, square_low = fma(minus, minus, -square);
        const Vec<T> a = splat(C::a), b = splat(C::b);
        const Vec<T> w = fma(square, b, a);
        const Vec<T> low = fma(square_low, b, fma(square, splat(C::b_low), splat(C::a_low)));
        const Vec<T> w_low = fma(square, b, a - w) + low;
        const Vec<T> t = minus * w, t_low = fma(minus, w, -t) + minus * w_low;
        return {minus, logistic<T, Small>(t, t_low)};
    }
};
template <>
struct GeluTanh::Constants<double> {
    static constexpr double a = 0x1.9884533d4364p+0, a_low = 0x1.08d0fcb3c500cp-48;
    static constexpr double b = 0x1.2444f2a4d8b4bp-4, b_low = -0x1.6c843a29d1c7p-61;
    static constexpr double lowest = -21.6;
};

}  // namespace
}  // namespace cnnfs
