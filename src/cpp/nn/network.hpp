// Layers one after another, and the forward pass through them.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "nn/dense.hpp"

namespace cnnfs {

// A place for a layer's parameters. Whoever replaces or reads them does so under one lock (in
// Python: the interpreter's); a pass that runs without the lock holds the parameters it began with.
template <class T>
struct Layer {
    std::shared_ptr<const Dense<T>> dense;
};

// What a forward pass reads. The pointers are borrowed.
template <class T>
struct Pass {
    const Dense<T>* const* layers;
    Index count;
};

template <class T>
class Network {
public:
    // At least one layer, each taking what the one before gives.
    explicit Network(std::vector<std::shared_ptr<Layer<T>>> layers);

    const std::vector<std::shared_ptr<Layer<T>>>& layers() const { return layers_; }
    Index n_inputs() const { return layers_.front()->dense->n_inputs(); }
    Index n_outputs() const { return layers_.back()->dense->n_outputs(); }
    Index multiply_adds() const { return multiply_adds_; }  // for one row

    // A block of rows walks through all layers while its activations are in the cache. The
    // pass's layers are this network's, as they are or as they were. False if interrupted.
    bool forward(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, Interrupt* interrupt) const;

private:
    bool forward_blocks(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, T* scratch,
                        Interrupt* interrupt) const;

    std::vector<std::shared_ptr<Layer<T>>> layers_;
    Index widest_hidden_ = 0;
    Index block_rows_ = 0;
    Index multiply_adds_ = 0;

    // Scratch is leased: taken out for a pass and put back after it, so that passes side by side
    // each have their own, and the steady state allocates nothing.
    struct Scratch {
        Buffer<T> memory;
    };
    mutable std::atomic<Scratch*> idle_{nullptr};

public:
    ~Network() { delete idle_.load(); }
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
};

}  // namespace cnnfs
