// The thread pool: each item once, whoever else calls, and a stop that stops all. Made to be run under
// ThreadSanitizer and AddressSanitizer: the counters are plain numbers, so that a race shows.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "core/thread_pool.hpp"
#include "nn/network.hpp"

using namespace cnnfs;

namespace {

std::atomic<int> failures{0};

void expect(bool holds, const char* what, int threads, Index items) {
    if (holds || ++failures > 20) return;
    std::printf("FAILED %s: %d threads, %td items\n", what, threads, items);
}

// Waits for what another thread must do. A minute without it is a failure that nothing can follow.
template <class F>
void wait_until(const char* what, F holds) {
    const auto start = std::chrono::steady_clock::now();
    while (!holds()) {
        std::this_thread::yield();
        if (std::chrono::steady_clock::now() - start < std::chrono::minutes(1)) continue;
        std::printf("FAILED: waited for a minute for %s\n", what);
        std::fflush(stdout);
        std::_Exit(1);
    }
}

ThreadPool& pool() { return ThreadPool::shared(); }

template <class F>
bool run(Index items, Interrupt* interrupt, F f) {
    return pool().run(items, pool().threads(), interrupt, f);
}

// One run's view of who did what.
struct Tally {
    explicit Tally(Index items) : done(std::size_t(items)), busy(ThreadPool::most_threads) {}

    void count(Index item, int who) {
        if (busy[std::size_t(who)].exchange(true)) ++shared_names;
        ++done[std::size_t(item)];
        busy[std::size_t(who)] = false;
    }
    bool each_once() const {
        return std::all_of(done.begin(), done.end(), [](int n) { return n == 1; });
    }

    std::vector<int> done;  // plain: an item belongs to one thread, then to the caller
    std::vector<std::atomic<bool>> busy;  // by `who`
    std::atomic<int> shared_names{0};
};

void run_and_check(int threads, Index items, int most) {
    Tally tally(items);
    std::atomic<int> highest{0};
    const bool finished = run(items, nullptr, [&](Index item, int who, Interrupt*) {
        for (int seen = highest; who > seen && !highest.compare_exchange_weak(seen, who);) {
        }
        tally.count(item, who);
    });
    expect(finished, "run says that it finished", threads, items);
    expect(tally.each_once(), "each item exactly once", threads, items);
    expect(tally.shared_names == 0, "`who` names one thread", threads, items);
    expect(highest < most, "`who` is below the number of threads", threads, items);
}

void check_each_item_once() {
    for (int threads : {1, 2, 3, 8, 2, 16, 1}) {
        pool().set_threads(threads);
        expect(pool().threads() == threads, "threads() is what was set", threads, 0);
        for (Index items : {0, 1, 2, 3, 7, 8, 9, 64, 65, 1000, 20000})
            for (int round = 0; round < (items < 100 ? 200 : 10); ++round)
                run_and_check(threads, items, threads);
    }
}

// Every item waits until all have begun: as many threads as items are needed, in each round anew, also
// when the workers have parked.
void check_all_threads_take_part() {
    for (int threads : {2, 8}) {
        pool().set_threads(threads);
        for (int round = 0; round < 300; ++round) {
            std::atomic<int> begun{0};
            run(threads, nullptr, [&](Index, int, Interrupt*) {
                ++begun;
                wait_until("all threads to take part", [&] { return begun == threads; });
            });
            if (round % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
}

// A busy pool does not keep a second caller waiting, nor one that calls from within an item.
void check_busy_pool() {
    for (int threads : {2, 5}) {
        pool().set_threads(threads);
        std::atomic<bool> begun{false}, second_done{false};
        std::thread second([&] {
            wait_until("the first run to begin", [&] { return begun.load(); });
            for (int round = 0; round < 20; ++round) run_and_check(threads, 100, 1);
            second_done = true;
        });
        Tally tally(50);
        run(50, nullptr, [&](Index item, int who, Interrupt*) {
            begun = true;
            wait_until("the second caller", [&] { return second_done.load(); });
            tally.count(item, who);
            run_and_check(threads, 30, 1);
        });
        second.join();
        expect(tally.each_once(), "each item exactly once, nested", threads, 50);
    }
}

void check_many_callers() {
    pool().set_threads(4);
    std::vector<std::thread> callers;
    for (int i = 0; i < 6; ++i)
        callers.emplace_back([i] {
            for (int round = 0; round < 300; ++round)
                run_and_check(4, 1 + (round * 7 + i) % 90, ThreadPool::most_threads);
        });
    for (int round = 0; round < 500; ++round) {
        pool().set_threads(1 + round % 8);
        std::this_thread::yield();
    }
    for (std::thread& caller : callers) caller.join();
}

// Says stop when it is asked for the n-th time; only the thread that owns it may ask.
class StopAfter final : public Interrupt {
public:
    explicit StopAfter(int questions) : left_(questions) {}
    bool requested() override {
        if (std::this_thread::get_id() != owner_) ++asked_by_others;
        return --left_ < 0;
    }
    std::atomic<int> asked_by_others{0};

private:
    int left_;
    std::thread::id owner_ = std::this_thread::get_id();
};

void check_interrupt() {
    constexpr Index endless = Index(1) << 40;
    for (int threads : {1, 2, 8}) {
        pool().set_threads(threads);
        for (int questions : {0, 1, 50, 2000}) {
            StopAfter stop_after(questions);
            std::atomic<int> inside{0};
            const bool finished = run(endless, &stop_after, [&](Index, int, Interrupt*) {
                ++inside;
                std::this_thread::yield();
                --inside;
            });
            expect(!finished, "an interrupted run says so", threads, endless);
            expect(inside == 0, "no item is worked on after the end", threads, endless);
            expect(stop_after.asked_by_others == 0, "only the caller is asked", threads, endless);
        }
        // Items that would last for ever end by asking. Those of the workers, too.
        StopAfter stop_after(1000);
        std::atomic<int> begun{0};
        const bool finished = run(threads, &stop_after, [&](Index, int, Interrupt* stop) {
            ++begun;
            wait_until("all to begin", [&] { return begun == threads || stop->requested(); });
            wait_until("the stop", [&] { return stop->requested(); });
        });
        expect(!finished, "interrupted within items", threads, threads);
        run_and_check(threads, 100, threads);
    }
}

// Says stop a single time, as an exception is raised once. It must not get lost, whether the pool is
// free or busy, or has one thread.
class StopOnce final : public Interrupt {
public:
    bool requested() override { return ++asked_ == 100; }

private:
    int asked_ = 0;
};

void check_interrupt_that_is_said_once() {
    const auto check = [](int threads) {
        StopOnce once;
        std::atomic<Index> begun{0};
        const bool finished = run(5000, &once, [&](Index, int, Interrupt* stop) {
            ++begun;
            for (int i = 0; i < 9; ++i)
                if (stop->requested()) return;
        });
        expect(!finished, "said once, a stop is reported", threads, 5000);
        expect(begun < 5000, "said once, a stop ends the work", threads, 5000);
    };
    for (int threads : {1, 4}) {
        pool().set_threads(threads);
        check(threads);
        run(2, nullptr, [&](Index, int, Interrupt*) { check(threads); });
    }
}

// A network's bits while others change the number of threads; scratch that was made for fewer threads
// than take part would be overrun.
template <class T>
void check_network() {
    constexpr Index width = 160, layers_in_all = 3;
    const KernelSet& set = *find_kernels("");
    std::vector<T> weights(width * width);
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = T(i * 2654435761u % 1000) - 500;
    std::vector<std::shared_ptr<Layer<T>>> layers(layers_in_all);
    std::vector<const Dense<T>*> pass;
    for (auto& layer : layers) {
        layer = std::make_shared<Layer<T>>();
        layer->dense = Dense<T>::make(set, {weights.data(), width, width, width}, nullptr,
                                      Activation::sigmoid, nullptr);
        pass.push_back(layer->dense.get());
    }
    const Network<T> network(layers);
    const auto forward = [&](Index rows) {
        std::vector<T> x(std::size_t(rows * width)), y(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = T(i % 97) / 97;
        network.forward({pass.data(), layers_in_all}, {x.data(), rows, width, width},
                        {y.data(), rows, width, width}, nullptr);
        return y;
    };
    const Index batches[] = {1, 55, 60, 97, 400, 1001};
    pool().set_threads(1);
    std::vector<std::vector<T>> wants;
    for (Index rows : batches) wants.push_back(forward(rows));

    std::atomic<bool> over{false};
    std::thread changer([&] {
        for (unsigned turn = 0; !over; ++turn) pool().set_threads(turn % 2 ? 2 : 16);
    });
    const auto call = [&] {
        for (int round = 0; round < 40; ++round)
            for (std::size_t i = 0; i < wants.size(); ++i)
                expect(forward(batches[i]) == wants[i], "a network's bits", 16, batches[i]);
    };
    std::thread second(call);
    call();
    second.join();
    over = true;
    changer.join();
}

}  // namespace

int main(int, char** arguments) {
    struct Check {
        const char* name;
        void (*function)();
    };
    for (const Check& check : {Check{"each item once", check_each_item_once},
                               {"all threads take part", check_all_threads_take_part},
                               {"a busy pool", check_busy_pool},
                               {"many callers", check_many_callers},
                               {"interrupt", check_interrupt},
                               {"interrupt said once", check_interrupt_that_is_said_once},
                               {"a network of float", check_network<float>},
                               {"a network of double", check_network<double>}}) {
        if (arguments[1] && !std::strstr(check.name, arguments[1])) continue;
        const auto start = std::chrono::steady_clock::now();
        check.function();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        std::printf("%s: checked in %.1f s\n", check.name, taken.count());
        std::fflush(stdout);
    }
    return failures ? 1 : 0;
}
