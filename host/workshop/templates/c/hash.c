/* The same client gets the same backend; when a backend leaves, only its clients move, and they come back with it.
 *
 * Rendezvous hashing: each backend has a number for each client, and the highest one of all wins. A backend of weight 3 has three. */
#include "pointsman.h"

/* Backends beyond these get nothing. */
#define MOST 1024

/* A number for each backend's name. */
static uint64_t names[MOST];
static uint8_t name[256];

/* All bits of the input change all bits of the output. */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void read_names(void) {
    int32_t count = pointsman_backend_count();
    for (int32_t index = 0; index < count && index < MOST; index++) {
        int32_t len = pointsman_backend_text(index, POINTSMAN_BACKEND_FIELD_NAME, name, sizeof name);
        uint64_t hash = 0xcbf29ce484222325u;
        for (int32_t at = 0; at < len && at < (int32_t)sizeof name; at++) hash = (hash ^ name[at]) * 0x100000001b3u;
        names[index] = hash;
    }
}

static int usable(int32_t index) {
    return (pointsman_flags(index) & POINTSMAN_FLAG_ELIGIBLE) && pointsman_tried(index) != 1;
}

POINTSMAN_INIT {
    read_names();
    return 0;
}

POINTSMAN_TOPOLOGY { read_names(); }

POINTSMAN_PICK {
    /* POINTSMAN_HASH_SOURCE_HEADER with the name of a header makes its value the key. */
    uint64_t key = (uint64_t)pointsman_hash(POINTSMAN_HASH_SOURCE_CLIENT_IP, "", 0);
    if (key == 0) return POINTSMAN_ABSTAIN;
    int32_t count = pointsman_backend_count();
    int32_t owner = POINTSMAN_ABSENT;
    uint64_t highest = 0;
    for (int32_t index = 0; index < count && index < MOST; index++) {
        if (!usable(index)) continue;
        int32_t numbers = pointsman_configured_weight(index) / POINTSMAN_WEIGHT_UNIT;
        for (int32_t number = 0; number == 0 || number < numbers; number++) {
            uint64_t score = mix(mix(key ^ names[index]) + (uint64_t)number);
            if (owner < 0 || score > highest) {
                highest = score;
                owner = index;
            }
        }
    }
    return owner < 0 ? POINTSMAN_ABSTAIN : POINTSMAN_BACKEND(owner);
}
