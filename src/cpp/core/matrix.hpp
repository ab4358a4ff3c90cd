// A window on numbers that somebody else owns.
#pragma once

#include <cstddef>

namespace cnnfs {

using Index = std::ptrdiff_t;

// Rows lie `stride` elements apart; the elements of a row lie side by side.
template <class T>
struct MatrixView {
    T* data;
    Index rows, cols, stride;

    T* row(Index i) const { return data + i * stride; }
};

template <class T>
MatrixView<T> rows_of(MatrixView<T> m, Index first, Index count) {
    return {m.row(first), count, m.cols, m.stride};
}

template <class T>
MatrixView<T> columns_of(MatrixView<T> m, Index first, Index count) {
    return {m.data + first, m.rows, count, m.stride};
}

template <class T>
MatrixView<const T> read_only(MatrixView<T> m) {
    return {m.data, m.rows, m.cols, m.stride};
}

}  // namespace cnnfs
