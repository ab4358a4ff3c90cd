// The activation functions over a vector. One struct each.
//
// A lane's result depends on that lane alone and on no instruction set, so the same number gives
// the same bits anywhere. NaN passes as it is.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/exp.hpp"
#include "kernels/gates.hpp"
#include "kernels/softplus.hpp"

namespace cnnfs {
namespace {

struct Linear {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        return x;
    }
};

// 1 where x > 0, else 0.
struct Step {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        Vec<T> y = x > T(0) ? splat(T(1)) : splat(T(0));
        return x == x ? y : x;
    }
};

// e/(1 + e) with e = exp(-|x|) for x < 0, and 1 less that for the others. Little more than the last
// rounding of the quotient is left of the error.
struct Sigmoid {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        const Vec<T> t = minus_absolute<T>(x);
        // All lanes as a rule: nothing is near the subnormal numbers, and nothing is NaN.
        if (all_at_least(t, ExpConstants<T>::plain)) [[likely]] {
            const Vec<T> y = logistic<T, false>(t).rounded();
            return x < T(0) ? y : T(1) - y;
        }
        return rare<T>(x, t);
    }

private:
    template <class T>
    [[gnu::noinline]] static Vec<T> rare(Vec<T> x, Vec<T> t) {
        const Quotient<T> q = logistic<T, true>(t);
        const Vec<T> y = q.rounded() * q.scale;
        return x == x ? (x < T(0) ? y : T(1) - y) : x;
    }
};

// x where x > 0, else +0 (also for -0).
struct Relu {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        return x <= T(0) ? splat(T(0)) : x;
    }
};

// Near 0 an odd polynomial, then 1 - 2 sigmoid(-2|x|). The sign is taken off and put back.
struct Tanh {
    // Written by fit.py. tanh(x) = x + x^3 p(x^2) for |x| < near, relative error below 2^-29 and 2^-60.
    // There 2 sigmoid(-2x) falls below 1/2, so that from then on its error hardly counts.
    static constexpr double near = 0.55;
    template <class T>
    struct Constants {
        static constexpr T p[] = {T(-0x1.55554ap-2), T(0x1.110dp-3), T(-0x1.b9235cp-5),
                                  T(0x1.5918e6p-6), T(-0x1.9a7bccp-8)};
    };

    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        using C = ExpConstants<T>;
        const Vec<T> minus = minus_absolute<T>(x), square = x * x;
        const Vec<T> low = fma(minus * square, polynomial(Constants<T>::p, square), minus);
        Vec<T> t = minus + minus;
        t = t < C::plain ? splat(C::plain) : t;
        const Vec<T> high = fma(logistic<T, false>(t).rounded(), splat(T(2)), splat(T(-1)));
        const Vec<T> y = minus > T(-near) ? low : high;  // of -|x|
        const Bits<T> sign = (Bits<T>)splat(T(-0.0));
        return x == x ? (Vec<T>)(((Bits<T>)y & ~sign) | ((Bits<T>)x & sign)) : x;
    }
};
template <>
struct Tanh::Constants<double> {
    static constexpr double p[] = {
        -0x1.555555555554fp-2,  0x1.111111111079bp-3,  -0x1.ba1ba1b97da3ap-5,  0x1.664f485980bb6p-6,
        -0x1.226e2f175799cp-7,  0x1.d6d29c1fb36cep-9,  -0x1.7d8fdb476cc39p-10, 0x1.3483f135adf4p-11,
        -0x1.e97289681d8dcp-13, 0x1.5d7c816893372p-14, -0x1.472592f201266p-16};
};

// x where x >= 0 (also -0), else x/100.
struct LeakyRelu {
    static constexpr double slope = 0.01;
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        return x < T(0) ? x * T(slope) : x;
    }
};

// x where x >= 0 (also -0), else exp(x) - 1. Of exp(x) = 2^n (1 + rest), 2^n - 1 is exact wherever it
// counts, which leaves one rounding after that of the rest.
struct Elu {
    template <class T>
    static CNNFS_INLINE Vec<T> apply(Vec<T> x) {
        using C = ExpConstants<T>;
        const ExpParts<T> e = exp_parts<T>(x < C::plain ? splat(C::plain) : x);
        const Vec<T> power = power_of_two<T>(e.rounded);
        return x < T(0) ? fma(power, e.rest, power - T(1)) : x;
    }
};

// Calls f with the struct of the activation: the only switch over the enum. softmax is done when its row
// is complete; until then it is linear.
template <class F>
CNNFS_INLINE void with_activation(Activation activation, F f) {
    switch (activation) {
        case Activation::linear:
        case Activation::softmax: return f(Linear{});
        case Activation::step: return f(Step{});
        case Activation::sigmoid: return f(Sigmoid{});
        case Activation::relu: return f(Relu{});
        case Activation::tanh: return f(Tanh{});
        case Activation::leaky_relu: return f(LeakyRelu{});
        case Activation::elu: return f(Elu{});
        case Activation::gelu: return f(Gelu{});
        case Activation::gelu_tanh: return f(GeluTanh{});
        case Activation::silu: return f(Silu{});
        case Activation::softplus: return f(Softplus{});
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
