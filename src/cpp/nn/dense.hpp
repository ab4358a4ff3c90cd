// One dense layer's parameters, packed for the kernels. Never changed once made, so that any number
// of threads may read it.
#pragma once

#include <memory>

#include "core/buffer.hpp"
#include "core/interrupt.hpp"
#include "kernels/kernels.hpp"
#include "nn/schedule.hpp"

namespace cnnfs {

// y = softmax of each row of z; y may be z. False if interrupted.
template <class T>
bool softmax(const KernelSet& kernels, MatrixView<const T> z, MatrixView<T> y,
             Interrupt* interrupt);

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
    // Row-major, n_outputs x n_inputs; `packed` may be something else in the order of the weights.
    void unpack(const T* packed, T* weights) const;
    void unpack_weights(T* weights) const { unpack(packed_.data(), weights); }

    // For training, which owns a copy that nobody else sees yet. `room`, if any, is used for it: a layer
    // of the same sizes and kernels.
    std::shared_ptr<Dense> copy(std::shared_ptr<Dense> room = nullptr) const;
    const T* packed() const { return packed_.data(); }
    T* packed() { return packed_.data(); }
    T* bias() { return bias_.data(); }
    Index packed_size() const { return packed_.size(); }
    Index padded_outputs() const { return bias_.size(); }

    // Some columns, beginning with a panel, with an activation of the caller's choice.
    void multiply(Activation activation, MatrixView<const T> x, MatrixView<T> y, Index first,
                  Index count) const {
        kernels_of_type().dense({x, packed_.data() + first * n_inputs_, bias_.data() + first,
                                 columns_of(y, first, count), activation});
    }

    // y = activation(x W^T + bias). False if interrupted.
    // `ahead`: rows that will be read next, for the cache.
    bool forward(MatrixView<const T> x, MatrixView<T> y, Interrupt* interrupt,
                 MatrixView<const T> ahead = {}) const {
        if (x.rows * n_inputs_ * n_outputs_ > most_work) {
            if (!forward_columns(x, y, 0, n_outputs_, interrupt)) return false;
        } else {
            if (stopped(interrupt)) return false;
            kernels_of_type().dense({x, packed_.data(), bias_.data(), y, activation_, ahead.data,
                                     ahead.row(ahead.rows)});
        }
        return finish_rows(y, interrupt);
    }

    // Only the columns [first, last) of it; first begins a panel. When all are there, finish_rows().
    bool forward_columns(MatrixView<const T> x, MatrixView<T> y, Index first, Index last,
                         Interrupt* interrupt) const;

    // What is left to do where the activation is a function of whole rows. False if interrupted.
    bool finish_rows(MatrixView<T> y, Interrupt* interrupt) const {
        return is_elementwise(activation_) || softmax<T>(*kernels_, read_only(y), y, interrupt);
    }

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
