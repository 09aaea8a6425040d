//! Of two random backends the one with fewer requests in flight per unit of weight gets the request.

const pointsman = @import("pointsman.zig");
const host = pointsman.host;

pub const panic = pointsman.panic;

export fn pointsman_init() i32 {
    return 0;
}

export fn pointsman_pick() i64 {
    const first = draw(pointsman.absent);
    if (first < 0) return pointsman.abstain;
    const second = draw(first);
    return pointsman.backend(if (second >= 0 and isLighter(second, first)) second else first);
}

/// One of the usable backends at random, other than `except`; -1 if there is none.
fn draw(except: i32) i32 {
    const count = host.backend_count();
    var open: u64 = 0;
    var index: i32 = 0;
    while (index < count) : (index += 1) open += @intFromBool(index != except and usable(index));
    if (open == 0) return pointsman.absent;
    var place = @as(u64, @bitCast(host.random())) % open;
    index = 0;
    while (index < count) : (index += 1) {
        if (index == except or !usable(index)) continue;
        if (place == 0) return index;
        place -= 1;
    }
    return pointsman.absent;
}

fn usable(index: i32) bool {
    return host.flags(index) & pointsman.flag.eligible != 0 and host.tried(index) != 1;
}

/// By multiplication: a division would round.
fn isLighter(one: i32, other: i32) bool {
    return load(one) * host.weight(other) < load(other) * host.weight(one);
}

fn load(index: i32) i64 {
    return host.stat(pointsman.stat.in_flight, index);
}
