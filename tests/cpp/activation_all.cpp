// An elementwise function over the float32 numbers, in ascending order, by every kernel set: the largest
// error in ulp is printed and at most what is promised, results keep to the function's range, rise and fall
// as it does, and have the same bits in every set and beside any neighbours.
//
//   activation_all name [step]     every step-th number; default 1, which is all 2^32
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/reference.hpp"

using namespace cnnfs;

namespace {

struct Promise {
    Activation activation;
    double ulp;      // the largest error
    double far_ulp;  // and for x < far, where a small error of x is a large one of the result
    float far;
    float lowest_at;  // where the function is lowest: it falls before, and rises from there on
    bool monotone;    // whether the computed one does
    float low, high;  // the range
};

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr Promise promises[] = {
    {Activation::linear, 0, 0, -infinity, -infinity, true, -infinity, infinity},
    {Activation::step, 0, 0, -infinity, -infinity, true, 0, 1},
    {Activation::sigmoid, 1, 1, -infinity, -infinity, true, 0, 1},
    {Activation::relu, 0, 0, -infinity, -infinity, true, 0, infinity},
    {Activation::tanh, 1, 1, -infinity, -infinity, true, -1, 1},
    {Activation::leaky_relu, 1, 1, -infinity, -infinity, true, -infinity, infinity},
    {Activation::elu, 1, 1, -infinity, -infinity, true, -1, infinity},
    {Activation::gelu, 1, 2, -2, -0.7517916f, false, -0.16997121f, infinity},
    {Activation::gelu_tanh, 1, 2, -2, -0.7524614f, false, -0.17004101f, infinity},
    {Activation::silu, 1, 2, -2, -1.2784645f, false, -0.27846455f, infinity},
    {Activation::softplus, 1, 1, -infinity, -infinity, true, 0, infinity},
};

// The i-th bit pattern in ascending order of the numbers: negative ones run backwards.
std::uint32_t ordered(std::uint64_t i) {
    const auto bits = std::uint32_t(i);
    return bits < 0x80000000u ? ~bits : bits - 0x80000000u;
}

// The distance between neighbouring floats at y.
double ulp(double y) {
    const int exponent = y != 0 ? std::max(std::ilogb(y), -126) : -126;
    return std::ldexp(1.0, exponent - 23);
}

struct Worst {
    double error = 0;
    float at = 0;

    void see(double e, float x) {
        if (e > error || std::isnan(e)) {
            error = e;
            at = x;
        }
    }
};

struct Sweep {
    explicit Sweep(const Promise& p) : promise(p) {}

    const Promise& promise;
    Worst worst, far;
    std::uint64_t numbers = 0, falls = 0, outside = 0, other_bits = 0, lost_nans = 0;
    float before = 0, before_at = std::numeric_limits<float>::quiet_NaN();

    void see(float x, float y) {
        if (std::isnan(x)) {
            lost_nans += !std::isnan(y);
            return;
        }
        ++numbers;
        const double exact = reference::exact(promise.activation, double(x));
        const bool same =
            double(y) == exact || (std::isinf(y) && std::fabs(exact) > 0x1.ffffffp127);
        const double error = same ? 0 : std::fabs(y - exact) / ulp(exact);
        (x < promise.far ? far : worst).see(error, x);
        outside += !(y >= promise.low && y <= promise.high);
        if (before_at == before_at)
            falls +=
                x <= promise.lowest_at ? y > before : before_at >= promise.lowest_at && y < before;
        before = y;
        before_at = x;
    }

    bool report(const char* name) const {
        std::printf("%s: %llu numbers, largest error %.4f ulp at %a", name,
                    (unsigned long long)numbers, worst.error, double(worst.at));
        if (promise.far > -infinity)
            std::printf(", %.4f ulp at %a for x < %g", far.error, double(far.at),
                        double(promise.far));
        std::printf("; %llu turn back, %llu out of range, %llu NaN lost, %llu of other bits\n",
                    (unsigned long long)falls, (unsigned long long)outside,
                    (unsigned long long)lost_nans, (unsigned long long)other_bits);
        return worst.error <= promise.ulp && far.error <= promise.far_ulp && !outside &&
               !lost_nans && !other_bits && !(promise.monotone && falls);
    }
};

bool run(const Promise& promise, std::uint64_t step) {
    constexpr std::size_t chunk = 1 << 16;
    const KernelSets& have = available_kernels();
    std::vector<float> x(chunk), y(chunk), first(chunk);
    Sweep sweep(promise);
    for (std::uint64_t i = 0; i < (std::uint64_t(1) << 32);) {
        std::size_t n = 0;
        for (; n < chunk && i < (std::uint64_t(1) << 32); i += step)
            x[n++] = std::bit_cast<float>(ordered(i));
        // The slowest set, without fused multiply-adds, is left to the sampled run.
        for (int s = step == 1 && have.count > 1 ? 1 : 0, done = 0; s < have.count; ++s, ++done) {
            have.sets[s]->f32.activate(promise.activation, Index(n), x.data(), y.data());
            if (done == 0) first = y;
            sweep.other_bits += std::memcmp(first.data(), y.data(), n * sizeof(float)) != 0;
        }
        for (std::size_t j = 0; j < n; ++j) sweep.see(x[j], y[j]);
        for (std::size_t j = 0; j < n; j += 2) x[j] = -infinity;
        have.sets[have.count - 1]->f32.activate(promise.activation, Index(n), x.data(), y.data());
        for (std::size_t j = 1; j < n; j += 2)
            sweep.other_bits += std::memcmp(&first[j], &y[j], sizeof(float)) != 0;
    }
    return sweep.report(activation_names[int(promise.activation)]);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string name = argc > 1 ? argv[1] : "";
    const std::uint64_t step = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    for (const Promise& promise : promises)
        if (name == activation_names[int(promise.activation)]) return run(promise, step) ? 0 : 1;
    std::printf("activation_all name [step]\n");
    return 2;
}
