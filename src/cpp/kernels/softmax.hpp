// softmax of each row, and its gradient.
//
// Sums are taken in 64 bytes' worth of lanes, whatever the width of a vector, and the lanes are added in
// pairs: so a row has the same bits in every instruction set.
#pragma once

#include "kernels/exp.hpp"

namespace cnnfs {
namespace {

template <class T>
constexpr Index line = 64 / Index(sizeof(T));

// Calls f(i, count) for each vector of a row of n elements.
template <class T, class F>
CNNFS_INLINE void each_vector(Index n, F f) {
    Index i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) f(i, lanes<T>);
    if (i < n) f(i, n - i);
}

template <class T>
CNNFS_INLINE Vec<T> load_some(const T* p, Index count, Vec<T> rest = Vec<T>{}) {
    return count == lanes<T> ? load(p) : load_first(p, count, rest);
}

template <class T>
CNNFS_INLINE void store_some(T* p, Vec<T> v, Index count) {
    if (count == lanes<T>) store(p, v);
    else store_first(p, v, count);
}

// The sum of a row's terms: element i of the row belongs to lane i % line.
template <class T>
class RowSum {
public:
    CNNFS_INLINE void add(Index i, Vec<T> terms) { sums_[i / lanes<T> % vectors] += terms; }

    CNNFS_INLINE T total() const {
        T all[line<T>];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) store(all + v * lanes<T>, sums_[v]);
#pragma GCC unroll 8
        for (Index width = line<T> / 2; width > 0; width /= 2)
#pragma GCC unroll 8
            for (Index i = 0; i < width; ++i) all[i] += all[i + width];
        return all[0];
    }

private:
    static constexpr int vectors = 64 / vector_bytes;
    Vec<T> sums_[vectors] = {};
};

template <class T>
CNNFS_INLINE T row_maximum(Index n, const T* z) {
    const Vec<T> least = splat(-T(__builtin_inff()));
    Vec<T> most = least;
    each_vector<T>(n, [&](Index i, Index count) {
        const Vec<T> v = load_some(z + i, count, least);
        most = v > most ? v : most;
    });
    T all[lanes<T>];
    store(all, most);
    T highest = all[0];
    for (Index k = 1; k < lanes<T>; ++k) highest = all[k] > highest ? all[k] : highest;
    return highest + T(0);  // one zero for both
}

// exp(z - highest); the rounding error of the difference is made up for.
template <class T>
CNNFS_INLINE Vec<T> shifted_exp(Vec<T> z, Vec<T> highest) {
    const Vec<T> t = z - highest, back = t - z;
    const Vec<T> t_low = (z - (t - back)) - (highest + back);
    if (all_at_least(t, ExpConstants<T>::plain)) [[likely]]
        return exp_pair<T, false, false>(t, t_low).high;
    // An infinite difference has no rest.
    const Vec<T> rest = t >= ExpConstants<T>::lowest ? t_low : splat(T(0));
    const Exp<T> e = exp_pair<T, true, false>(t, rest);
    return e.high * e.scale;
}

template <class T>
void softmax(Index rows, Index columns, const T* z, Index z_stride, T* y, Index y_stride,
             T* highest, T* sum) {
    for (Index r = 0; r < rows; ++r, z += z_stride, y += y_stride) {
        const T most = row_maximum(columns, z);
        const Vec<T> mosts = splat(most);
        RowSum<T> sums;
        each_vector<T>(columns, [&](Index i, Index count) {
            const Vec<T> e = shifted_exp<T>(load_some(z + i, count, mosts), mosts);
            store_some(y + i, e, count);
            sums.add(i, count == lanes<T> ? e : first_lanes<T>(e, count));
        });
        const T total = sums.total();
        // NaN anywhere, or an infinite maximum: one NaN for the whole row, as in a dense pass.
        const bool good = total == total;
        const Vec<T> totals = splat(total), nan = splat(T(__builtin_nanf("")));
        each_vector<T>(columns, [&](Index i, Index count) {
            store_some(y + i, good ? load_some(y + i, count) / totals : nan, count);
        });
        if (highest) highest[r] = most;
        if (sum) sum[r] = total;
    }
}

template <class T>
void derive_softmax(Index rows, Index columns, const T* y, Index y_stride, T* d, Index d_stride) {
    for (Index r = 0; r < rows; ++r, y += y_stride, d += d_stride) {
        RowSum<T> sums;
        each_vector<T>(columns, [&](Index i, Index count) {
            sums.add(i, load_some(y + i, count) * load_some(d + i, count));
        });
        const Vec<T> mean = splat(sums.total());
        each_vector<T>(columns, [&](Index i, Index count) {
            const Vec<T> v = load_some(y + i, count) * (load_some(d + i, count) - mean);
            store_some(d + i, v, count);
        });
    }
}

}  // namespace
}  // namespace cnnfs
