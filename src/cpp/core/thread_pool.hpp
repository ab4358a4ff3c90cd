// The process's worker threads, shared by everything that has work to divide.
//
// The caller always takes part, and all draw the next item from one atomic counter: a worker that is
// not scheduled costs nothing. Threads are created when they are first needed, spin for some
// microseconds after work, then park. If the pool is busy, or threads cannot be had, the caller does all
// items itself. Which thread does an item must not matter for its result.
#pragma once

#include <atomic>
#include <mutex>
#include <type_traits>

#include "core/interrupt.hpp"
#include "core/matrix.hpp"

namespace cnnfs {

// Processors that this process may use: affinity, and the limit of its control group.
int allowed_cpus();

class ThreadPool {
public:
    static constexpr int most_threads = 256;

    // A child process after a fork finds a new pool here, without workers.
    static ThreadPool& shared();

    // Including the caller. The default is allowed_cpus().
    void set_threads(int threads);
    int threads();

    // Calls work(context, item, who, stop) once for each item in [0, items), by at most so many threads:
    // what threads() said when the caller made room for them. `who` < threads tells the participants
    // apart, and 0 is the caller. An item may be done twice, if the process forks meanwhile. `stop` is to be asked within long items. False if
    // interrupted; then some items were not done, but none is still being worked on.
    using Work = void (*)(void* context, Index item, int who, Interrupt* stop);
    bool run(Index items, int threads, Work work, void* context, Interrupt* interrupt);

    template <class F>
    bool run(Index items, int threads, Interrupt* interrupt, F&& f) {
        return run(
            items, threads,
            [](void* context, Index item, int who, Interrupt* stop) {
                (*static_cast<std::remove_reference_t<F>*>(context))(item, who, stop);
            },
            &f, interrupt);
    }

private:
    struct Job {
        Work work = nullptr;
        void* context = nullptr;
        Index items = 0;
        int helpers = 0;  // workers that may join
        std::atomic<Index> next{0};
        std::atomic<bool> stopped{false};
    };

    void start_workers(int wanted);
    void worker(int who);
    void help(int who);
    static void take_items(Job& job, int who, Interrupt* stop);

    std::mutex busy_;  // held by the caller of run(), and never waited for
    int workers_ = 0;
    std::atomic<bool> refused_{
        false};  // the system gave no thread; not asked again until set_threads

    Job job_;
    // A worker counts itself inside before it looks whether the job is open, and the caller closes the
    // job before it waits for nobody to be inside: so none of them reads a job that is over.
    std::atomic<bool> open_{false};
    std::atomic<int> inside_{0};
    std::atomic<unsigned> round_{0};  // raised for each job; workers wait for it to change
};

}  // namespace cnnfs
