"""A client of gRPC that says what came of each call, so that a proxy's answers can be compared with a server's own.

Usage: client.py HOST:PORT CALL... [--authority FILE]
"""

import sys
import threading
import time

import grpc

OPTIONS = [
    ("grpc.max_metadata_size", 1 << 20),
    ("grpc.absolute_max_metadata_size", 1 << 20),
    ("grpc.ssl_target_name_override", "test"),
    ("grpc.enable_http_proxy", 0),
    # Windows stay as small as they begin.
    ("grpc.http2.bdp_probe", 0),
]
TIMEOUT = 15


def method(channel, kind, name):
    return getattr(channel, kind)("/t.T/" + name)


def told(call):
    """What the metadata says, but for what a proxy adds."""
    fields = [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]
    added = "x-pointsman-error", "x-request-id"
    return sorted((name, value) for name, value in fields if name.startswith("x-") and name not in added)


def unary(channel):
    response, call = method(channel, "unary_unary", "Unary").with_call(
        b"abc", TIMEOUT, metadata=[("x-there-bin", bytes(range(255, -1, -1)))]
    )
    return response, told(call), call.code(), call.details()


def large(channel):
    request = bytes(range(256)) * 4096
    response, call = method(channel, "unary_unary", "Unary").with_call(request, TIMEOUT)
    return response == request[::-1], call.code()


def client_stream(channel):
    requests = iter([b"a", b"b" * 100_000, b"", b"c"])
    response, call = method(channel, "stream_unary", "ClientStream").with_call(requests, TIMEOUT)
    return len(response), call.code()


def server_stream(channel):
    call = method(channel, "unary_stream", "ServerStream")(b"300", TIMEOUT)
    messages = list(call)
    return len(messages), messages[-1][:8], call.code()


def bidi(channel):
    """Each message is sent once the one before is answered."""
    answers = []

    def requests():
        for number in range(20):
            yield b"%d" % number
            while len(answers) <= number:
                time.sleep(0.001)

    call = method(channel, "stream_stream", "Bidi")(requests(), TIMEOUT)
    for answer in call:
        answers.append(answer)
    return answers, call.code()


def fail(channel):
    method(channel, "unary_unary", "Fail")(b"", TIMEOUT)


def refuse(channel):
    method(channel, "unary_unary", "Refuse")(b"", TIMEOUT)


def unknown(channel):
    method(channel, "unary_unary", "NoSuchMethod")(b"", TIMEOUT)


def fail_after(channel):
    call, got = method(channel, "unary_stream", "FailAfter")(b"", TIMEOUT), []
    try:
        for message in call:
            got.append(message)
    except grpc.RpcError as error:
        return got, error.code(), error.details(), told(error)


def remaining(channel):
    return method(channel, "unary_unary", "Remaining")(b"", 700)


def deadline(channel):
    method(channel, "unary_unary", "Hang")(b"", 0.5)


def trailers_20(channel):
    response, call = method(channel, "unary_unary", "LargeTrailers").with_call(b"20", TIMEOUT)
    return response, len(told(call)), call.code()


def trailers_70(channel):
    response, call = method(channel, "unary_unary", "LargeTrailers").with_call(b"70", TIMEOUT)
    return response, len(told(call)), call.code()


def trailers_400(channel):
    response, call = method(channel, "unary_unary", "LargeTrailers").with_call(b"400", TIMEOUT)
    return response, len(told(call)), call.code()


def talk(channel):
    """Only the client talks, for 2.5 seconds."""

    def requests():
        for _ in range(25):
            yield b"x"
            time.sleep(0.1)

    return method(channel, "stream_unary", "Listen")(requests(), TIMEOUT)


def listen(channel):
    """Only the server talks, for 2.5 seconds, while the client could."""
    done = threading.Event()

    def requests():
        yield b"25"
        done.wait(TIMEOUT)

    answers = list(method(channel, "stream_stream", "Events")(requests(), TIMEOUT))
    done.set()
    return len(answers)


def silence(channel):
    """Nobody talks."""
    done = threading.Event()

    def requests():
        yield b"x"
        done.wait(TIMEOUT)

    try:
        return method(channel, "stream_unary", "Listen")(requests(), TIMEOUT)
    finally:
        done.set()


def both(channel):
    """Sends much before it reads anything of much."""
    sent = threading.Event()

    def requests():
        for _ in range(40):
            yield bytes(50_000)
        sent.set()

    call = method(channel, "stream_stream", "Both")(requests(), TIMEOUT)
    everything = sent.wait(TIMEOUT)
    answers = list(call)
    return everything, len(answers), answers[-1]


def many_fields(channel):
    method(channel, "unary_unary", "Unary")(b"abc", TIMEOUT, metadata=[("x-%d" % n, "v") for n in range(150)])


def long_body(channel):
    method(channel, "unary_unary", "Unary")(bytes(100_000), TIMEOUT)


def serving(channel):
    return method(channel, "unary_unary", "SetServing")(b"1", TIMEOUT)


def not_serving(channel):
    return method(channel, "unary_unary", "SetServing")(b"0", TIMEOUT)


def main():
    arguments, options = sys.argv[1:], OPTIONS
    if "--authority" in arguments:
        place = arguments.index("--authority")
        roots = open(arguments[place + 1], "rb").read()
        credentials = grpc.ssl_channel_credentials(roots)
        channel = grpc.secure_channel(arguments[0], credentials, options)
        del arguments[place : place + 2]
    else:
        channel = grpc.insecure_channel(arguments[0], options[:2] + options[3:])
    for name in arguments[1:]:
        try:
            result = globals()[name](channel)
        except grpc.RpcError as error:
            result = error.code(), error.details(), told(error)
        print(name, result, flush=True)


main()
