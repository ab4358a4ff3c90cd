// A batch's way forward through the layers, which keeps what the way back needs, and the way back.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/dense.hpp"
#include "nn/share.hpp"

namespace cnnfs {

// What happens to a layer's inputs in training.
struct Dropouts {
    std::vector<double> rates;  // for each layer; empty: none
    std::uint64_t seed = 0;     // of this batch
};

template <class T>
class Propagation {
public:
    using Layers = std::vector<std::shared_ptr<const Dense<T>>>;

    // Room for batches of so many rows; keeps what there is. False if interrupted.
    bool reserve(const Layers& layers, Index rows, Interrupt* interrupt);

    // Where the batch's rows are to be put.
    MatrixView<T> input(Index rows) const { return inputs_.view(rows); }

    // `logits`: without the last activation. False if interrupted.
    bool forward(const Layers& layers, Index rows, bool logits, const Dropouts& dropouts,
                 Interrupt* interrupt);
    // What layer i was given, and what the last one gave.
    MatrixView<const T> given(Index layer, Index rows) const;
    MatrixView<const T> outputs(Index rows) const { return read_only(stages_.back().y.view(rows)); }

    // The loss's slopes at layer i's sums. For the last layer the caller puts the slopes at its outputs
    // here, or with `logits` those at its sums. Zeros lie behind each row.
    MatrixView<T> slopes(Index layer, Index rows) const {
        return stages_[std::size_t(layer)].dz.view(rows);
    }
    // From the last layer to the first. dx, if it has data, gets the slopes at the inputs.
    bool backward(const Layers& layers, Index rows, bool logits, MatrixView<T> dx,
                  Interrupt* interrupt);

private:
    struct Room {
        Buffer<T> numbers;
        Index cols = 0, stride = 0, rows = 0;
        void reserve(Index more_rows, Index columns);
        MatrixView<T> view(Index count) const { return {numbers.data(), count, cols, stride}; }
    };
    struct Stage {
        Room kept, factors;  // inputs after dropout, if there is one
        Room z, y, dz;       // sums, where the activation's derivative needs them
        bool dropped = false;
    };

    bool dense(const Dense<T>& layer, Activation activation, MatrixView<const T> x, MatrixView<T> y,
               Interrupt* interrupt) const;
    void activate(const Dense<T>& layer, Index first, Index count, const Stage& stage) const;
    bool slopes_of_inputs(const Dense<T>& layer, MatrixView<const T> dz, MatrixView<T> dx,
                          Interrupt* interrupt);
    bool derive(const Dense<T>& layer, const Stage& stage, Index rows, Interrupt* interrupt) const;

    Room inputs_;
    std::vector<Stage> stages_;
    Buffer<T> transposed_, zeros_;
};

}  // namespace cnnfs
