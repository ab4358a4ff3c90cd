// What help() shows for the functions. The first line is the signature that inspect reads.
#pragma once

namespace cnnfs::bindings {

inline constexpr const char dense_doc[] =
    R"(dense(x, weights, bias=None, activation="linear", *, out=None)
--

A batch through one dense layer: activation(x @ weights.T + bias), in one pass.

Parameters
----------
x : array_like, shape (n_inputs,) or (..., n_inputs)
    One sample, or any number of them.
weights : array_like, shape (n_neurons, n_inputs)
    A row for each neuron.
bias : array_like, shape (n_neurons,), optional
    One number for each neuron. None means zeros.
activation : str or Activation, default "linear"
    "linear", "step", "sigmoid" or "relu".
out : ndarray, shape (..., n_neurons), optional
    Where to write the result: C-contiguous, writeable, of the result's dtype. It may overlap the
    arguments; they are then read first.

Returns
-------
ndarray, shape (n_neurons,) or (..., n_neurons)
    float32 if every array given is float32 or float16, else float64.

Raises
------
ValueError
    If shapes do not fit, or the activation is unknown.
TypeError
    If an argument is not made of real numbers.

Notes
-----
Each result is a sum over the inputs in ascending order, in blocks of 128 that are chains of fused
multiply-adds from +0; then the bias is added. A row has the same bits in a batch and alone.

To use the same weights again and again, make a Layer: it packs them once.

Examples
--------
>>> import cnnfs
>>> cnnfs.dense([1.0, 2.0], [[0.5, -1.0], [3.0, 1.0]], [0.25, 0.0], "relu")
array([0., 5.])
)";

#define CNNFS_ELEMENTWISE_DOC(name, summary, notes, example, result)                               \
    name "(x, *, out=None)\n--\n\n" summary                                                        \
         "\n"                                                                                      \
         "\n"                                                                                      \
         "Parameters\n"                                                                            \
         "----------\n"                                                                            \
         "x : array_like, any shape\n"                                                             \
         "out : ndarray, shape of x, optional\n"                                                   \
         "    Where to write the result: C-contiguous, writeable, of the result's dtype. It may "  \
         "be x itself.\n"                                                                          \
         "\n"                                                                                      \
         "Returns\n"                                                                               \
         "-------\n"                                                                               \
         "ndarray, shape of x\n"                                                                   \
         "    float32 if x is float32 or float16, else float64. A number in gives a number out.\n" \
         "\n"                                                                                      \
         "Raises\n"                                                                                \
         "------\n"                                                                                \
         "TypeError\n"                                                                             \
         "    If x is not made of real numbers.\n"                                                 \
         "ValueError\n"                                                                            \
         "    If out does not fit.\n"                                                              \
         "\n"                                                                                      \
         "Notes\n"                                                                                 \
         "-----\n" notes                                                                           \
         "\n\n"                                                                                    \
         "Examples\n"                                                                              \
         "--------\n"                                                                              \
         ">>> import cnnfs\n"                                                                      \
         ">>> cnnfs." name "(" example ")\n" result "\n"

inline constexpr const char step_doc[] = CNNFS_ELEMENTWISE_DOC(
    "step", "The step function: 1 where x > 0, else 0.",
    "step(0) and step(-0.0) are 0; step(nan) is nan.", "[-2.0, 0.0, 3.0]", "array([0., 0., 1.])");

inline constexpr const char linear_doc[] = CNNFS_ELEMENTWISE_DOC(
    "linear", "The linear activation function: x itself, as a new array.",
    "Every bit is kept, those of -0.0 and nan too.", "[-2.0, 0.0, 3.0]", "array([-2.,  0.,  3.])");

inline constexpr const char sigmoid_doc[] =
    CNNFS_ELEMENTWISE_DOC("sigmoid", "The logistic sigmoid: 1 / (1 + exp(-x)).",
                          "Within 1 ulp of the exact value, inside [0, 1], never falling where x "
                          "rises, and right down to\n"
                          "the smallest subnormal. sigmoid(nan) is nan.",
                          "[-1000.0, 0.0, 1000.0]", "array([0. , 0.5, 1. ])");

inline constexpr const char relu_doc[] = CNNFS_ELEMENTWISE_DOC(
    "relu", "The rectified linear unit: x where x > 0, else 0.",
    "relu(-0.0) is +0.0; relu(nan) is nan.", "[-2.0, 0.0, 3.0]", "array([0., 0., 3.])");

#undef CNNFS_ELEMENTWISE_DOC

}  // namespace cnnfs::bindings
