// How long work asks whether it should stop, without knowing who might want it to.
#pragma once

namespace cnnfs {

class Interrupt {
public:
    // Asked about once in a millisecond of work. True: stop, the result is not wanted any more.
    virtual bool requested() = 0;

protected:
    ~Interrupt() = default;
};

inline bool stopped(Interrupt* interrupt) { return interrupt && interrupt->requested(); }

}  // namespace cnnfs
