// Work of a training step, cut into items and divided among threads where there is enough of it.
#pragma once

#include <algorithm>

#include "core/thread_pool.hpp"
#include "nn/schedule.hpp"

namespace cnnfs {

inline int threads_of_step(Index work) {
    return work < step_worth_sharing ? 1 : ThreadPool::shared().threads();
}

// Calls f(item, who, stop) for each item, with `who` < threads. `threads`: of threads_of_step. False if
// interrupted. Items may be done twice, so each must write what it wrote before.
template <class F>
bool share(Index items, int threads, Interrupt* interrupt, F f) {
    threads = int(std::min<Index>(threads, items));
    if (threads > 1) return ThreadPool::shared().run(items, threads, interrupt, f);
    for (Index item = 0; item < items; ++item) f(item, 0, interrupt);
    return !stopped(interrupt);
}

}  // namespace cnnfs
