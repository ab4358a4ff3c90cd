// The derivatives of the elementwise activations, from the output y or, where needs_input() says so, from
// the input z. Errors are some ulp of 1: a gradient needs no more.
#pragma once

#include "kernels/activations.hpp"

namespace cnnfs {
namespace {

template <class T>
CNNFS_INLINE Vec<T> at_least(Vec<T> x, T bound) {
    return x < bound ? splat(bound) : x;
}

// sigmoid(z), by quotients that neither overflow nor lose the small results.
template <class T>
CNNFS_INLINE Vec<T> plain_sigmoid(Vec<T> z) {
    const Vec<T> t = at_least<T>(minus_absolute<T>(z), ExpConstants<T>::plain);
    const Vec<T> q = logistic<T, false>(t).first;
    return z < T(0) ? q : T(1) - q;
}

template <class T>
CNNFS_INLINE Vec<T> derivative(Linear, Vec<T>) {
    return splat(T(1));
}

// It jumps: nothing can be learnt through it, and the border refuses it.
template <class T>
CNNFS_INLINE Vec<T> derivative(Step, Vec<T>) {
    return splat(T(0));
}

template <class T>
CNNFS_INLINE Vec<T> derivative(Sigmoid, Vec<T> y) {
    return y * (T(1) - y);
}

template <class T>
CNNFS_INLINE Vec<T> derivative(Relu, Vec<T> y) {
    return y <= T(0) ? splat(T(0)) : splat(T(1));
}

template <class T>
CNNFS_INLINE Vec<T> derivative(Tanh, Vec<T> y) {
    return minus_product(y, y, splat(T(1)));
}

template <class T>
CNNFS_INLINE Vec<T> derivative(LeakyRelu, Vec<T> y) {
    return y <= T(0) ? splat(T(LeakyRelu::slope)) : splat(T(1));
}

template <class T>
CNNFS_INLINE Vec<T> derivative(Elu, Vec<T> y) {
    return y <= T(0) ? y + T(1) : splat(T(1));
}

// Phi(z) + z phi(z)
template <class T>
CNNFS_INLINE Vec<T> derivative(Gelu, Vec<T> z) {
    const Vec<T> minus = at_least<T>(minus_absolute<T>(z), Gelu::plain<T>);
    const Vec<T> e = exp_pair<T, false>(minus * minus * T(-0.5)).high;
    const NormalFactor<T> f = normal_factor<T>(-minus);
    const Vec<T> q = e * f.m.high * f.inverse;
    const Vec<T> negative = fma(minus * T(0x1.9884533d43651p-2), e, q);
    return z < T(0) ? negative : T(1) - negative;
}

// s + z s (1 - s) v' with s = sigmoid(v), v = a z + b z^3
template <class T>
CNNFS_INLINE Vec<T> derivative(GeluTanh, Vec<T> z) {
    using C = GeluTanh::Constants<T>;
    const Vec<T> minus = at_least<T>(minus_absolute<T>(z), C::lowest), square = minus * minus;
    const Vec<T> s = plain_sigmoid<T>(minus * fma(square, splat(C::b), splat(C::a)));
    const Vec<T> slope = minus * fma(square, splat(3 * C::b), splat(C::a));
    const Vec<T> negative = fma(slope, s * (T(1) - s), s);
    return z < T(0) ? negative : T(1) - negative;
}

// s + z s (1 - s) with s = sigmoid(z)
template <class T>
CNNFS_INLINE Vec<T> derivative(Silu, Vec<T> z) {
    const Vec<T> minus = at_least<T>(minus_absolute<T>(z), ExpConstants<T>::plain);
    const Vec<T> s = plain_sigmoid<T>(minus), negative = fma(minus, s * (T(1) - s), s);
    return z < T(0) ? negative : T(1) - negative;
}

template <class T>
CNNFS_INLINE Vec<T> derivative(Softplus, Vec<T> z) {
    return plain_sigmoid<T>(z);
}

// d *= the derivative
template <class T>
void derive(Activation activation, Index n, const T* input, const T* y, T* d) {
    const T* from = needs_input(activation) ? input : y;
    with_activation(activation, [=](auto function) {
        Index i = 0;
        for (; i + lanes<T> <= n; i += lanes<T>)
            store(d + i, load(d + i) * derivative<T>(function, load(from + i)));
        if (i < n)
            store_first(
                d + i,
                load_first(d + i, n - i) * derivative<T>(function, load_first(from + i, n - i)),
                n - i);
    });
}

}  // namespace
}  // namespace cnnfs
