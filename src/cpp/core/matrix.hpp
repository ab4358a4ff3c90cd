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

}  // namespace cnnfs
