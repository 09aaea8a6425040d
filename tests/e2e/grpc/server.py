"""A server of gRPC with methods of all kinds, whose messages are plain bytes.

Usage: server.py [CERTIFICATE KEY]. Says its port on the first line, and what happens to calls on the following ones. It ends with its
standard input.
"""

import sys
import threading
import time
from concurrent import futures

import grpc

SERVING = threading.Event()
SERVING.set()


def say(text):
    print(text, flush=True)


def unary(request, context):
    sent = dict(context.invocation_metadata())
    context.send_initial_metadata([("x-first", "1"), ("x-back-bin", sent.get("x-there-bin", b"none"))])
    context.set_trailing_metadata([("x-last", "2"), ("x-last-bin", bytes(range(256)))])
    return request[::-1]


def client_stream(requests, context):
    return b"+".join(requests)


def server_stream(request, context):
    for number in range(int(request)):
        yield b"m%d" % number * 1000


def bidi(requests, context):
    for request in requests:
        yield b"<" + request + b">"


def fail(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100 %, d\u00e9j\u00e0 vu\n")


def refuse(request, context):
    context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


def fail_after(request, context):
    yield b"one"
    yield b"two"
    context.set_trailing_metadata([("x-why", "it broke")])
    context.abort(grpc.StatusCode.DATA_LOSS, "three is lost")


def remaining(request, context):
    return b"%d" % round(context.time_remaining(), -1)


def large_trailers(request, context):
    context.set_trailing_metadata([("x-large-%d" % n, "v" * 1000) for n in range(int(request))])
    return b"ok"


def hang(request, context):
    ended = threading.Event()
    context.add_callback(ended.set)
    say("hangs")
    ended.wait(20)
    say("cancelled" if not context.is_active() else "alone")
    return b""


def listen(requests, context):
    """Says nothing before the client has said all."""
    return b"%d" % sum(1 for _ in requests)


def both(requests, context):
    """Sends much, and reads at the same time."""
    read = threading.Semaphore(0)
    total = []

    def consume():
        total.append(sum(len(request) for request in requests))
        read.release()

    threading.Thread(target=consume).start()
    for _ in range(40):
        yield bytes(50_000)
    read.acquire()
    yield b"%d" % total[0]


def events(requests, context):
    """Talks while the client listens."""
    for number in range(int(next(requests))):
        time.sleep(0.1)
        yield b"%d" % number


def set_serving(request, context):
    (SERVING.set if request == b"1" else SERVING.clear)()
    return b""


def check(request, context):
    if request not in (b"", b"\x0a\x03t.T"):
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return b"\x08\x01" if SERVING.is_set() else b"\x08\x02"


def main():
    kinds = grpc.unary_unary_rpc_method_handler, grpc.stream_unary_rpc_method_handler
    kinds += grpc.unary_stream_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    one, from_many, to_many, of_many = kinds
    methods = {
        "Unary": one(unary),
        "ClientStream": from_many(client_stream),
        "ServerStream": to_many(server_stream),
        "Bidi": of_many(bidi),
        "Fail": one(fail),
        "Refuse": one(refuse),
        "FailAfter": to_many(fail_after),
        "Remaining": one(remaining),
        "LargeTrailers": one(large_trailers),
        "Hang": one(hang),
        "Listen": from_many(listen),
        "Both": of_many(both),
        "Events": of_many(events),
        "SetServing": one(set_serving),
    }
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("t.T", methods),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": one(check)}),
        ]
    )
    if len(sys.argv) > 1:
        certificate, key = (open(name, "rb").read() for name in sys.argv[1:3])
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say(port)
    sys.stdin.read()
    server.stop(0)


main()
