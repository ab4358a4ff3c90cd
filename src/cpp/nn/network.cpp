#include "nn/network.hpp"

#include <algorithm>

namespace cnnfs {

namespace {

// The activations of a block of rows, in and out of a layer, shall leave room in the second-level
// cache for the weights that pass by.
constexpr Index block_bytes = Index(1) << 18;

Index whole_cache_lines(Index elements, Index element_bytes) {
    const Index line = Index(buffer_alignment) / element_bytes;
    return (elements + line - 1) / line * line;
}

}  // namespace

template <class T>
Network<T>::Network(std::vector<std::shared_ptr<Layer<T>>> layers) : layers_(std::move(layers)) {
    Index widest_pair = 1, tile = 1;
    for (const auto& layer : layers_) {
        const Dense<T>& dense = *layer->dense;
        widest_pair = std::max(widest_pair, dense.n_inputs() + dense.n_outputs());
        multiply_adds_ += dense.n_inputs() * dense.n_outputs();
        tile = std::max(tile, dense.kernels().template of<T>().tile_rows);
        if (layer != layers_.back())
            widest_hidden_ =
                std::max(widest_hidden_, whole_cache_lines(dense.n_outputs(), sizeof(T)));
    }
    const Index fit = block_bytes / (widest_pair * Index(sizeof(T)));
    block_rows_ = std::max<Index>(2, fit / tile) * tile;
}

template <class T>
bool Network<T>::forward(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y,
                         Interrupt* interrupt) const {
    constexpr Index on_stack = (Index(1) << 14) / sizeof(T);
    const Index need = 2 * widest_hidden_ * std::min(x.rows, block_rows_);
    if (need <= on_stack) {
        alignas(buffer_alignment) T small[on_stack];
        return forward_blocks(pass, x, y, small, interrupt);
    }
    std::unique_ptr<Scratch> scratch(idle_.exchange(nullptr));
    if (!scratch) scratch = std::make_unique<Scratch>();
    if (scratch->memory.size() < need) scratch->memory = Buffer<T>(need);
    const bool done = forward_blocks(pass, x, y, scratch->memory.data(), interrupt);
    delete idle_.exchange(scratch.release());
    return done;
}

template <class T>
bool Network<T>::forward_blocks(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, T* scratch,
                                Interrupt* interrupt) const {
    T* const halves[] = {scratch, scratch + widest_hidden_ * std::min(x.rows, block_rows_)};
    for (Index row = 0; row < x.rows; row += block_rows_) {
        const Index rows = std::min(block_rows_, x.rows - row);
        MatrixView<const T> in{x.row(row), rows, x.cols, x.stride};
        for (Index i = 0; i < pass.count; ++i) {
            const Dense<T>& layer = *pass.layers[i];
            MatrixView<T> out{halves[i % 2], rows, layer.n_outputs(), widest_hidden_};
            if (i == pass.count - 1) out = {y.row(row), rows, y.cols, y.stride};
            if (!layer.forward(in, out, interrupt)) return false;
            in = {out.data, rows, out.cols, out.stride};
        }
    }
    return true;
}

template class Network<float>;
template class Network<double>;

}  // namespace cnnfs
