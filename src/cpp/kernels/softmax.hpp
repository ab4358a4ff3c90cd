// softmax of each row, and its gradient.
//
// Sums are taken in 64 bytes' worth of lanes, whatever the width of a vector, and the lanes are added in
// pairs: so a row has the same bits in every instruction set.
#pragma once

#include "kernels/exp.hpp"

namespace cnnfs {
namespace {

// Combines the lanes of a vector of N bytes: upper half with lower half, and so on.
template <class T, int N, class V, class F>
CNNFS_INLINE T fold(V v, F combine) {
    if constexpr (N == sizeof(T)) return v[0];
    else {
        typedef T Half __attribute__((vector_size(N / 2)));
        Half parts[2];
        __builtin_memcpy(parts, &v, N);
        return fold<T, N / 2>(combine(parts[0], parts[1]), combine);
    }
}

// The sum of a row's terms, given in vectors one after another: the vectors take turns, so that element i
// of the row belongs to the same lane whatever the width of a vector.
template <class T>
class RowSum {
public:
    CNNFS_INLINE void add(Vec<T> terms) {
        sums_[0] += terms;
        next();
    }

    // Of a row of n elements.
    CNNFS_INLINE T total(Index n) {
        for (Index count = (n + lanes<T> - 1) / lanes<T>; count % vectors; ++count) next();
        typedef T All __attribute__((vector_size(64)));
        All all;
        __builtin_memcpy(&all, sums_, 64);
        return fold<T, 64>(all, [](auto a, auto b) { return a + b; });
    }

private:
    CNNFS_INLINE void next() {
        const Vec<T> first = sums_[0];
#pragma GCC unroll 4
        for (int v = 1; v < vectors; ++v) sums_[v - 1] = sums_[v];
        sums_[vectors - 1] = first;
    }

    static constexpr int vectors = 64 / vector_bytes;
    Vec<T> sums_[vectors] = {};
};

template <class T>
CNNFS_INLINE T row_maximum(Index n, const T* z) {
    const auto larger = [](auto a, auto b) { return a > b ? a : b; };
    Vec<T> most = splat(-T(__builtin_inff()));
    Index i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) most = larger(load(z + i), most);
    if (i < n) most = larger(load_first(z + i, n - i, most), most);
    return fold<T, vector_bytes>(most, larger) + T(0);  // one zero for both
}

// exp(z - highest); the rounding error of the difference is made up for.
template <class T>
CNNFS_INLINE Vec<T> shifted_exp(Vec<T> z, Vec<T> highest) {
    const Vec<T> t = z - highest, back = t - z;
    const Vec<T> t_low = (z - (t - back)) - (highest + back);
    if (all_at_least(t, ExpConstants<T>::plain)) [[likely]]
        return exp_pair<T, false>(t, t_low).high;
    // An infinite difference has no rest.
    const Vec<T> rest = t >= ExpConstants<T>::lowest ? t_low : splat(T(0));
    const Exp<T> e = exp_pair<T, true>(t, rest);
    return e.high * e.scale;
}

template <class T>
void softmax(Index rows, Index columns, const T* z, Index z_stride, T* y, Index y_stride,
             T* highest, T* sum) {
    const Index end = columns / lanes<T> * lanes<T>, rest = columns - end;
    for (Index r = 0; r < rows; ++r, z += z_stride, y += y_stride) {
        const T most = row_maximum(columns, z);
        const Vec<T> mosts = splat(most);
        RowSum<T> sums;
        for (Index i = 0; i < end; i += lanes<T>) {
            const Vec<T> e = shifted_exp<T>(load(z + i), mosts);
            store(y + i, e);
            sums.add(e);
        }
        Vec<T> last{};
        if (rest > 0) {
            last = first_lanes<T>(shifted_exp<T>(load_first(z + end, rest, mosts), mosts), rest);
            sums.add(last);
        }
        const T total = sums.total(columns);
        if (highest) highest[r] = most;
        if (sum) sum[r] = total;
        if (total == total) [[likely]] {
            const Vec<T> totals = splat(total);
            for (Index i = 0; i < end; i += lanes<T>) store(y + i, load(y + i) / totals);
            if (rest > 0) store_first(y + end, last / totals, rest);
        } else {
            // NaN somewhere, or an infinite maximum: one NaN for the whole row, as in a dense pass.
            for (Index i = 0; i < columns; ++i) y[i] = T(__builtin_nanf(""));
        }
    }
}

template <class T>
void derive_softmax(Index rows, Index columns, const T* y, Index y_stride, T* d, Index d_stride) {
    const Index end = columns / lanes<T> * lanes<T>, rest = columns - end;
    for (Index r = 0; r < rows; ++r, y += y_stride, d += d_stride) {
        RowSum<T> sums;
        for (Index i = 0; i < end; i += lanes<T>) sums.add(load(y + i) * load(d + i));
        Vec<T> last_y{}, last_d{};
        if (rest > 0) {
            last_y = load_first(y + end, rest);
            last_d = load_first(d + end, rest);
            sums.add(last_y * last_d);
        }
        const Vec<T> total = splat(sums.total(columns));
        for (Index i = 0; i < end; i += lanes<T>) store(d + i, load(y + i) * (load(d + i) - total));
        if (rest > 0) store_first(d + end, last_y * (last_d - total), rest);
    }
}

}  // namespace
}  // namespace cnnfs
