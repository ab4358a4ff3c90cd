// softmax and the derivatives in every kernel set: near the scalar reference, and the same bits in all sets,
// in place and with rows any distance apart.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/reference.hpp"

using namespace cnnfs;

namespace {

int failures = 0;

void expect(bool holds, const char* what, const char* isa, const char* type, Index n) {
    if (holds || ++failures > 20) return;
    std::printf("FAILED %s: %s, %s, %td\n", isa, what, type, n);
}

template <class T>
const char* type_name = sizeof(T) == 4 ? "float" : "double";

template <class T>
std::vector<T> random_numbers(Index n, double size, unsigned seed) {
    std::mt19937 bits(seed);
    std::normal_distribution<double> normal;
    std::vector<T> numbers(std::size_t(n) + 1);
    for (T& x : numbers) x = T(size * normal(bits));
    return numbers;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
bool near(const std::vector<T>& got, const std::vector<T>& want, double units) {
    for (std::size_t i = 0; i < got.size(); ++i)
        if (!(std::fabs(got[i] - want[i]) <=
              units * std::numeric_limits<T>::epsilon() * std::fmax(T(1), std::fabs(want[i]))))
            return false;
    return true;
}

// What the first kernel set gave, for the others to be compared with.
template <class T>
struct Known {
    std::vector<std::vector<T>> results;
    std::size_t next = 0;

    bool agrees(const std::vector<T>& result) {
        if (next == results.size()) results.push_back(result);
        return same_bits(results[next++], result);
    }
};

template <class T>
void check_derivatives(const KernelSet& set, Known<T>& known) {
    using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
    const Kernels<T>& k = set.of<T>();
    for (int i = 0; i < activation_count; ++i) {
        const Activation act = Activation(i);
        if (!is_elementwise(act)) continue;
        const char* name = activation_names[i];
        for (Index n : {0, 1, 3, 7, 8, 16, 17, 33, 4001}) {
            for (double size : {0.5, 3.0, 40.0, 1000.0}) {
                auto z = random_numbers<T>(n, size, 1);
                if (n > 7) z[2] = 0, z[3] = T(INFINITY), z[4] = T(-INFINITY);
                std::vector<T> y(z.size()), d(z.size(), T(2)), want(z.size(), T(2));
                k.activate(act, n, z.data(), y.data());
                k.derive(act, n, needs_input(act) ? z.data() : nullptr,
                         needs_input(act) ? nullptr : y.data(), d.data());
                for (Index j = 0; j < n; ++j) {
                    const Wide at = std::fmin(std::fmax(Wide(z[std::size_t(j)]), -1e4), 1e4);
                    want[std::size_t(j)] = T(2 * reference::slope<Wide>(act, at));
                }
                expect(near(d, want, 16), name, set.name, type_name<T>, n);
                expect(known.agrees(d), "bits of a derivative", set.name, type_name<T>, n);
            }
        }
    }
}

template <class T>
void check_softmax(const KernelSet& set, Known<T>& known) {
    const Kernels<T>& k = set.of<T>();
    for (Index columns : {0, 1, 2, 3, 4, 7, 8, 9, 10, 15, 16, 17, 24, 31, 33, 64, 100, 129, 1000})
        for (Index gap : {0, 1, 13})
            for (double size : {1.0, 300.0}) {
                const Index rows = 5, stride = columns + gap;
                const auto z = random_numbers<T>(rows * stride, size, 2);
                std::vector<T> y(z.size(), T(7)), want = y, place = z, again(z.size(), T(7));
                std::vector<T> most(rows), sum(rows), want_most(rows), want_sum(rows);
                reference::softmax<T>(rows, columns, z.data(), stride, want.data(), stride,
                                      want_most.data(), want_sum.data());
                k.softmax(rows, columns, z.data(), stride, y.data(), stride, most.data(),
                          sum.data());
                expect(near(y, want, 2 + double(columns) / 64), "softmax", set.name, type_name<T>,
                       columns);
                expect(same_bits(most, want_most) && near(sum, want_sum, 4 + double(columns) / 64),
                       "highest and sum", set.name, type_name<T>, columns);
                expect(known.agrees(y) && known.agrees(sum), "bits of softmax", set.name,
                       type_name<T>, columns);

                k.softmax(rows, columns, place.data(), stride, place.data(), stride, nullptr,
                          nullptr);
                for (Index r = 0; r < rows; ++r)
                    for (Index j = 0; j < stride; ++j) {
                        const auto at = std::size_t(r * stride + j);
                        if (j < columns) again[at] = place[at];
                        else
                            expect(place[at] == z[at], "softmax between rows", set.name,
                                   type_name<T>, columns);
                    }
                expect(same_bits(again, y), "softmax in place", set.name, type_name<T>, columns);

                auto d = random_numbers<T>(rows * stride, 1, 3), want_d = d;
                k.derive_softmax(rows, columns, y.data(), stride, d.data(), stride);
                reference::derive_softmax<T>(rows, columns, y.data(), stride, want_d.data(),
                                             stride);
                expect(near(d, want_d, 16), "derivative of softmax", set.name, type_name<T>,
                       columns);
                expect(known.agrees(d), "bits of the derivative of softmax", set.name, type_name<T>,
                       columns);
            }
}

template <class T>
void check_all() {
    Known<T> derivatives, softmaxes;
    const KernelSets& have = available_kernels();
    for (int i = 0; i < have.count; ++i) {
        derivatives.next = softmaxes.next = 0;
        check_derivatives<T>(*have.sets[i], derivatives);
        check_softmax<T>(*have.sets[i], softmaxes);
        std::printf("%s checked with %s\n", have.sets[i]->name, type_name<T>);
    }
}

}  // namespace

int main() {
    check_all<float>();
    check_all<double>();
    return failures ? 1 : 0;
}
