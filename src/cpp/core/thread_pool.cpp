#include "core/thread_pool.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>
#include <thread>

#include "core/fpu.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

namespace cnnfs {

namespace {

// How long a worker looks for the next job before it parks: calls in a row come within it, and a
// thread that waits longer for work should not keep a processor from others.
constexpr auto spin_time = std::chrono::microseconds(50);

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

std::atomic<ThreadPool*> shared_pool{nullptr};
std::atomic<int> chosen_threads{0};  // 0: not yet asked for

// The workers and whatever they were doing stayed with the parent. The old pool is left behind, not
// destroyed: its lock may be held by a thread that does not exist here.
std::atomic<unsigned> forks{0};
void forget_pool_after_fork() {
    shared_pool.store(nullptr);
    ++forks;
}

// Asks the job's flag; the caller's own interrupt may only be asked by the caller.
class StopFlag final : public Interrupt {
public:
    explicit StopFlag(const std::atomic<bool>& flag) : flag_(flag) {}
    bool requested() override { return flag_.load(std::memory_order_relaxed); }

private:
    const std::atomic<bool>& flag_;
};

// Passes the caller's interrupt on to the others, and remembers it: it may speak once only.
class StopAll final : public Interrupt {
public:
    StopAll(Interrupt* caller, std::atomic<bool>& flag) : caller_(caller), flag_(flag) {}
    bool requested() override {
        if (caller_ && !flag_.load(std::memory_order_relaxed) && caller_->requested())
            flag_.store(true, std::memory_order_relaxed);
        return flag_.load(std::memory_order_relaxed);
    }

private:
    Interrupt* caller_;
    std::atomic<bool>& flag_;
};

}  // namespace

ThreadPool& ThreadPool::shared() {
    ThreadPool* pool = shared_pool.load(std::memory_order_acquire);
    if (pool) return *pool;
    // Never destroyed: workers and callers may outlive the end of main().
    auto* made = new ThreadPool;
    if (shared_pool.compare_exchange_strong(pool, made)) {
#if defined(__unix__) || defined(__APPLE__)
        static std::once_flag once;
        std::call_once(once, [] { pthread_atfork(nullptr, nullptr, forget_pool_after_fork); });
#endif
        return *made;
    }
    delete made;
    return *pool;
}

int ThreadPool::threads() {
    int threads = chosen_threads.load(std::memory_order_relaxed);
    if (threads == 0) {
        const int found = std::min(allowed_cpus(), most_threads);
        if (chosen_threads.compare_exchange_strong(threads, found)) threads = found;
    }
    return threads;
}

void ThreadPool::set_threads(int threads) {
    chosen_threads.store(threads);
    refused_ = false;
}

void ThreadPool::start_workers(int wanted) {
    while (workers_ < wanted && !refused_) {
#if defined(__unix__) || defined(__APPLE__)
        // Signals are for the threads that Python knows.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
        try {
            std::thread([this, who = workers_ + 1] { worker(who); }).detach();
            ++workers_;
        } catch (const std::system_error&) {
            refused_ = true;
        } catch (const std::bad_alloc&) {
            refused_ = true;
        }
#if defined(__unix__) || defined(__APPLE__)
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
    }
}

void ThreadPool::worker(int who) {
    const StandardArithmetic standard;
    for (unsigned seen = 0;;) {
        const auto start = std::chrono::steady_clock::now();
        while (round_.load(std::memory_order_acquire) == seen) {
            for (int i = 0; i < 64 && round_.load(std::memory_order_relaxed) == seen; ++i) relax();
            if (std::chrono::steady_clock::now() - start > spin_time)
                round_.wait(seen, std::memory_order_acquire);
        }
        seen = round_.load(std::memory_order_acquire);
        help(who);
    }
}

void ThreadPool::help(int who) {
    inside_.fetch_add(1);
    if (open_.load() && who <= job_.helpers) {
        StopFlag stop(job_.stopped);
        take_items(job_, who, &stop);
    }
    inside_.fetch_sub(1, std::memory_order_release);
}

void ThreadPool::take_items(Job& job, int who, Interrupt* stop) {
    for (;;) {
        const Index item = job.next.fetch_add(1, std::memory_order_relaxed);
        if (item >= job.items || stop->requested()) return;
        job.work(job.context, item, who, stop);
    }
}

bool ThreadPool::run(Index items, int threads, Work work, void* context, Interrupt* interrupt) {
    const int wanted = int(std::min<Index>(threads, items)) - 1;
    std::unique_lock lock(busy_, std::defer_lock);
    if (wanted > 0 && lock.try_lock()) start_workers(wanted);
    if (!lock.owns_lock() || workers_ == 0) {
        std::atomic<bool> flag{false};
        StopAll stop(interrupt, flag);
        for (Index item = 0; item < items; ++item) {
            if (stop.requested()) return false;
            work(context, item, 0, &stop);
        }
        return !flag.load(std::memory_order_relaxed);
    }

    job_.work = work;
    job_.context = context;
    job_.items = items;
    job_.helpers = wanted;
    job_.next.store(0, std::memory_order_relaxed);
    job_.stopped.store(false, std::memory_order_relaxed);
    open_.store(true);
    round_.fetch_add(1);
    round_.notify_all();

    const unsigned forks_before = forks.load();
    StopAll stop(interrupt, job_.stopped);
    take_items(job_, 0, &stop);

    open_.store(false);
    for (int i = 0; inside_.load() != 0; ++i) {
        relax();
        // Somebody else may need this processor to finish its item.
        if (i > 1000) std::this_thread::yield();
        // A handler that the interrupt called has forked, and this is the child: the workers stayed
        // behind, and what they had begun is done again.
        if (forks.load() != forks_before) {
            for (Index item = 0; item < items && !stop.requested(); ++item)
                work(context, item, 0, &stop);
            break;
        }
    }
    return !job_.stopped.load(std::memory_order_relaxed);
}

}  // namespace cnnfs
