//! Backends take turns, each as often as its weight says and evenly spread: 3 and 1 give a a b a.
//! Each worker of the proxy has its own turns.

const pointsman = @import("pointsman.zig");
const host = pointsman.host;

pub const panic = pointsman.panic;

/// Backends beyond these get nothing.
const most = 1024;

/// How much each backend is behind its share.
var behind: [most]i64 = @splat(0);

export fn pointsman_init() i32 {
    return 0;
}

/// Backends came, went, or changed: what was kept for their indexes is void.
export fn pointsman_topology() void {
    behind = @splat(0);
}

export fn pointsman_pick() i64 {
    const count: usize = @intCast(@max(host.backend_count(), 0));
    var next: ?usize = null;
    var total: i64 = 0;
    for (behind[0..@min(count, most)], 0..) |*share, index| {
        if (!usable(@intCast(index))) continue;
        const weight = host.weight(@intCast(index));
        share.* += weight;
        total += weight;
        if (next == null or share.* > behind[next.?]) next = index;
    }
    const picked = next orelse return pointsman.abstain;
    behind[picked] -= total;
    return pointsman.backend(@intCast(picked));
}

fn usable(index: i32) bool {
    return host.flags(index) & pointsman.flag.eligible != 0 and host.tried(index) != 1;
}
