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
    ~Network() { delete idle_.load(); }
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    const std::vector<std::shared_ptr<Layer<T>>>& layers() const { return layers_; }
    Index n_inputs() const { return layers_.front()->dense->n_inputs(); }
    Index n_outputs() const { return layers_.back()->dense->n_outputs(); }
    Index multiply_adds() const { return multiply_adds_; }  // for one row

    // The pass's layers are this network's, as they are or as they were. False if interrupted.
    bool forward(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, Interrupt* interrupt) const;

private:
    // Rows walk through all layers, a block at a time, while their activations are in the cache.
    bool through_layers(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, T* scratch,
                        Interrupt* interrupt) const;
    // The same with the rows divided among threads.
    bool share_rows(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, int threads,
                    Interrupt* interrupt) const;
    // Few rows: layer by layer, each one's columns divided among threads.
    bool share_columns(Pass<T> pass, MatrixView<const T> x, MatrixView<T> y, int threads,
                       Interrupt* interrupt) const;

    Index scratch_for(MatrixView<const T> x) const;  // elements

    // Scratch is leased: taken out for a pass and put back after it, so that passes side by side
    // each have their own, and the steady state allocates nothing.
    class Lease;
    mutable std::atomic<Buffer<T>*> idle_{nullptr};

    std::vector<std::shared_ptr<Layer<T>>> layers_;
    Index widest_hidden_ = 0;
    Index tile_rows_ = 1;
    Index block_rows_ = 0;
    Index multiply_adds_ = 0;
};

}  // namespace cnnfs
