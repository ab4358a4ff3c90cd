// What the backward pass needs beside the forward kernels.
#pragma once

#include "kernels/gemm.hpp"
#include "kernels/kernels.hpp"

namespace cnnfs {
namespace {

// sums(i, v) = or += the products of input i and vector v of dz over `depth` rows: the tile of the
// forward pass with the rows of the batch as its depth. Each sum is one chain over the rows.
template <class T, int Inputs, int Width>
void outer_tile(Index depth, const T* x, Index x_stride, const T* dz, Index dz_stride, T* sums,
                bool first) {
    Vec<T> sum[Inputs][Width];
#pragma GCC unroll 12
    for (int i = 0; i < Inputs; ++i)
#pragma GCC unroll 2
        for (int v = 0; v < Width; ++v) sum[i][v] = splat(T(0));
    for (Index k = 0; k < depth; ++k, x += x_stride, dz += dz_stride) {
        Vec<T> slope[Width];
#pragma GCC unroll 2
        for (int v = 0; v < Width; ++v) slope[v] = load(dz + v * lanes<T>);
#pragma GCC unroll 12
        for (int i = 0; i < Inputs; ++i) {
            Vec<T> value = splat(x[i]);
#pragma GCC unroll 2
            for (int v = 0; v < Width; ++v) sum[i][v] = multiply_add<T>(value, slope[v], sum[i][v]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < Inputs; ++i)
#pragma GCC unroll 2
        for (int v = 0; v < Width; ++v) {
            T* total = sums + (i * Width + v) * lanes<T>;
            store(total, first ? sum[i][v] : load(total) + sum[i][v]);
        }
}

template <class T>
using OuterTile = void (*)(Index depth, const T* x, Index x_stride, const T* dz, Index dz_stride,
                           T* sums, bool first);

template <class T, int Width, int Inputs>
CNNFS_INLINE OuterTile<T> outer_tile_for(Index inputs) {
    if constexpr (Inputs == 1) return outer_tile<T, 1, Width>;
    else
        return inputs == Inputs ? outer_tile<T, Inputs, Width>
                                : outer_tile_for<T, Width, Inputs - 1>(inputs);
}

template <class T, int Width>
CNNFS_INLINE void weight_gradient_of(const GradientTask<T>& task) {
    const Index rows = task.x.rows, inputs = task.x.cols;
    // A block of rows of dz stays in the first-level cache while all inputs pass by.
    for (Index row = 0; row == 0 || row < rows; row += depth_block) {
        const Index depth = rows - row < depth_block ? rows - row : depth_block;
        for (Index i = 0; i < inputs;) {
            const Index left = inputs - i;
            const Index count = left <= tile_rows       ? left
                                : left >= 2 * tile_rows ? tile_rows
                                                        : (left + 1) / 2;
            outer_tile_for<T, Width, int(tile_rows)>(count)(
                depth, task.x.row(row) + i, task.x.stride, task.dz + row * task.dz_stride,
                task.dz_stride, task.gradient + i * Width * lanes<T>, row == 0);
            i += count;
        }
    }
}

// The gradient of some inputs' weights in one panel, in the order of packed weights.
template <class T>
void weight_gradient(const GradientTask<T>& task) {
    if (task.columns == panel<T>) weight_gradient_of<T, 2>(task);
    else weight_gradient_of<T, 1>(task);
}

// out[j] = the sum of map(a(i, j)) over the rows i: one chain for each block of rows, as everywhere.
// The columns are a whole number of vectors.
template <class T, class F>
CNNFS_INLINE void add_columns(F map, MatrixView<const T> a, T* out) {
    for (Index j = 0; j < a.cols; j += lanes<T>) {
        Vec<T> total = splat(T(0));
        for (Index row = 0; row < a.rows; row += depth_block) {
            const Index end = a.rows - row < depth_block ? a.rows : row + depth_block;
            Vec<T> sum = splat(T(0));
            for (Index i = row; i < end; ++i) sum += map(load(a.row(i) + j));
            total = row == 0 ? sum : total + sum;
        }
        store(out + j, total);
    }
}

template <class T>
void column_sums(ColumnSum of, MatrixView<const T> a, T* out) {
    switch (of) {
        case ColumnSum::values: return add_columns<T>([](Vec<T> v) { return v; }, a, out);
        case ColumnSum::squares: return add_columns<T>([](Vec<T> v) { return v * v; }, a, out);
        case ColumnSum::absolutes:
            return add_columns<T>([](Vec<T> v) { return v < T(0) ? -v : v; }, a, out);
    }
}

// Lane numbers 0, 1, ... as a type.
template <int... J>
struct LaneNumbers {};
template <int N, int... J>
struct CountLanes : CountLanes<N - 1, N - 1, J...> {};
template <int... J>
struct CountLanes<0, J...> {
    using Numbers = LaneNumbers<J...>;
};

// Of two rows that lie Step apart in a square: swaps the upper right of each 2 x 2 squares of Step lanes
// with the lower left.
template <class T, int Step, int... J>
CNNFS_INLINE void swap_corners(Vec<T>& a, Vec<T>& b, LaneNumbers<J...>) {
    constexpr int other = int(lanes<T>);
    const Vec<T> upper = __builtin_shufflevector(a, b, (J & Step ? other + J - Step : J)...);
    b = __builtin_shufflevector(a, b, (J & Step ? other + J : J + Step)...);
    a = upper;
}

template <class T, int Step>
CNNFS_INLINE void swap_all_corners(Vec<T>* rows) {
    if constexpr (Step < int(lanes<T>)) {
#pragma GCC unroll 16
        for (int i = 0; i < int(lanes<T>); ++i)
            if (!(i & Step))
                swap_corners<T, Step>(rows[i], rows[i + Step],
                                      typename CountLanes<int(lanes<T>)>::Numbers{});
        swap_all_corners<T, 2 * Step>(rows);
    }
}

// to(j, i) = from(i, j) for i < rows, j < columns, each at most lanes; 0 for rows <= i < lanes.
template <class T>
void transpose_square(const T* from, Index from_stride, Index rows, Index columns, T* to,
                      Index to_stride) {
    Vec<T> square[lanes<T>];
#pragma GCC unroll 16
    for (int i = 0; i < int(lanes<T>); ++i)
        square[i] = i < rows ? load(from + i * from_stride) : splat(T(0));
    swap_all_corners<T, 1>(square);
#pragma GCC unroll 16
    for (int j = 0; j < int(lanes<T>); ++j)
        if (j < columns) store(to + j * to_stride, square[j]);
}

// The weights of inputs [first, first + count) of a packed layer, in panels of their own: for each output
// the weights of its inputs side by side. So the same kernel multiplies by the transpose.
template <class T>
void pack_transposed(const T* packed, Index n_inputs, Index n_outputs, Index first, Index count,
                     T* transposed) {
    const Index padded = (n_outputs + lanes<T> - 1) / lanes<T> * lanes<T>;
    for (; count > 0; first += panel<T>, count -= panel<T>) {
        const Index width = count > lanes<T> ? panel<T> : lanes<T>;
        for (Index o = 0; o < n_outputs; o += lanes<T>) {
            // The panel that output o is in, and its width.
            const Index begin = o / panel<T> * panel<T>;
            const Index from = padded - begin < panel<T> ? padded - begin : panel<T>;
            const T* source = packed + begin * n_inputs + first * from + (o - begin);
            for (Index i = 0; i < width; i += lanes<T>) {
                const Index left = count - i < lanes<T> ? count - i : lanes<T>;
                transpose_square(source + i * from, from, left, n_outputs - o,
                                 transposed + o * width + i, width);
            }
        }
        transposed += n_outputs * width;
    }
}

// gradient += l1 sign(p) + twice_l2 p; n is a whole number of vectors.
template <class T>
void add_penalty(Index n, const T* p, T l1, T twice_l2, T* gradient) {
    for (Index i = 0; i < n; i += lanes<T>) {
        const Vec<T> v = load(p + i);
        const Vec<T> sign = v > T(0) ? splat(T(1)) : v < T(0) ? splat(T(-1)) : splat(T(0));
        store(gradient + i, load(gradient + i) + (l1 * sign + twice_l2 * v));
    }
}

// gradient = the gradient times factor, then within +-bound; NaN passes.
template <class T>
void clip(Index n, T factor, T bound, T* gradient) {
    for (Index i = 0; i < n; i += lanes<T>) {
        Vec<T> g = load(gradient + i) * factor;
        g = g > bound ? splat(bound) : g;
        store(gradient + i, g < -bound ? splat(-bound) : g);
    }
}

// y[i] = x[i] factor[i]; y may be x.
template <class T>
void multiply(Index n, const T* factor, const T* x, T* y) {
    Index i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) store(y + i, load(x + i) * load(factor + i));
    if (i < n) store_first(y + i, load_first(x + i, n - i) * load_first(factor + i, n - i), n - i);
}

}  // namespace
}  // namespace cnnfs
