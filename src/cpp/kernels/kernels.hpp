// A kernel set is data: sizes and function pointers. There is one for each instruction set.
#pragma once

#include "core/cpu.hpp"
#include "core/matrix.hpp"
#include "kernels/activation.hpp"
#include "kernels/optimizer.hpp"

namespace cnnfs {

// The depth k is summed in blocks of this many terms: each block is a chain of fused multiply-adds
// from +0, and the block sums are added in ascending order. It is part of the numeric contract.
inline constexpr Index depth_block = 128;

// Y = activation(X W^T + bias) for some rows and for output columns that begin at a panel.
// `packed` is laid out by Kernels::pack; `bias` is padded with zeros to whole panels.
template <class T>
struct DenseTask {
    MatrixView<const T> x;  // rows x n_inputs
    const T* packed;
    const T* bias;
    MatrixView<T> y;  // rows x (columns to compute)
    Activation activation;
    // Memory that the next task will read, to be fetched on the way; may be empty.
    const T* ahead = nullptr;
    const T* ahead_end = nullptr;
};

// gradient = x^T dz for one panel's columns of dz, over all rows of x, in the order of packed weights.
template <class T>
struct GradientTask {
    MatrixView<const T> x;  // rows x some inputs
    const T* dz;            // rows x (columns), padded with zeros
    Index dz_stride;
    Index columns;  // one panel's, or one vector's
    T* gradient;    // inputs x columns
};

enum class ColumnSum { values, squares, absolutes };

template <class T>
struct Kernels {
    Index lanes;      // columns of one vector
    Index panel;      // columns of one panel of packed weights: two vectors
    Index tile_rows;  // rows whose sums fit the registers beside one panel

    void (*dense)(const DenseTask<T>&);
    // weights (n_outputs x n_inputs) -> packed_size(n_inputs, n_outputs) elements
    void (*pack)(MatrixView<const T> weights, T* packed);
    // The elementwise functions. y may be x.
    void (*activate)(Activation, Index n, const T* x, T* y);
    // d[i] *= the derivative of the activation, which is computed from its output y, or from its input
    // where needs_input() says so; the other pointer may be null.
    void (*derive)(Activation, Index n, const T* input, const T* y, T* d);
    // y = softmax of each row of z; y may be z. `highest` and `sum` may be null, else they get each row's
    // maximum and the sum of exp(z - maximum).
    void (*softmax)(Index rows, Index columns, const T* z, Index z_stride, T* y, Index y_stride,
                    T* highest, T* sum);
    // d = y (d - sum of d y) for each row: the gradient before a softmax whose result was y.
    void (*derive_softmax)(Index rows, Index columns, const T* y, Index y_stride, T* d,
                           Index d_stride);
    // Training.
    void (*weight_gradient)(const GradientTask<T>&);
    void (*pack_transposed)(const T* packed, Index n_inputs, Index n_outputs, Index first,
                            Index count, T* transposed);
    void (*column_sums)(ColumnSum of, MatrixView<const T> a, T* out);
    void (*add_penalty)(Index n, const T* p, T l1, T twice_l2, T* gradient);
    void (*clip)(Index n, T factor, T bound, T* gradient);
    void (*multiply)(Index n, const T* factor, const T* x, T* y);
    // False if a parameter would not have been finite; it is left as it was.
    bool (*update)(const UpdateTask<T>&);
    // For benchmarks: n steps of this many multiply-adds each, and nothing else.
    Index multiply_adds_per_step;
    T (*multiply_add_chains)(Index n, T factor, T term);

    // Columns after padding: whole panels, and for a remainder of at most one vector half a panel.
    Index padded_columns(Index n_outputs) const { return (n_outputs + lanes - 1) / lanes * lanes; }
    Index packed_size(Index n_inputs, Index n_outputs) const {
        return padded_columns(n_outputs) * n_inputs;
    }
};

struct KernelSet {
    Isa isa;
    const char* name;
    Kernels<float> f32;
    Kernels<double> f64;

    template <class T>
    const Kernels<T>& of() const {
        if constexpr (sizeof(T) == sizeof(float)) return f32;
        else return f64;
    }
};

// Every set that was compiled in and that this machine can run, slowest first.
struct KernelSets {
    const KernelSet* sets[4];
    int count;
};
const KernelSets& available_kernels();

// The fastest available set, or the one that `wish` names. Null if the wish cannot be had.
const KernelSet* find_kernels(const char* wish);

}  // namespace cnnfs
