//! The same client gets the same backend; when a backend leaves, only its clients move, and they come back with it.
//!
//! Rendezvous hashing: each backend has a number for each client, and the highest one of all wins. A backend of weight 3 has three.

const pointsman = @import("pointsman.zig");
const host = pointsman.host;

pub const panic = pointsman.panic;

/// Backends beyond these get nothing.
const most = 1024;

/// A number for each backend's name.
var names: [most]u64 = @splat(0);

export fn pointsman_init() i32 {
    readNames();
    return 0;
}

export fn pointsman_topology() void {
    readNames();
}

export fn pointsman_pick() i64 {
    // `hash_source.header` with the name of a header makes its value the key.
    const key: u64 = @bitCast(host.hash(pointsman.hash_source.client_ip, "", 0));
    if (key == 0) return pointsman.abstain;
    var owner: i32 = pointsman.absent;
    var highest: u64 = 0;
    for (names[0..known()], 0..) |name, place| {
        const index: i32 = @intCast(place);
        if (!usable(index)) continue;
        const numbers = @max(1, @divTrunc(host.configured_weight(index), pointsman.weight_unit));
        for (0..@intCast(numbers)) |number| {
            const score = mix(mix(key ^ name) +% number);
            if (owner < 0 or score > highest) {
                highest = score;
                owner = index;
            }
        }
    }
    return if (owner < 0) pointsman.abstain else pointsman.backend(owner);
}

fn readNames() void {
    for (names[0..known()], 0..) |*name, index| {
        var text: [256]u8 = undefined;
        const length = host.backend_text(@intCast(index), pointsman.backend_field.name, &text, text.len);
        var hash: u64 = 0xcbf29ce484222325;
        for (text[0..@min(@as(usize, @intCast(@max(length, 0))), text.len)]) |byte| {
            hash = (hash ^ byte) *% 0x100000001b3;
        }
        name.* = hash;
    }
}

fn known() usize {
    return @min(@as(usize, @intCast(@max(host.backend_count(), 0))), most);
}

/// All bits of the input change all bits of the output.
fn mix(input: u64) u64 {
    var x = (input ^ (input >> 30)) *% 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) *% 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

fn usable(index: i32) bool {
    return host.flags(index) & pointsman.flag.eligible != 0 and host.tried(index) != 1;
}
