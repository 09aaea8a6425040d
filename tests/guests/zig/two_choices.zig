//! Two backends at random; the one with fewer requests per weight gets the request.

const pointsman = @import("pointsman.zig");
const host = pointsman.host;

pub const panic = pointsman.panic;

export fn pointsman_init() i32 {
    return 0;
}

export fn pointsman_pick() i64 {
    const first = draw(-1);
    if (first < 0) return pointsman.abstain;
    const second = draw(first);
    if (second < 0 or load(first) * weight(second) <= load(second) * weight(first)) return pointsman.backend(first);
    return pointsman.backend(second);
}

/// An eligible backend that this request has not tried, other than `except`; -1 if there is none.
fn draw(except: i32) i32 {
    var open: u64 = 0;
    const count = host.backend_count();
    var index: i32 = 0;
    while (index < count) : (index += 1) open += @intFromBool(index != except and may(index));
    if (open == 0) return -1;
    var place = @as(u64, @bitCast(host.random())) % open;
    index = 0;
    while (true) : (index += 1) {
        if (index == except or !may(index)) continue;
        if (place == 0) return index;
        place -= 1;
    }
}

fn may(index: i32) bool {
    return host.flags(index) & pointsman.flag.eligible != 0 and host.tried(index) == 0;
}

fn load(index: i32) i64 {
    return host.stat(pointsman.stat.in_flight, index);
}

fn weight(index: i32) i64 {
    return host.weight(index);
}
