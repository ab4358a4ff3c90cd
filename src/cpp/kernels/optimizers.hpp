// The optimizers over a vector, as PyTorch defines them. One struct each, in the order of the enum.
//
// Only operations that round the same everywhere, and no fused ones: the updated parameters have the
// same bits in every instruction set.
#pragma once

#include "kernels/optimizer.hpp"
#include "kernels/vec.hpp"

namespace cnnfs {
namespace {

CNNFS_INLINE Vec<float> square_root(Vec<float> v) {
#if defined(__AVX512F__)
    // The form without a mask makes GCC 12 warn of its own header.
    return (Vec<float>)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)v);
#elif defined(__AVX2__)
    return (Vec<float>)_mm256_sqrt_ps((__m256)v);
#elif defined(__x86_64__)
    return (Vec<float>)_mm_sqrt_ps((__m128)v);
#elif defined(__aarch64__)
    return (Vec<float>)vsqrtq_f32((float32x4_t)v);
#else
    for (int i = 0; i < int(lanes<float>); ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}
CNNFS_INLINE Vec<double> square_root(Vec<double> v) {
#if defined(__AVX512F__)
    return (Vec<double>)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)v);
#elif defined(__AVX2__)
    return (Vec<double>)_mm256_sqrt_pd((__m256d)v);
#elif defined(__x86_64__)
    return (Vec<double>)_mm_sqrt_pd((__m128d)v);
#elif defined(__aarch64__)
    return (Vec<double>)vsqrtq_f64((float64x2_t)v);
#else
    for (int i = 0; i < int(lanes<double>); ++i) v[i] = __builtin_sqrt(v[i]);
    return v;
#endif
}

// Without a moment: torch.optim.SGD.
struct PlainSgd {
    static constexpr int moments = 0;
    template <class T>
    static CNNFS_INLINE void apply(const UpdateRule<T>& c, Vec<T>& w, Vec<T> g, Vec<T>&, Vec<T>&) {
        w -= c.rate * g;
    }
};

// torch.optim.SGD with momentum, no dampening.
struct MomentumSgd {
    static constexpr int moments = 1;
    template <class T>
    static CNNFS_INLINE void apply(const UpdateRule<T>& c, Vec<T>& w, Vec<T> g, Vec<T>& m,
                                   Vec<T>&) {
        m = c.momentum * m + g;
        w -= c.rate * (c.nesterov ? g + c.momentum * m : m);
    }
};

// torch.optim.Adagrad.
struct Adagrad {
    static constexpr int moments = 1;
    template <class T>
    static CNNFS_INLINE void apply(const UpdateRule<T>& c, Vec<T>& w, Vec<T> g, Vec<T>& sum,
                                   Vec<T>&) {
        sum += g * g;
        w -= c.rate * g / (square_root(sum) + c.epsilon);
    }
};

// torch.optim.RMSprop.
struct RmsProp {
    static constexpr int moments = 1;
    template <class T>
    static CNNFS_INLINE void apply(const UpdateRule<T>& c, Vec<T>& w, Vec<T> g, Vec<T>& v,
                                   Vec<T>&) {
        v = c.decay * v + (T(1) - c.decay) * (g * g);
        w -= c.rate * g / (square_root(v) + c.epsilon);
    }
};

// torch.optim.Adam, and with `shrink` torch.optim.AdamW.
template <bool Shrinks>
struct AdamOf {
    static constexpr int moments = 2;
    template <class T>
    static CNNFS_INLINE void apply(const UpdateRule<T>& c, Vec<T>& w, Vec<T> g, Vec<T>& m,
                                   Vec<T>& v) {
        if constexpr (Shrinks) w *= c.shrink;
        m += (T(1) - c.momentum) * (g - m);
        v = c.decay * v + (T(1) - c.decay) * (g * g);
        w -= c.rate * m / (square_root(v) * c.correction + c.epsilon);
    }
};

// Moments too small for a normal number become 0. Those of a neuron that is never active fade away, and
// would stay subnormal for ever: numbers on which processors are slow, and which change nothing.
template <class T>
CNNFS_INLINE Vec<T> normal_or_zero(Vec<T> m) {
    using Bit = typename Lanes<T>::Bit;
    constexpr Bit exponent = sizeof(T) == 4 ? Bit(0x7f800000) : Bit(0x7ff0000000000000);
    return ((Bits<T>)m & exponent) != 0 ? m : Vec<T>{};
}

// Parameters that would not be finite stay what they are; false if there were any.
template <class T, class F>
CNNFS_INLINE bool update_all(F, UpdateTask<T> task) {
    Bits<T> finite = ~Bits<T>{};
    for (Index i = 0; i < task.n; i += lanes<T>) {
        const Vec<T> before = load(task.parameters + i);
        Vec<T> w = before, first{}, second{};
        if constexpr (F::moments > 0) first = load(task.first + i);
        if constexpr (F::moments > 1) second = load(task.second + i);
        F::template apply<T>(task.rule, w, load(task.gradient + i), first, second);
        const Bits<T> good = w - w == T(0);
        finite &= good;
        store(task.parameters + i, good ? w : before);
        if constexpr (F::moments > 0) store(task.first + i, normal_or_zero<T>(first));
        if constexpr (F::moments > 1) store(task.second + i, normal_or_zero<T>(second));
    }
    bool all = true;
    for (int i = 0; i < int(lanes<T>); ++i) all = all && finite[i] != 0;
    return all;
}

template <class T>
bool update(const UpdateTask<T>& task) {
    switch (task.rule.optimizer) {
        case Optimizer::sgd:
            return task.first ? update_all(MomentumSgd{}, task) : update_all(PlainSgd{}, task);
        case Optimizer::adagrad: return update_all(Adagrad{}, task);
        case Optimizer::rmsprop: return update_all(RmsProp{}, task);
        case Optimizer::adam: return update_all(AdamOf<false>{}, task);
        case Optimizer::adamw: return update_all(AdamOf<true>{}, task);
    }
    return true;
}

}  // namespace
}  // namespace cnnfs
