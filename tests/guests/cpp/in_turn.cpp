// Backends in turn, counted by an object with a constructor, as any larger program in C++ has one.
//
//     clang++ --target=wasm32 -O2 -nostdlib -fno-exceptions -fno-rtti -fno-threadsafe-statics -Wl,--no-entry
//             -I plugin-sdk/include -o in_turn.wasm in_turn.cpp
#include "pointsman.h"

volatile int32_t start = 2;

struct Turn {
    int32_t next;
    // Not a constant, so it has to run.
    Turn() : next(start) {}
};

static Turn turn;

POINTSMAN_INIT { return turn.next == 2 ? 0 : 1; }

POINTSMAN_PICK {
    int32_t count = pointsman_backend_count();
    for (int32_t tries = 0; tries < count; tries++) {
        int32_t index = turn.next++ % count;
        if ((pointsman_flags(index) & POINTSMAN_FLAG_ELIGIBLE) && !pointsman_tried(index)) return POINTSMAN_BACKEND(index);
    }
    return POINTSMAN_ABSTAIN;
}
