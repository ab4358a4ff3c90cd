#include "nn/network.hpp"

#include <algorithm>

#include "core/fpu.hpp"
#include "core/thread_pool.hpp"
#include "nn/schedule.hpp"

namespace cnnfs {

namespace {

template <class T>
bool rows_collide(MatrixView<const T> x) {
    return x.rows > 4 && x.stride * Index(sizeof(T)) % 1024 == 0;
}

}  // namespace

template <class T>
class Network<T>::Lease {
public:
    Lease(std::atomic<Buffer<T>*>& idle, Index size) : idle_(idle), taken_(idle.exchange(nullptr)) {
        if (!taken_) taken_ = std::make_unique<Buffer<T>>();
        if (taken_->size() < size) *taken_ = Buffer<T>(size);
    }
    ~Lease() { delete idle_.exchange(taken_.release()); }
    T* data() const { return taken_->data(); }

private:
    std::atomic<Buffer<T>*>& idle_;
    std::unique_ptr<Buffer<T>> taken_;
};

template <class T>
Network<T>::Network(std::vector<std::shared_ptr<Layer<T>>> layers) : layers_(std::move(layers)) {
    Index widest_input = 1;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        const Dense<T>& dense = *layers_[i]->dense;
        widest_input = std::max(widest_input, dense.n_inputs());
        multiply_adds_ += dense.n_inputs() * dense.n_outputs();
        tile_rows_ = std::max(tile_rows_, dense.kernels_of_type().tile_rows);
        if (i + 1 < layers_.size())
            widest_hidden_ = std::max(widest_hidden_, spread_stride<T>(dense.n_outputs()));
    }
    const Index fit = block_bytes / (widest_input * Index(sizeof(T)));
    block_rows_ = std::clamp<Index>(fit / tile_rows_, 2, block_tiles) * tile_rows_;
}

template <class T>
Index Network<T>::scratch_for(MatrixView<const T> x) const {
    const Index staged = rows_collide(x) ? spread_stride<T>(x.cols) : 0;
    return (2 * widest_hidden_ + staged) * std::min(x.rows, block_rows_);
}

template <class T>
bool Network<T>::forward(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y,
                         Interrupt* interrupt) const {
    const StandardArithmetic standard;
    if (x.rows * multiply_adds_ >= work_worth_sharing) {
        const int threads = ThreadPool::shared().threads();
        if (threads > 1)
            return x.rows >= threads * tile_rows_ ? share_rows(pass, x, y, threads, interrupt)
                                                  : share_columns(pass, x, y, threads, interrupt);
    }
    constexpr Index on_stack = (Index(1) << 14) / sizeof(T);
    const Index need = scratch_for(x);
    if (need <= on_stack) {
        alignas(buffer_alignment) T small[on_stack];
        return through_layers(pass, x, y, small, interrupt);
    }
    const Lease scratch(idle_, need);
    return through_layers(pass, x, y, scratch.data(), interrupt);
}

template <class T>
bool Network<T>::through_layers(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, T* scratch,
                                Interrupt* interrupt) const {
    const Index most_rows = std::min(x.rows, block_rows_);
    T* const halves[] = {scratch, scratch + widest_hidden_ * most_rows};
    T* const staged = halves[1] + widest_hidden_ * most_rows;
    for (Index row = 0; row < x.rows; row += block_rows_) {
        const Index rows = std::min(block_rows_, x.rows - row);
        MatrixView<const T> in = rows_of(x, row, rows);
        if (rows_collide(x)) {
            const MatrixView<T> copy{staged, rows, x.cols, spread_stride<T>(x.cols)};
            for (Index i = 0; i < rows; ++i) std::copy_n(in.row(i), x.cols, copy.row(i));
            in = {copy.data, copy.rows, copy.cols, copy.stride};
        }
        for (Index i = 0; i < pass.count; ++i) {
            const Dense<T>& layer = *pass.layers[i];
            MatrixView<T> out{halves[i % 2], rows, layer.n_outputs(), widest_hidden_};
            if (i == pass.count - 1) out = rows_of(y, row, rows);
            const Index next = row + block_rows_;
            MatrixView<const T> ahead{};
            if (i == 0 && next < x.rows)
                ahead = rows_of(x, next, std::min(block_rows_, x.rows - next));
            if (!layer.forward(in, out, interrupt, ahead)) return false;
            in = {out.data, rows, out.cols, out.stride};
        }
    }
    return true;
}

template <class T>
bool Network<T>::share_rows(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, int threads,
                            Interrupt* interrupt) const {
    const Index fewest = rounded_up(work_of_item / std::max<Index>(1, multiply_adds_), tile_rows_);
    const Index even = (x.rows + threads * items_per_thread - 1) / (threads * items_per_thread);
    Index rows = std::clamp(rounded_up(even, tile_rows_), fewest, std::max(fewest, block_rows_));
    // All threads' scratch together stays small, whatever their number.
    const Index row_bytes = std::max<Index>(1, scratch_for(rows_of(x, 0, 1))) * Index(sizeof(T));
    const Index fit = scratch_bytes / (threads * row_bytes) / tile_rows_ * tile_rows_;
    rows = std::clamp(rows, tile_rows_, std::max(fit, tile_rows_));
    // What would be fewer items than twice the threads is dealt out evenly instead.
    if (x.rows < 2 * threads * rows) rows = (x.rows + threads - 1) / threads;
    const Index items = (x.rows + rows - 1) / rows;
    const Index need = scratch_for(rows_of(x, 0, rows));
    threads = int(std::min<Index>(threads, items));
    const Lease scratch(idle_, need * threads);
    return ThreadPool::shared().run(
        items, threads, interrupt, [&](Index item, int who, Interrupt* stop) {
            const Index first = item * rows, count = std::min(rows, x.rows - first);
            through_layers(pass, rows_of(x, first, count), rows_of(y, first, count),
                           scratch.data() + who * need, stop);
        });
}

template <class T>
bool Network<T>::share_columns(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, int threads,
                               Interrupt* interrupt) const {
    const Lease scratch(idle_, 2 * widest_hidden_ * x.rows);
    T* const halves[] = {scratch.data(), scratch.data() + widest_hidden_ * x.rows};
    MatrixView<const T> in = x;
    for (Index i = 0; i < pass.count; ++i) {
        const Dense<T>& layer = *pass.layers[i];
        MatrixView<T> out{halves[i % 2], x.rows, layer.n_outputs(), widest_hidden_};
        if (i == pass.count - 1) out = y;
        const Index panel = layer.kernels_of_type().panel;
        const Index work = std::max<Index>(1, x.rows * layer.n_inputs());
        const Index step = rounded_up(std::max<Index>(1, work_of_item / work), 4 * panel);
        const Index items = (out.cols + step - 1) / step;
        if (!ThreadPool::shared().run(items, threads, interrupt,
                                      [&](Index item, int, Interrupt* stop) {
                                          const Index first = item * step,
                                                      last = std::min(first + step, out.cols);
                                          layer.forward_columns(in, out, first, last, stop);
                                      }) ||
            !layer.finish_rows(out, interrupt))
            return false;
        in = {out.data, x.rows, out.cols, out.stride};
    }
    return true;
}

template class Network<float>;
template class Network<double>;

}  // namespace cnnfs
