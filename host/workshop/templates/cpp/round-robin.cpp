// Backends take turns, each as often as its weight says and evenly spread: 3 and 1 give a a b a.
#include "pointsman.h"

namespace {

class RoundRobin {
public:
    // Backends came, went, or changed: what was kept for their indexes is void.
    void restart() {
        for (int64_t &one : behind) one = 0;
    }

    int64_t pick() {
        int32_t count = pointsman_backend_count();
        int32_t next = POINTSMAN_ABSENT;
        int64_t total = 0;
        for (int32_t index = 0; index < count && index < most; index++) {
            if (!usable(index)) continue;
            int64_t weight = pointsman_weight(index);
            behind[index] += weight;
            total += weight;
            if (next < 0 || behind[index] > behind[next]) next = index;
        }
        if (next < 0) return POINTSMAN_ABSTAIN;
        behind[next] -= total;
        return POINTSMAN_BACKEND(next);
    }

private:
    // Backends beyond these get nothing.
    static constexpr int32_t most = 1024;

    static bool usable(int32_t index) {
        return (pointsman_flags(index) & POINTSMAN_FLAG_ELIGIBLE) && pointsman_tried(index) != 1;
    }

    // How much each backend is behind its share.
    int64_t behind[most] = {};
};

// Each worker of the proxy has its own.
RoundRobin policy;

}  // namespace

POINTSMAN_INIT { return 0; }

POINTSMAN_TOPOLOGY { policy.restart(); }

POINTSMAN_PICK { return policy.pick(); }
