/* A policy in C: a request may name its backend in the header `x-backend`; all others go to a random eligible one.
 *
 *     clang --target=wasm32 -O2 -Wall -Wextra -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,-zstack-size=16384 \
 *         -I plugin-sdk/include -o pinned_canary.wasm tests/guests/c/pinned_canary.c
 *
 * No allocation, no libc: all that it keeps is in two static buffers.
 */
#include "pointsman.h"

/* A backend of the pool with a longer name can't be pinned. */
#define NAME_CAP 128
#define DRAWS 16

static char wanted[NAME_CAP];
static char name[NAME_CAP];

/* Compares texts of known length; there is no libc. */
static int same(const char *a, const char *b, int32_t len) {
    for (int32_t i = 0; i < len; i++) {
        if (a[i] != b[i]) return 0;
    }
    return 1;
}

static int usable(int32_t index) {
    return (pointsman_flags(index) & POINTSMAN_FLAG_ELIGIBLE) && pointsman_tried(index) != 1;
}

/* The usable backend that the request names, or POINTSMAN_ABSENT. */
static int32_t pinned(int32_t count) {
    int32_t wanted_len = pointsman_header("x-backend", sizeof "x-backend" - 1, wanted, NAME_CAP);
    if (wanted_len < 0 || wanted_len > NAME_CAP) return POINTSMAN_ABSENT;
    for (int32_t index = 0; index < count; index++) {
        int32_t len = pointsman_backend_text(index, POINTSMAN_BACKEND_FIELD_NAME, name, NAME_CAP);
        if (len == wanted_len && same(name, wanted, len)) return usable(index) ? index : POINTSMAN_ABSENT;
    }
    return POINTSMAN_ABSENT;
}

POINTSMAN_INIT {
    /* There is nothing to configure: the table has to be the two bytes of an empty one. */
    char config[2];
    if (pointsman_config(config, sizeof config) > (int32_t)sizeof config) {
        static const char why[] = "pinned_canary takes no configuration: remove the pool's policy.config table";
        pointsman_fail(why, sizeof why - 1);
        return 1;
    }
    return 0;
}

POINTSMAN_PICK {
    int32_t count = pointsman_backend_count();
    if (count <= 0) return POINTSMAN_ABSTAIN;
    int32_t index = pinned(count);
    if (index >= 0) return POINTSMAN_BACKEND(index);
    for (int draw = 0; draw < DRAWS; draw++) {
        index = (int32_t)((uint64_t)pointsman_random() % (uint64_t)count);
        if (usable(index)) return POINTSMAN_BACKEND(index);
    }
    /* Nearly all are down or tried: the host's fallback looks at every one. */
    return POINTSMAN_ABSTAIN;
}
