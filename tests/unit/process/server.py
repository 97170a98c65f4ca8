"""A server on the Unix socket of its process, that answers well, badly, slowly or not at all."""
import os
import socket
import sys
import threading
import time

ENDS = ("/until-close", "/cut", "/nothing", "/rubbish", "/long-head")

seen = {"connections": 0, "nothing": 0}
both = threading.Barrier(2)
places = threading.Semaphore(2)


def read_request(stream):
    line = stream.readline().decode()
    headers = {}
    while True:
        header = stream.readline().decode().strip()
        if not header:
            break
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        raise SystemExit("a body of known length was sent in chunks")
    return line.split(), headers, stream.read(int(headers.get("content-length", "0")))


def answer(out, status, kind, body, extra=""):
    out.write((f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n"
               f"Content-Length: {len(body)}\r\n{extra}\r\n").encode() + body)


def chunks(out, count, size, pause):
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
              b"Transfer-Encoding: chunked\r\n\r\n")
    for i in range(count):
        out.write(b"%x\r\n" % size + (b"%08d" % i) * (size // 8) + b"\r\n")
        out.flush()
        if pause:
            wait_for("go")
    out.write(b"0\r\n\r\n")


def wait_for(name):
    end = time.time() + 60
    while not os.path.exists(name) and time.time() < end:
        time.sleep(0.01)


def serve(method, path, headers, body, out):
    if path == "/echo":
        answer(out, 201, headers.get("content-type", "none"), method.encode() + b" " + body)
    elif path.startswith("/target"):
        answer(out, 200, "text/plain", path.encode())
    elif path == "/headers":
        text = "".join(f"{k}={v}\n" for k, v in sorted(headers.items()))
        answer(out, 200, "text/plain", text.encode())
    elif path == "/error":
        answer(out, 500, "application/problem+json", b"{}")
    elif path == "/redirect":
        answer(out, 302, "text/plain", b"", "Location: http://127.0.0.1:1/\r\n")
    elif path == "/continue":
        out.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
        answer(out, 200, "text/plain", b"at last")
    elif path == "/empty":
        out.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    elif path == "/live":
        chunks(out, 3, 8, True)
    elif path == "/big":
        chunks(out, 4096, 4096, False)
    elif path == "/until-close":
        out.write(b"HTTP/1.1 200 OK\r\n\r\nall until the end")
    elif path == "/cut":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    elif path == "/nothing":
        seen["nothing"] += 1
    elif path == "/seen":
        answer(out, 200, "text/plain", "{connections} {nothing}".format(**seen).encode())
    elif path == "/meet":
        both.wait(60)  # for another request at the same time
        answer(out, 200, "text/plain", b"met")
    elif path in ("/lame", "/lame-after-head"):
        answer(out, 200, "text/plain", b"lame")
    elif path == "/rubbish":
        out.write(b"hello, I am not HTTP\r\n\r\n")
    elif path == "/long-head":
        out.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(3000):
            out.write(b"X-%d: %s\r\n" % (i, b"y" * 64))
        out.write(b"\r\n")
    elif path == "/silence":
        out.flush()
        wait_for("never")
    elif path == "/crash":
        os._exit(1)


def serve_all(stream, out):
    """Serves a connection to its end, or until an answer that ends with it."""
    while True:
        words, headers, body = read_request(stream)
        ends = words[1] in ENDS or headers.get("connection") == "close"
        serve(words[0], words[1], headers, body, out)
        out.flush()
        if words[1] == "/lame":
            stream.raw._sock.recv(1, socket.MSG_PEEK)  # ends with a request unread
            return
        if words[1] == "/lame-after-head":
            while stream.readline().strip():
                pass
            return
        if ends:
            return


def serve_connection(connection):
    with connection, connection.makefile("rb") as stream, connection.makefile("wb") as out:
        try:
            serve_all(stream, out)
        except (BrokenPipeError, ConnectionResetError, IndexError):
            try:
                out.close()
            except OSError:
                pass


def serve_in_place(connection):
    serve_connection(connection)
    places.release()


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.environ["DAVIT_SOCKET"])
    listener.listen(16)
    while True:  # one connection at a time, or two, to its end, as many a model server does
        if sys.argv[1:] == ["two"]:
            places.acquire()
        connection, _ = listener.accept()
        seen["connections"] += 1
        if sys.argv[1:] == ["threads"]:
            threading.Thread(target=serve_connection, args=(connection,), daemon=True).start()
        elif sys.argv[1:] == ["two"]:
            threading.Thread(target=serve_in_place, args=(connection,), daemon=True).start()
        else:
            serve_connection(connection)


main()
