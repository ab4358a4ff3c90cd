// One dense layer's parameters, packed for the kernels. Never changed once made, so that any number
// of threads may read it.
#pragma once

#include <memory>

#include "core/buffer.hpp"
#include "core/interrupt.hpp"
#include "kernels/kernels.hpp"
#include "nn/schedule.hpp"

namespace cnnfs {

template <class T>
class Dense {
public:
    // weights: n_outputs x n_inputs. bias: n_outputs values, or null for zeros. Null if interrupted.
    static std::shared_ptr<const Dense> make(const KernelSet& kernels, MatrixView<const T> weights,
                                             const T* bias, Activation activation,
                                             Interrupt* interrupt);

    Index n_inputs() const { return n_inputs_; }
    Index n_outputs() const { return n_outputs_; }
    Activation activation() const { return activation_; }
    const KernelSet& kernels() const { return *kernels_; }
    const T* bias() const { return bias_.data(); }
    void unpack_weights(T* weights) const;  // row-major, n_outputs x n_inputs

    // y = activation(x W^T + bias). False if interrupted.
    // `ahead`: rows that will be read next, for the cache.
    bool forward(MatrixView<const T> x, MatrixView<T> y, Interrupt* interrupt,
                 MatrixView<const T> ahead = {}) const {
        if (x.rows * n_inputs_ * n_outputs_ > most_work)
            return forward_columns(x, y, 0, n_outputs_, interrupt);
        if (stopped(interrupt)) return false;
        kernels_of_type().dense(
            {x, packed_.data(), bias_.data(), y, activation_, ahead.data, ahead.row(ahead.rows)});
        return true;
    }

    // Only the columns [first, last) of it; first begins a panel.
    bool forward_columns(MatrixView<const T> x, MatrixView<T> y, Index first, Index last,
                         Interrupt* interrupt) const;

    const Kernels<T>& kernels_of_type() const { return kernels_->template of<T>(); }

private:
    Dense() = default;

    const KernelSet* kernels_ = nullptr;
    Index n_inputs_ = 0, n_outputs_ = 0;
    Activation activation_ = Activation::linear;
    Buffer<T> packed_, bias_;
};

// The same result from weights that are used once: packs some panels, uses them, packs the next.
template <class T>
bool dense_once(const KernelSet& kernels, MatrixView<const T> x, MatrixView<const T> weights,
                const T* bias, Activation activation, MatrixView<T> y, Interrupt* interrupt);

// y[i] = activation(x[i]); y may be x.
template <class T>
bool activate(const KernelSet& kernels, Activation activation, Index n, const T* x, T* y,
              Interrupt* interrupt);

}  // namespace cnnfs
