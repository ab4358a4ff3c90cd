#include "nn/dense.hpp"

#include <algorithm>

#include "core/fpu.hpp"
#include "core/thread_pool.hpp"
#include "nn/schedule.hpp"

namespace cnnfs {

namespace {

// How many columns, in whole panels, keep one kernel call below most_work.
Index columns_at_once(Index panel, Index rows, Index depth, Index columns) {
    if (rows * depth * columns <= most_work) return std::max<Index>(1, columns);
    const Index panel_work = rows * depth * panel;
    return std::min(columns, std::max<Index>(1, most_work / panel_work) * panel);
}

}  // namespace

template <class T>
std::shared_ptr<const Dense<T>> Dense<T>::make(const KernelSet& kernels,
                                               MatrixView<const T> weights, const T* bias,
                                               Activation activation, Interrupt* interrupt) {
    const Kernels<T>& k = kernels.of<T>();
    std::shared_ptr<Dense> dense(new Dense);
    dense->kernels_ = &kernels;
    dense->n_inputs_ = weights.cols;
    dense->n_outputs_ = weights.rows;
    dense->activation_ = activation;

    const Index padded = k.padded_columns(weights.rows);
    dense->bias_ = Buffer<T>(padded);
    T* end = std::fill_n(dense->bias_.data(), padded, T(0));
    if (bias) std::copy_n(bias, weights.rows, end - padded);

    dense->packed_ = Buffer<T>(k.packed_size(weights.cols, weights.rows));
    const Index step = columns_at_once(k.panel, 1, 16 * weights.cols, weights.rows);
    for (Index first = 0; first < weights.rows; first += step) {
        if (stopped(interrupt)) return nullptr;
        const Index count = std::min(step, weights.rows - first);
        k.pack({weights.row(first), count, weights.cols, weights.stride},
               dense->packed_.data() + first * weights.cols);
    }
    return dense;
}

template <class T>
std::shared_ptr<Dense<T>> Dense<T>::copy(std::shared_ptr<Dense> room) const {
    if (!room) {
        room.reset(new Dense);
        room->packed_ = Buffer<T>(packed_.size());
        room->bias_ = Buffer<T>(bias_.size());
    }
    room->kernels_ = kernels_;
    room->n_inputs_ = n_inputs_;
    room->n_outputs_ = n_outputs_;
    room->activation_ = activation_;
    std::copy_n(packed_.data(), packed_.size(), room->packed_.data());
    std::copy_n(bias_.data(), bias_.size(), room->bias_.data());
    return room;
}

template <class T>
void Dense<T>::unpack(const T* packed, T* weights) const {
    const Kernels<T>& k = kernels_of_type();
    for (Index j = 0; j < n_outputs_; ++j) {
        const Index first = j / k.panel * k.panel;
        const Index width = std::min(k.panel, k.padded_columns(n_outputs_) - first);
        const T* source = packed + first * n_inputs_ + (j - first);
        for (Index i = 0; i < n_inputs_; ++i) weights[j * n_inputs_ + i] = source[i * width];
    }
}

template <class T>
bool Dense<T>::forward_columns(MatrixView<const T> x, MatrixView<T> y, Index first, Index last,
                               Interrupt* interrupt) const {
    const Kernels<T>& k = kernels_of_type();
    const Index step = columns_at_once(k.panel, x.rows, n_inputs_, last - first);
    for (; first < last; first += step) {
        if (stopped(interrupt)) return false;
        k.dense({x, packed_.data() + first * n_inputs_, bias_.data() + first,
                 columns_of(y, first, std::min(step, last - first)), activation_});
    }
    return true;
}

namespace {

// Some columns of dense_once: packs their weights into `packed`, then takes all rows through them.
template <class T>
bool dense_columns(const Kernels<T>& k, MatrixView<const T> x, MatrixView<const T> weights,
                   const T* bias, Activation activation, MatrixView<T> y, T* packed,
                   Interrupt* interrupt) {
    const Index depth = weights.cols, padded = k.padded_columns(weights.rows);
    T* padded_bias = packed + padded * depth;
    k.pack(weights, packed);
    std::fill_n(padded_bias, padded, T(0));
    if (bias) std::copy_n(bias, weights.rows, padded_bias);
    const Index rows_at_once =
        std::max<Index>(1, most_work / std::max<Index>(1, weights.rows * depth));
    for (Index row = 0; row < x.rows; row += rows_at_once) {
        if (stopped(interrupt)) return false;
        const Index rows = std::min(rows_at_once, x.rows - row);
        k.dense({{x.row(row), rows, depth, x.stride},
                 packed,
                 padded_bias,
                 {y.row(row), rows, y.cols, y.stride},
                 activation});
    }
    return true;
}

int threads_for(Index work, Index worth_sharing) {
    return work < worth_sharing ? 1 : ThreadPool::shared().threads();
}

// All columns of dense_once.
template <class T>
bool all_columns(const KernelSet& kernels, MatrixView<const T> x, MatrixView<const T> weights,
                 const T* bias, Activation activation, MatrixView<T> y, Interrupt* interrupt) {
    // Packed weights that are read for every row should stay in the second-level cache.
    constexpr Index most_packed = (Index(1) << 18) / sizeof(T);
    constexpr Index on_stack = 1024;
    const Kernels<T>& k = kernels.of<T>();
    const Index depth = weights.cols, columns = weights.rows;
    int threads = threads_for(x.rows * depth * columns, work_worth_sharing);
    Index step =
        std::min(columns_at_once(k.panel, x.rows, depth, columns),
                 std::max<Index>(1, most_packed / std::max<Index>(1, depth * k.panel)) * k.panel);
    if (threads > 1)
        step = std::min(step, (columns / (2 * threads) + k.panel - 1) / k.panel * k.panel);
    step = std::max<Index>(1, step);
    const Index items = (columns + step - 1) / step;
    threads = int(std::clamp<Index>(items, 1, threads));
    const Index need = k.padded_columns(step) * (depth + 1);
    const auto some = [&](Index item, T* packed, Interrupt* stop) {
        const Index first = item * step, count = std::min(step, columns - first);
        return dense_columns<T>(k, x, {weights.row(first), count, depth, weights.stride},
                                bias ? bias + first : nullptr, activation,
                                columns_of(y, first, count), packed, stop);
    };

    if (threads == 1 && need <= on_stack) {
        alignas(buffer_alignment) T small[on_stack];
        for (Index item = 0; item < items; ++item)
            if (!some(item, small, interrupt)) return false;
        return true;
    }
    const Buffer<T> packed(need * threads);
    if (threads > 1)
        return ThreadPool::shared().run(items, threads, interrupt,
                                        [&](Index item, int who, Interrupt* stop) {
                                            some(item, packed.data() + who * need, stop);
                                        });
    for (Index item = 0; item < items; ++item)
        if (!some(item, packed.data(), interrupt)) return false;
    return true;
}

// Calls some(item) for each item. False if interrupted.
template <class F>
bool each_item(Index items, int threads, Interrupt* interrupt, F some) {
    if (threads > 1)
        return ThreadPool::shared().run(items, threads, interrupt,
                                        [&](Index item, int, Interrupt*) { some(item); });
    for (Index item = 0; item < items; ++item) {
        if (stopped(interrupt)) return false;
        some(item);
    }
    return true;
}

}  // namespace

template <class T>
bool dense_once(const KernelSet& kernels, MatrixView<const T> x, MatrixView<const T> weights,
                const T* bias, Activation activation, MatrixView<T> y, Interrupt* interrupt) {
    const StandardArithmetic standard;
    return all_columns(kernels, x, weights, bias, activation, y, interrupt) &&
           (is_elementwise(activation) || softmax<T>(kernels, read_only(y), y, interrupt));
}

template <class T>
bool activate(const KernelSet& kernels, Activation activation, Index n, const T* x, T* y,
              Interrupt* interrupt) {
    const StandardArithmetic standard;
    const auto function = kernels.of<T>().activate;
    const auto some = [=](Index item) {
        const Index first = item * elements_of_item;
        function(activation, std::min(elements_of_item, n - first), x + first, y + first);
    };
    // In place an item could not be done twice, as the pool may ask for.
    const int threads = x == y ? 1 : threads_for(n, elements_worth_sharing);
    return each_item((n + elements_of_item - 1) / elements_of_item, threads, interrupt, some);
}

template <class T>
bool softmax(const KernelSet& kernels, MatrixView<const T> z, MatrixView<T> y,
             Interrupt* interrupt) {
    const StandardArithmetic standard;
    const auto function = kernels.of<T>().softmax;
    const Index rows = std::max<Index>(1, elements_of_item / std::max<Index>(1, z.cols));
    const auto some = [=](Index item) {
        const Index first = item * rows;
        function(std::min(rows, z.rows - first), z.cols, z.row(first), z.stride, y.row(first),
                 y.stride, nullptr, nullptr);
    };
    const int threads = z.data == y.data ? 1 : threads_for(z.rows * z.cols, elements_worth_sharing);
    return each_item((z.rows + rows - 1) / rows, threads, interrupt, some);
}

template class Dense<float>;
template class Dense<double>;

#define CNNFS_INSTANTIATE(T)                                                                       \
    template bool dense_once(const KernelSet&, MatrixView<const T>, MatrixView<const T>, const T*, \
                             Activation, MatrixView<T>, Interrupt*);                               \
    template bool activate(const KernelSet&, Activation, Index, const T*, T*, Interrupt*);         \
    template bool softmax(const KernelSet&, MatrixView<const T>, MatrixView<T>, Interrupt*);
CNNFS_INSTANTIATE(float)
CNNFS_INSTANTIATE(double)

}  // namespace cnnfs
