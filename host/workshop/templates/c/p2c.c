/* Of two random backends the one with fewer requests in flight per unit of weight gets the request. */
#include "pointsman.h"

static int usable(int32_t index) {
    return (pointsman_flags(index) & POINTSMAN_FLAG_ELIGIBLE) && pointsman_tried(index) != 1;
}

/* One of the usable backends at random, other than `except`; POINTSMAN_ABSENT if there is none. */
static int32_t draw(int32_t count, int32_t except) {
    uint64_t open = 0;
    for (int32_t index = 0; index < count; index++) open += index != except && usable(index);
    if (open == 0) return POINTSMAN_ABSENT;
    uint64_t place = (uint64_t)pointsman_random() % open;
    for (int32_t index = 0; index < count; index++) {
        if (index != except && usable(index) && place-- == 0) return index;
    }
    return POINTSMAN_ABSENT;
}

/* By multiplication: a division would round. */
static int is_lighter(int32_t one, int32_t other) {
    return pointsman_stat(POINTSMAN_STAT_IN_FLIGHT, one) * pointsman_weight(other) <
           pointsman_stat(POINTSMAN_STAT_IN_FLIGHT, other) * pointsman_weight(one);
}

POINTSMAN_INIT { return 0; }

POINTSMAN_PICK {
    int32_t count = pointsman_backend_count();
    int32_t first = draw(count, POINTSMAN_ABSENT);
    if (first < 0) return POINTSMAN_ABSTAIN;
    int32_t second = draw(count, first);
    return POINTSMAN_BACKEND(second >= 0 && is_lighter(second, first) ? second : first);
}
