/* Backends take turns, each as often as its weight says and evenly spread: 3 and 1 give a a b a.
 * Each worker of the proxy has its own turns. */
#include "pointsman.h"

/* Backends beyond these get nothing. */
#define MOST 1024

/* How much each backend is behind its share. */
static int64_t behind[MOST];

static int usable(int32_t index) {
    return (pointsman_flags(index) & POINTSMAN_FLAG_ELIGIBLE) && pointsman_tried(index) != 1;
}

POINTSMAN_INIT { return 0; }

/* Backends came, went, or changed: what was kept for their indexes is void. */
POINTSMAN_TOPOLOGY {
    for (int32_t index = 0; index < MOST; index++) behind[index] = 0;
}

POINTSMAN_PICK {
    int32_t count = pointsman_backend_count();
    int32_t next = POINTSMAN_ABSENT;
    int64_t total = 0;
    for (int32_t index = 0; index < count && index < MOST; index++) {
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
