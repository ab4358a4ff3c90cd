// The micro-kernel: a tile of rows times one or more panels of packed weights, and the loops around.
#pragma once

#include "kernels/activations.hpp"
#include "kernels/kernels.hpp"

namespace cnnfs {
namespace {

template <class T>
constexpr Index panel = 2 * lanes<T>;

// Tiles that take their turn with one block of a panel: the block (16 KiB) stays in the first-level
// cache meanwhile, and so do the sums of this many tiles.
constexpr Index tiles_in_turn = 10;

// One block of depth: sums(row, p, v) = or += the products of a row with vector v of panel p, for
// `Rows` rows and `Panels` panels side by side of `Width` vectors each. Each sum is one chain over the
// block, and blocks are added in ascending order, whichever the tile's shape: so all shapes give the
// same bits.
template <class T, int Rows, int Panels, int Width>
void tile(Index depth, const T* x, Index x_stride, const T* packed, Index panel_stride, T* sums,
          bool first) {
    constexpr int vectors = Panels * Width;
    Vec<T> sum[Rows][vectors];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sum[r][v] = splat(T(0));
    for (Index k = 0; k < depth; ++k, packed += Width * lanes<T>) {
        // The block that comes next, from wherever it is. A single row only waits for memory anyway.
        if constexpr (Rows >= 4)
            for (int v = 0; v < Width; ++v)
                __builtin_prefetch(packed + depth_block * Width * lanes<T> + v * lanes<T>);
        Vec<T> weight[vectors];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v)
            weight[v] = load(packed + v / Width * panel_stride + v % Width * lanes<T>);
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
            Vec<T> value = splat(x[r * x_stride + k]);
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v)
                sum[r][v] = multiply_add<T>(value, weight[v], sum[r][v]);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) {
            T* total = sums + (r * vectors + v) * lanes<T>;
            store(total, first ? sum[r][v] : load(total) + sum[r][v]);
        }
}

template <class T>
using Tile = void (*)(Index depth, const T* x, Index x_stride, const T* packed, Index panel_stride,
                      T* sums, bool first);

// The tile for 1..Rows rows.
template <class T, int Panels, int Width, int Rows>
CNNFS_INLINE Tile<T> tile_for(Index rows) {
    if constexpr (Rows == 1) return tile<T, 1, Panels, Width>;
    else
        return rows == Rows ? tile<T, Rows, Panels, Width>
                            : tile_for<T, Panels, Width, Rows - 1>(rows);
}

// A NaN result is always the positive quiet NaN: which operand's bits survive an operation differs
// between processors and between the ways a compiler may order the operands.
template <class T>
CNNFS_INLINE Vec<T> one_nan(Vec<T> z) {
    return z == z ? z : splat(T(__builtin_nan("")));
}

// y = activation(sums + bias) for some rows of `columns` columns.
template <class T, class F>
void finish(Index rows, Index columns, const T* sums, Index sums_stride, const T* bias, T* y,
            Index y_stride) {
    for (Index r = 0; r < rows; ++r, sums += sums_stride, y += y_stride) {
        Index j = 0;
        for (; j + lanes<T> <= columns; j += lanes<T>)
            store(y + j, F::template apply<T>(one_nan<T>(load(sums + j) + load(bias + j))));
        if (j < columns)
            store_first(y + j, F::template apply<T>(one_nan<T>(load(sums + j) + load(bias + j))),
                        columns - j);
    }
}

template <class T>
using Finish = void (*)(Index rows, Index columns, const T* sums, Index sums_stride, const T* bias,
                        T* y, Index y_stride);

template <class T>
Finish<T> finish_of(Activation activation) {
    Finish<T> found = nullptr;
    with_activation(activation, [&]<class F>(F) { found = finish<T, F>; });
    return found;
}

// Spreads the fetching of what comes next over the tiles of a task: the second-level cache then has the
// next rows when they are needed, and no tile waits for memory.
class Ahead {
public:
    template <class T>
    Ahead(const DenseTask<T>& task)
        : at_(reinterpret_cast<const char*>(task.ahead)),
          end_(reinterpret_cast<const char*>(task.ahead_end)) {
        const Index tiles = (task.x.rows / tile_rows + 1) * (task.x.cols / depth_block + 1) *
                            (task.y.cols / panel<T> + 1);
        step_ = ((end_ - at_) / tiles / 64 + 1) * 64;
    }

    void fetch_some() {
        const char* until = end_ - at_ < step_ ? end_ : at_ + step_;
        for (; at_ < until; at_ += 64) __builtin_prefetch(at_, 0, 2);
    }

private:
    const char* at_;
    const char* end_;
    Index step_;
};

// All rows of the task times the panels that start at column `first`.
template <class T, int Panels, int Width, int MostRows>
CNNFS_INLINE void strip(Finish<T> finish, const DenseTask<T>& task, Index first, Ahead& ahead) {
    constexpr Index width = Panels * Width * lanes<T>;
    constexpr Index row_of_weights = Width * lanes<T>;
    alignas(64) T sums[tiles_in_turn * MostRows * width];
    const Index depth = task.x.cols, rows = MostRows == 1 ? 1 : task.x.rows;
    const Index columns = task.y.cols - first < width ? task.y.cols - first : width;
    const T* packed = task.packed + first * depth;

    constexpr Index most = tiles_in_turn * MostRows;
    for (Index row = 0; row < rows;) {
        const Index rest = rows - row;
        // What would leave less than a tile for the next turn leaves a whole one.
        const Index turn = rest <= most ? rest : rest >= most + MostRows ? most : most - MostRows;
        for (Index k = 0; k == 0 || k < depth; k += depth_block) {
            const Index block = depth - k < depth_block ? depth - k : depth_block;
            for (Index r = 0; r < turn;) {
                // The last two tiles share their rows evenly: a tile of few rows is a slow one.
                const Index left = turn - r;
                const Index count = left <= MostRows       ? left
                                    : left >= 2 * MostRows ? MostRows
                                                           : (left + 1) / 2;
                tile_for<T, Panels, Width, MostRows>(count)(
                    block, task.x.row(row + r) + k, task.x.stride, packed + k * row_of_weights,
                    depth * row_of_weights, sums + r * width, k == 0);
                if constexpr (MostRows == tile_rows) ahead.fetch_some();
                r += count;
            }
        }
        finish(turn, columns, sums, width, task.bias + first, task.y.row(row) + first,
               task.y.stride);
        row += turn;
    }
}

// All panels. `Together`: at most so many side by side, for few rows alone have too few chains of
// additions to keep the pipelines full.
template <class T, int MostRows, int Together>
CNNFS_INLINE void sweep(const DenseTask<T>& task) {
    // A remainder wider than one vector fills a panel of its own, another one half a panel.
    Index panels = (task.y.cols + lanes<T> - 1) / panel<T>;
    Index first = 0;
    Ahead ahead(task);
    const Finish<T> finish = finish_of<T>(task.activation);
    if constexpr (Together >= 4)
        for (; panels >= 4; panels -= 4, first += 4 * panel<T>)
            strip<T, 4, 2, MostRows>(finish, task, first, ahead);
    if constexpr (Together >= 2)
        for (; panels >= 2; panels -= 2, first += 2 * panel<T>)
            strip<T, 2, 2, MostRows>(finish, task, first, ahead);
    for (; panels > 0; --panels, first += panel<T>)
        strip<T, 1, 2, MostRows>(finish, task, first, ahead);
    if (first < task.y.cols) strip<T, 1, 1, MostRows>(finish, task, first, ahead);
}

template <class T>
void dense(const DenseTask<T>& task) {
    if (task.x.rows == 1) sweep<T, 1, 4>(task);
    else if (task.x.rows <= 3) sweep<T, 3, 2>(task);
    else sweep<T, int(tile_rows), 1>(task);
}

}  // namespace
}  // namespace cnnfs
