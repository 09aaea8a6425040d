;; The policy in policies.yaml: the first backend that may serve, in the order of the configuration. So all others stand by.
;;
;;     wasm-tools parse first.wat -o first.wasm
;;     kubectl create configmap pointsman-policies --from-file=first.wasm --dry-run=client -o yaml > policies.yaml
(module
  (import "pointsman_1.0" "backend_count" (func $backend_count (result i32)))
  (import "pointsman_1.0" "flags" (func $flags (param i32) (result i32)))
  (import "pointsman_1.0" "tried" (func $tried (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "pointsman_init") (result i32) (i32.const 0))
  (func (export "pointsman_pick") (result i64)
    (local $index i32)
    (loop $next
      (if (i32.lt_u (local.get $index) (call $backend_count))
        (then
          (if (i32.and
                (i32.and (call $flags (local.get $index)) (i32.const 1))
                (i32.eqz (call $tried (local.get $index))))
            (then (return (i64.extend_i32_u (local.get $index)))))
          (local.set $index (i32.add (local.get $index) (i32.const 1)))
          (br $next))))
    ;; An abstention: the host picks.
    (i64.const 0x100000000)))
