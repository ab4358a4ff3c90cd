// Training without Python: gradients against differences, and the same bits for every kernel set and
// number of threads.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "core/thread_pool.hpp"
#include "nn/trainer.hpp"

using namespace cnnfs;

namespace {

int failures = 0;

void expect(bool holds, const char* what, const char* isa) {
    if (holds) return;
    ++failures;
    std::printf("FAILED %s: %s\n", isa, what);
}

template <class T>
std::vector<T> random_numbers(Index n, unsigned seed) {
    std::mt19937 bits(seed);
    std::normal_distribution<double> normal;
    std::vector<T> numbers(std::size_t(n) + 1);
    for (T& x : numbers) x = T(normal(bits) / 4);
    return numbers;
}

template <class T>
std::vector<std::shared_ptr<Layer<T>>> make_layers(const KernelSet& set,
                                                   const std::vector<Index>& sizes,
                                                   Activation hidden, Activation last) {
    std::vector<std::shared_ptr<Layer<T>>> layers;
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
        const Index inputs = sizes[i], outputs = sizes[i + 1];
        const auto w = random_numbers<T>(inputs * outputs, unsigned(i) + 1);
        const auto b = random_numbers<T>(outputs, unsigned(i) + 99);
        auto layer = std::make_shared<Layer<T>>();
        layer->dense = Dense<T>::make(set, {w.data(), outputs, inputs, inputs}, b.data(),
                                      i + 2 == sizes.size() ? last : hidden, nullptr);
        layers.push_back(std::move(layer));
    }
    return layers;
}

template <class T>
struct Problem {
    std::vector<T> x, values;
    std::vector<std::int64_t> labels, order;
    Examples<T> examples;

    Problem(Index rows, Index inputs, Index outputs, bool classes, Index batch)
        : x(random_numbers<T>(rows * inputs, 7)), values(random_numbers<T>(rows * outputs, 8)) {
        for (Index i = 0; i < rows; ++i) {
            labels.push_back(i * 7 % outputs);
            order.push_back((i * 5 + 3) % rows);
        }
        examples.x = {x.data(), rows, inputs, inputs};
        if (classes) examples.targets.labels = labels.data();
        else examples.targets.values = values.data();
        examples.order = order.data();
        examples.count = rows;
        examples.batch = batch;
    }
};

void check_gradient(const KernelSet& set, Activation hidden, Activation last, Loss loss) {
    const std::vector<Index> sizes{5, 9, 4};
    const auto slots = make_layers<double>(set, sizes, hidden, last);
    Problem<double> problem(11, 5, 4, loss == Loss::cross_entropy, 11);
    TrainingChoice choice;
    choice.loss = {loss, 1};
    if (loss == Loss::cross_entropy) choice.loss.parameter = 0.1;
    choice.penalties = {{0, 0.01, 0, 0.02}, {0, 0.03, 0, 0}};
    std::vector<std::shared_ptr<const Dense<double>>> layers;
    for (const auto& slot : slots) layers.push_back(slot->dense);
    double value = 0;
    std::vector<Buffer<double>> made, ignored;
    std::vector<double> dx(11 * 5);
    gradients<double>(layers, choice, problem.examples, value, made, {dx.data(), 11, 5, 5},
                      nullptr);
    for (std::size_t l = 0; l < layers.size(); ++l)
        for (Index i = 0; i < layers[l]->packed_size() + layers[l]->padded_outputs(); i += 3) {
            const auto loss_at = [&](double step) {
                const auto moved = layers[l]->copy();
                // The padding behind the last neuron stands for no parameter.
                if (i < moved->packed_size()) moved->packed()[i] += step;
                else moved->bias()[i - moved->packed_size()] += step;
                auto others = layers;
                others[l] = moved;
                double found = 0;
                gradients<double>(others, choice, problem.examples, found, ignored, {}, nullptr);
                return found;
            };
            if (made[l].data()[i] == 0) continue;
            const double slope = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
            expect(std::abs(slope - made[l].data()[i]) < 1e-7, "a gradient", set.name);
        }
}

template <class T>
std::vector<T> trained(const KernelSet& set, int threads, double clip_norm) {
    ThreadPool::shared().set_threads(threads);
    const std::vector<Index> sizes{67, 130, 45, 10};
    Trainer<T> trainer(make_layers<T>(set, sizes, Activation::relu, Activation::softmax));
    OptimizerChoice adam;
    adam.optimizer = Optimizer::adam;
    adam.momentum = 0.9;
    adam.decay = 0.999;
    adam.epsilon = 1e-8;
    trainer.set_optimizer(adam);
    Problem<T> problem(150, 67, 10, true, 48);
    TrainingChoice choice;
    choice.loss = {Loss::cross_entropy, 0};
    choice.dropout = {0, 0.2, 0.1};
    choice.clip_norm = clip_norm;
    const std::vector<double> rates(4, 1e-2);
    double first = 0, last = 0;
    for (int epoch = 0; epoch < 6; ++epoch) {
        Measures measures;
        Index steps = 0;
        trainer.begin();
        const End end = trainer.train(choice, problem.examples, rates.data(), unsigned(epoch),
                                      measures, steps, nullptr);
        trainer.publish();
        expect(end == End::done && steps == 4, "an epoch", set.name);
        last = measures.loss / measures.weight;
        if (epoch == 0) first = last;
    }
    expect(last < first, "it learns", set.name);
    std::vector<T> all;
    for (const auto& slot : trainer.slots()) {
        std::vector<T> weights(std::size_t(slot->dense->n_inputs() * slot->dense->n_outputs()));
        slot->dense->unpack_weights(weights.data());
        all.insert(all.end(), weights.begin(), weights.end());
        const T* bias = slot->dense->bias();
        all.insert(all.end(), bias, bias + slot->dense->n_outputs());
    }
    return all;
}

template <class T>
void check_training() {
    const KernelSets& have = available_kernels();
    for (const double clip_norm : {0.0, 0.5}) {
        std::vector<T> with_fma;
        for (int i = 0; i < have.count; ++i) {
            const KernelSet& set = *have.sets[i];
            const std::vector<T> alone = trained<T>(set, 1, clip_norm);
            for (const int threads : {2, 4}) {
                const std::vector<T> together = trained<T>(set, threads, clip_norm);
                expect(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(T)) == 0,
                       "threads change bits", set.name);
            }
            if (set.isa == Isa::generic) continue;
            if (with_fma.empty()) with_fma = alone;
            expect(std::memcmp(alone.data(), with_fma.data(), alone.size() * sizeof(T)) == 0,
                   "the instruction set changes bits", set.name);
        }
    }
}

}  // namespace

int main() {
    const KernelSets& have = available_kernels();
    for (int i = 0; i < have.count; ++i) {
        const KernelSet& set = *have.sets[i];
        check_gradient(set, Activation::tanh, Activation::softmax, Loss::cross_entropy);
        check_gradient(set, Activation::gelu, Activation::linear, Loss::cross_entropy);
        check_gradient(set, Activation::silu, Activation::sigmoid, Loss::mse);
        check_gradient(set, Activation::softmax, Activation::softplus, Loss::huber);
        std::printf("%s checked\n", set.name);
    }
    check_training<float>();
    check_training<double>();
    return failures ? 1 : 0;
}
