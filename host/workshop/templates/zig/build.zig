const std = @import("std");

pub fn build(b: *std.Build) void {
    const plugin = b.addExecutable(.{
        .name = "{{project-name}}",
        .root_module = b.createModule(.{
            .root_source_file = b.path("policy.zig"),
            .target = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .freestanding }),
            .optimize = .ReleaseSmall,
        }),
    });
    // A library: nothing starts it, and its `export fn`s are what the proxy calls.
    plugin.entry = .disabled;
    plugin.rdynamic = true;
    plugin.stack_size = 16384;
    b.installArtifact(plugin);
}
