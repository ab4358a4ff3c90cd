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

// P(-|x|) = q times scale, and -|x| itself, or where it is below all that gives more than 0, that.
template <class T>
struct Gate {
    Vec<T> minus;
    Pair<T> q;
    Vec<T> scale;
};

template <class T, bool Small>
CNNFS_INLINE Vec<T> gated(Vec<T> x, Gate<T> g) {
    const Vec<T> negative = fma(g.minus, g.q.high, g.minus * g.q.low);
    if constexpr (Small) g.q = {g.q.high * g.scale, g.q.low * g.scale};
    const Vec<T> high = T(1) - g.q.high, low = ((T(1) - high) - g.q.high) - g.q.low;
    const Vec<T> positive = fma(x, high, x * low);
    if constexpr (Small) return x < T(0) ? negative * g.scale : positive;
    return x < T(0) ? negative : positive;
}

// A::gate<T, Small>(minus) gives P of -|x|; without `Small`, -|x| must be at least A::roomy<T>.
template <class A>
struct Gated {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        const Vec<T> minus = minus_absolute<T>(x);
        if (all_at_least(minus, A::template roomy<T>)) [[likely]]
            return gated<T, false>(x, A::template gate<T, false>(minus));
        return rare<T>(x, minus);
    }

private:
    template <class T>
    [[gnu::noinline]] static Vec<T> rare(Vec<T> x, Vec<T> minus) {
        const Vec<T> y = gated<T, true>(x, A::template gate<T, true>(minus));
        // P is 1 long before; NaN passes.
        return x < -ExpConstants<T>::lowest ? y : x;
    }
};

struct Silu : Gated<Silu> {
    template <class T>
    static constexpr T roomy = ExpConstants<T>::roomy;

    template <class T, bool Small>
    static CNNFS_INLINE Gate<T> gate(Vec<T> minus) {
        using C = ExpConstants<T>;
        if constexpr (Small) minus = minus < C::lowest ? splat(C::lowest) : minus;
        const Logistic<T> q = logistic<T, Small>(minus);
        return {minus, q.pair(), q.scale};
    }
};

// P = Phi.
struct Gelu : Gated<Gelu> {
    template <class T>  // minus its square, halved, is C::roomy or more
    static constexpr T roomy = sizeof(T) == 4 ? -11 : -35;

    template <class T, bool Small>
    static CNNFS_INLINE Gate<T> gate(Vec<T> minus) {
        constexpr T lowest = -NormalConstants<T>::farthest;
        if constexpr (Small) minus = minus < lowest ? splat(lowest) : minus;
        const Tail<T> q = normal_tail<T, Small>(-minus);
        return {minus, q.pair, q.scale};
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
    static constexpr T roomy = sizeof(T) == 4 ? T(-8.5) : T(-20);

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
        const Logistic<T> q = logistic<T, Small>(t, t_low);
        return {minus, q.pair(), q.scale};
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
