#include "nn/propagation.hpp"

#include "nn/dropout.hpp"

namespace cnnfs {

namespace {

// Rows that take their turn with the weights of a panel; see block_tiles.
template <class T>
Index rows_at_once(const Kernels<T>& k, Index rows) {
    const Index blocks = pieces(rows, block_tiles * k.tile_rows);
    return blocks <= 1 ? std::max<Index>(1, rows) : rounded_up(pieces(rows, blocks), k.tile_rows);
}

// Columns of an item: whole panels, enough of them for an item's work, and items for all threads. In small
// steps each thread has one share, always the same: its weights stay in its cache.
template <class T>
Index columns_at_once(const Kernels<T>& k, Index rows, Index depth, Index columns, Index row_items,
                      int threads) {
    const Index all = pieces(columns, k.panel);
    const Index work = std::max<Index>(1, rows * depth * k.panel);
    if (threads > 1 && row_items == 1 && all * work < most_work)
        return std::max<Index>(1, pieces(all, threads)) * k.panel;
    Index panels = std::max<Index>(1, (threads > 1 ? work_of_item : most_work) / work);
    if (threads > 1) {
        const Index wanted = 2 * threads;
        panels = std::min(panels, std::max<Index>(1, all * row_items / wanted));
    }
    return panels * k.panel;
}

}  // namespace

template <class T>
void Propagation<T>::Room::reserve(Index more_rows, Index columns) {
    cols = columns;
    stride = spread_stride<T>(columns);
    if (rows >= more_rows && numbers.size() >= more_rows * stride) return;
    rows = more_rows;
    numbers = Buffer<T>(rows * stride);
}

template <class T>
bool Propagation<T>::reserve(const Layers& layers, Index rows, Interrupt* interrupt) {
    inputs_.reserve(rows, layers.front()->n_inputs());
    stages_.resize(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        Stage& stage = stages_[i];
        const Index columns = layers[i]->n_outputs();
        stage.y.reserve(rows, columns);
        if (needs_input(layers[i]->activation())) stage.z.reserve(rows, columns);
        stage.dz.reserve(rows, columns);
        // Whole vectors of slopes are read: zeros lie behind each row, and stay there.
        for (Index r = 0; r < rows; ++r) {
            if (r % rows_between_looks == 0 && stopped(interrupt)) return false;
            std::fill_n(stage.dz.numbers.data() + r * stage.dz.stride + columns,
                        stage.dz.stride - columns, T(0));
        }
    }
    return true;
}

template <class T>
MatrixView<const T> Propagation<T>::given(Index layer, Index rows) const {
    const Stage& stage = stages_[std::size_t(layer)];
    if (stage.dropped) return read_only(stage.kept.view(rows));
    return read_only(layer == 0 ? inputs_.view(rows)
                                : stages_[std::size_t(layer - 1)].y.view(rows));
}

template <class T>
bool Propagation<T>::forward(const Layers& layers, Index rows, bool logits,
                             const Dropouts& dropouts, Interrupt* interrupt) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const Dense<T>& layer = *layers[i];
        Stage& stage = stages_[i];
        stage.dropped = false;
        const MatrixView<const T> before = given(Index(i), rows);
        if (!dropouts.rates.empty() && dropouts.rates[i] > 0) {
            stage.kept.reserve(rows, layer.n_inputs());
            stage.factors.reserve(rows, layer.n_inputs());
            stage.dropped = true;
            const MatrixView<T> factors = stage.factors.view(rows), kept = stage.kept.view(rows);
            draw_dropout(mixed(dropouts.seed + i), dropouts.rates[i], factors);
            for (Index r = 0; r < rows; ++r)
                layer.kernels_of_type().multiply(before.cols, factors.row(r), before.row(r),
                                                 kept.row(r));
        }
        const Activation activation =
            logits && i + 1 == layers.size() ? Activation::linear : layer.activation();
        const bool two_steps = needs_input(activation) || activation == Activation::softmax;
        const MatrixView<T> y = stage.y.view(rows);
        const MatrixView<T> sums = needs_input(activation) ? stage.z.view(rows) : y;
        if (!dense(layer, two_steps ? Activation::linear : activation, given(Index(i), rows), sums,
                   interrupt))
            return false;
        if (!two_steps) continue;
        const Index step = rows_at_once(layer.kernels_of_type(), rows);
        // Without the interrupt, whose handler might fork: softmax in place can't be done twice.
        if (!share(pieces(rows, step), threads_of_step(rows * y.cols * elementwise_work), nullptr,
                   [&](Index item, int, Interrupt*) {
                       activate(layer, item * step, std::min(step, rows - item * step), stage);
                   }) ||
            stopped(interrupt))
            return false;
    }
    return true;
}

template <class T>
void Propagation<T>::activate(const Dense<T>& layer, Index first, Index count,
                              const Stage& stage) const {
    const Kernels<T>& k = layer.kernels_of_type();
    const MatrixView<T> y = stage.y.view(first + count), z = stage.z.view(first + count);
    if (layer.activation() == Activation::softmax)
        return k.softmax(count, y.cols, y.row(first), y.stride, y.row(first), y.stride, nullptr,
                         nullptr);
    for (Index r = first; r < first + count; ++r)
        k.activate(layer.activation(), y.cols, z.row(r), y.row(r));
}

template <class T>
bool Propagation<T>::dense(const Dense<T>& layer, Activation activation, MatrixView<const T> x,
                           MatrixView<T> y, Interrupt* interrupt) const {
    const Kernels<T>& k = layer.kernels_of_type();
    const int threads = threads_of_step(x.rows * x.cols * y.cols);
    const Index rows = rows_at_once(k, x.rows), row_items = pieces(x.rows, rows);
    const Index columns = columns_at_once(k, rows, x.cols, y.cols, row_items, threads);
    const Index column_items = pieces(y.cols, columns);
    return share(row_items * column_items, threads, interrupt,
                 [&](Index item, int, Interrupt* stop) {
                     if (stopped(x.rows * x.cols * y.cols < most_work ? nullptr : stop)) return;
                     const Index row = item / column_items * rows;
                     const Index column = item % column_items * columns;
                     const Index count = std::min(rows, x.rows - row);
                     layer.multiply(activation, rows_of(x, row, count), rows_of(y, row, count),
                                    column, std::min(columns, y.cols - column));
                 });
}

template <class T>
bool Propagation<T>::backward(const Layers& layers, Index rows, bool logits, MatrixView<T> dx,
                              Interrupt* interrupt) {
    if (!logits && !derive(*layers.back(), stages_.back(), rows, interrupt)) return false;
    for (std::size_t i = layers.size(); i-- > 0;) {
        if (i == 0 && !dx.data) break;
        const MatrixView<T> to = i > 0 ? stages_[i - 1].dz.view(rows) : dx;
        const Stage& stage = stages_[i];
        if (!slopes_of_inputs(*layers[i], read_only(stage.dz.view(rows)), to, interrupt))
            return false;
        if (stage.dropped) {
            const MatrixView<T> factors = stage.factors.view(rows);
            for (Index r = 0; r < rows; ++r)
                layers[i]->kernels_of_type().multiply(to.cols, factors.row(r), to.row(r),
                                                      to.row(r));
        }
        if (i > 0 && !derive(*layers[i - 1], stages_[i - 1], rows, interrupt)) return false;
    }
    return true;
}

// dx = dz W, a panel of inputs after the other: its weights are transposed on the way, so that no second
// copy of them is kept.
template <class T>
bool Propagation<T>::slopes_of_inputs(const Dense<T>& layer, MatrixView<const T> dz,
                                      MatrixView<T> dx, Interrupt* interrupt) {
    const Kernels<T>& k = layer.kernels_of_type();
    int threads = threads_of_step(dz.rows * dz.cols * dx.cols);
    const Index rows = rows_at_once(k, dz.rows);
    Index columns = columns_at_once(k, dz.rows, dz.cols, dx.cols, 1, threads);
    // What is transposed at once should stay in the second-level cache.
    const Index panel_size = std::max<Index>(1, dz.cols * k.panel);
    columns = std::min(
        columns, std::max<Index>(1, block_bytes / Index(sizeof(T)) / 2 / panel_size) * k.panel);
    columns = std::min(columns, rounded_up(std::max<Index>(1, dx.cols), k.panel));
    // Threads without work need no memory.
    threads = int(std::clamp<Index>(pieces(dx.cols, columns), 1, threads));
    const Index need = rounded_up(columns * dz.cols, k.panel);
    if (transposed_.size() < need * threads) transposed_ = Buffer<T>(need * threads);
    if (zeros_.size() < columns) {
        zeros_ = Buffer<T>(columns);
        std::fill_n(zeros_.data(), columns, T(0));
    }
    return share(
        pieces(dx.cols, columns), threads, interrupt, [&](Index item, int who, Interrupt* stop) {
            T* const transposed = transposed_.data() + who * need;
            const Index first = item * columns, count = std::min(columns, dx.cols - first);
            k.pack_transposed(layer.packed(), layer.n_inputs(), dz.cols, first, count, transposed);
            for (Index row = 0; row < dz.rows; row += rows) {
                if (dz.rows > rows && stopped(stop)) return;
                const Index some = std::min(rows, dz.rows - row);
                k.dense({rows_of(dz, row, some), transposed, zeros_.data(),
                         columns_of(rows_of(dx, row, some), first, count), Activation::linear});
            }
        });
}

// From the slopes at a layer's outputs to those at its sums, in place.
template <class T>
bool Propagation<T>::derive(const Dense<T>& layer, const Stage& stage, Index rows,
                            Interrupt* interrupt) const {
    const Activation activation = layer.activation();
    if (activation == Activation::linear) return true;
    const Kernels<T>& k = layer.kernels_of_type();
    const MatrixView<T> y = stage.y.view(rows), dz = stage.dz.view(rows);
    const MatrixView<T> z = needs_input(activation) ? stage.z.view(rows) : y;
    const Index step = rows_at_once(k, rows);
    return share(pieces(rows, step), threads_of_step(rows * y.cols * elementwise_work), nullptr,
                 [&](Index item, int, Interrupt*) {
                     const Index first = item * step, count = std::min(step, rows - first);
                     if (activation == Activation::softmax)
                         return k.derive_softmax(count, y.cols, y.row(first), y.stride,
                                                 dz.row(first), dz.stride);
                     for (Index r = first; r < first + count; ++r)
                         k.derive(activation, y.cols, z.row(r), y.row(r), dz.row(r));
                 }) &&
           !stopped(interrupt);
}

template class Propagation<float>;
template class Propagation<double>;

}  // namespace cnnfs
