// The vector type: one register of float or double, on the GCC/Clang vector extension.
//
// Only isa.cpp includes this file, once for each instruction set. Operators (+ - * / < & ?:) come
// with the extension; what stands here is what it lacks. Everything is internal to the object
// file: an inline function with external linkage, compiled for AVX-512, could be the one copy that
// the linker keeps for everybody.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "core/matrix.hpp"

#define CNNFS_INLINE __attribute__((always_inline)) inline

namespace cnnfs {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr Index tile_rows = 12;  // 24 sums + 2 weights + 1 broadcast of 32 registers
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr Index tile_rows = 6;  // 12 sums + 2 weights + 1 broadcast of 16 registers
#elif defined(__aarch64__)
constexpr int vector_bytes = 16;
constexpr Index tile_rows = 12;
#else
constexpr int vector_bytes = 16;
constexpr Index tile_rows = 4;  // 8 sums + 2 weights + 1 broadcast + products of 16 registers
#endif

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
    typedef float Vec __attribute__((vector_size(vector_bytes)));
    typedef int Bits __attribute__((vector_size(vector_bytes)));
    using Bit = int;
};
template <>
struct Lanes<double> {
    typedef double Vec __attribute__((vector_size(vector_bytes)));
    typedef long long Bits __attribute__((vector_size(vector_bytes)));
    using Bit = long long;
};
template <class T>
using Vec = typename Lanes<T>::Vec;
template <class T>
using Bits = typename Lanes<T>::Bits;

template <class T>
constexpr Index lanes = vector_bytes / Index(sizeof(T));

// x - 0 is x for every x, so the compiler leaves a plain broadcast. (x + 0 is not, for -0.)
template <class T>
CNNFS_INLINE Vec<T> splat(T value) {
    return value - Vec<T>{};
}

template <class T>
CNNFS_INLINE Vec<T> load(const T* p) {
    Vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

template <class T>
CNNFS_INLINE void store(T* p, Vec<T> v) {
    __builtin_memcpy(p, &v, sizeof v);
}

// All bits of the first n lanes.
template <class T>
CNNFS_INLINE Bits<T> first_bits(Index n) {
    using Bit = typename Lanes<T>::Bit;
    Bits<T> number;
    for (int i = 0; i < int(lanes<T>); ++i) number[i] = i;
    return number < Bit(n);
}

// v with 0 in all lanes but the first n.
template <class T>
CNNFS_INLINE Vec<T> first_lanes(Vec<T> v, Index n) {
    return (Vec<T>)((Bits<T>)v & first_bits<T>(n));
}

// The first n < lanes elements only; the other lanes are those of `rest`, and their memory is not
// touched.
template <class T>
CNNFS_INLINE Vec<T> load_first(const T* p, Index n, Vec<T> rest = Vec<T>{}) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_mask_loadu_ps((__m512)rest, __mmask16((1u << n) - 1), p);
    else return (Vec<T>)_mm512_mask_loadu_pd((__m512d)rest, __mmask8((1u << n) - 1), p);
#elif defined(__AVX2__)
    const Bits<T> mask = first_bits<T>(n);
    if constexpr (sizeof(T) == 4) return mask ? (Vec<T>)_mm256_maskload_ps(p, (__m256i)mask) : rest;
    else return mask ? (Vec<T>)_mm256_maskload_pd(p, (__m256i)mask) : rest;
#else
    T part[lanes<T>];
    store(part, rest);
    for (Index i = 0; i < n; ++i) part[i] = p[i];
    return load(part);
#endif
}

template <class T>
CNNFS_INLINE void store_first(T* p, Vec<T> v, Index n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
    else _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)v);
#elif defined(__AVX2__)
    const __m256i mask = (__m256i)first_bits<T>(n);
    if constexpr (sizeof(T) == 4) _mm256_maskstore_ps(p, mask, (__m256)v);
    else _mm256_maskstore_pd(p, mask, (__m256d)v);
#else
    T part[lanes<T>];
    store(part, v);
    for (Index i = 0; i < n; ++i) p[i] = part[i];
#endif
}

#if defined(__AVX512F__)
CNNFS_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
    return (Vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
CNNFS_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
    return (Vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#elif defined(__FMA__)
CNNFS_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
    return (Vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
CNNFS_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
    return (Vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__aarch64__)
CNNFS_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
    return (Vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
CNNFS_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
    return (Vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
// Without the instruction the correctly rounded function of the C library: slow, but the
// activations, which rest on exact remainders, keep their bits on every machine.
[[gnu::noinline]] Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
    for (int i = 0; i < int(lanes<float>); ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
[[gnu::noinline]] Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
    for (int i = 0; i < int(lanes<double>); ++i) c[i] = __builtin_fma(a[i], b[i], c[i]);
    return c;
}
#endif

// c - a b with one rounding. The compiler makes one instruction of it.
template <class V>
CNNFS_INLINE V minus_product(V a, V b, V c) {
    return fma(-a, b, c);
}

template <class T>
CNNFS_INLINE Vec<T> minus_absolute(Vec<T> x) {
    return (Vec<T>)((Bits<T>)x | (Bits<T>)splat(T(-0.0)));
}

// Whether every lane of v is at least the bound; NaN is not.
CNNFS_INLINE bool all_at_least(Vec<float> v, float bound) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)v, _mm512_set1_ps(bound), _CMP_GE_OQ) == 0xffff;
#elif defined(__AVX2__)
    return _mm256_movemask_ps((__m256)(v >= bound)) == 0xff;
#elif defined(__x86_64__)
    return _mm_movemask_ps((__m128)(v >= bound)) == 0xf;
#else
    bool all = true;
    for (int i = 0; i < int(lanes<float>); ++i) all = all && v[i] >= bound;
    return all;
#endif
}
CNNFS_INLINE bool all_at_least(Vec<double> v, double bound) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)v, _mm512_set1_pd(bound), _CMP_GE_OQ) == 0xff;
#elif defined(__AVX2__)
    return _mm256_movemask_pd((__m256d)(v >= bound)) == 0xf;
#elif defined(__x86_64__)
    return _mm_movemask_pd((__m128d)(v >= bound)) == 0x3;
#else
    bool all = true;
    for (int i = 0; i < int(lanes<double>); ++i) all = all && v[i] >= bound;
    return all;
#endif
}

// One step of a dot product: fused where the instruction exists, else two roundings.
template <class T>
CNNFS_INLINE Vec<T> multiply_add(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__FMA__) || defined(__aarch64__)
    return fma(a, b, c);
#else
    return a * b + c;
#endif
}

}  // namespace
}  // namespace cnnfs
