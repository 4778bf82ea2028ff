"""A local web server that misbehaves on request, and two tiny datasets in the real formats."""

import gzip
import hashlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from cgt.data import registry
from cgt.data.fashion_mnist import FashionMNIST
from cgt.data.formats import npy_bytes
from cgt.data.indian_pines import CUBE, GROUND_TRUTH, IndianPines
from cgt.data.raw import IdxFile, NpyFile

Reply = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers each path with its queue of replies, the last one over and over; else with 404."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.closing = threading.Event()
        self._replies: dict[str, list[Reply]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def on(self, path: str, *replies: Reply) -> str:
        self._replies[path] = list(replies)
        return self.url + path

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def good(self, body: bytes) -> Reply:
        return lambda handler: _send(handler, body, len(body))

    def unannounced(self, body: bytes) -> Reply:
        """No Content-Length: the end of the connection is the end of the body."""
        return lambda handler: _send(handler, body, None)

    def truncated(self, body: bytes) -> Reply:
        return lambda handler: _send(handler, body[: len(body) // 2], len(body))

    def kept_open(self, body: bytes) -> Reply:
        """Everything arrives, but the connection is not closed afterwards."""
        return lambda handler: (_send(handler, body, len(body)), self.closing.wait(5))

    def stalled(self, body: bytes) -> Reply:
        """Half of the body arrives, then nothing."""

        def reply(handler: BaseHTTPRequestHandler) -> None:
            _send(handler, body[: len(body) // 2], len(body))
            self.closing.wait(5)

        return reply

    def silent(self, handler: BaseHTTPRequestHandler) -> None:
        """Takes the request and never answers."""
        self.closing.wait(5)

    def dripping(self, body: bytes) -> Reply:
        """One byte at a time: no single wait is long."""

        def reply(handler: BaseHTTPRequestHandler) -> None:
            _send(handler, b"", len(body))
            for byte in body:
                if self.closing.wait(0.01):
                    return
                handler.wfile.write(bytes([byte]))

        return reply

    def status(self, code: int) -> Reply:
        return lambda handler: handler.send_error(code)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                queue = server._replies.get(self.path, [server.status(404)])
                reply = queue.pop(0) if len(queue) > 1 else queue[0]
                try:
                    reply(self)
                except ConnectionError:
                    self.close_connection = True  # the client gave up, as it should

            def log_message(self, *args: object) -> None:
                """Keep the test output clean."""

        return Handler


def _send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None) -> None:
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.close()


def idx_bytes(array: np.ndarray) -> bytes:
    dimensions = np.array(array.shape, ">u4").tobytes()
    return b"\0\0\x08" + bytes([array.ndim]) + dimensions + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny_fashion(monkeypatch, tmp_path):
    """Fashion-MNIST with 200 + 50 images of 4 x 4: (builder, raw folder, bytes by file name)."""
    random = np.random.RandomState(0)
    contents = {}
    for part, size in (("train", 200), ("t10k", 50)):
        contents[f"{part}-images-idx3-ubyte"] = idx_bytes(random.randint(0, 256, (size, 4, 4)))
        contents[f"{part}-labels-idx1-ubyte"] = idx_bytes(random.permutation(size) % 10)
    files = tuple(
        IdxFile(file.name, (size, *shape), "u1", _sha256(contents[file.name]))
        for file, size, shape in zip(
            FashionMNIST().files, (200, 200, 50, 50), ((4, 4), (), (4, 4), ()), strict=True
        )
    )
    builder = FashionMNIST(files=files)
    return _install(monkeypatch, builder, tmp_path / "raw", contents)


@pytest.fixture
def tiny_pines(install_pines):
    """Indian Pines with 40 x 30 pixels and 12 bands: (builder, raw folder, bytes by file name)."""
    random = np.random.RandomState(0)
    cube = random.randint(900, 9000, (40, 30, 12)).astype("<u2")
    truth = (np.arange(1200) % 17).reshape(40, 30).astype("u1")
    return install_pines(cube, truth)


@pytest.fixture
def install_pines(monkeypatch, tmp_path):
    """A function that makes `cube` and `truth` the raw files of Indian Pines."""

    def install(cube, truth):
        arrays = {CUBE: cube, GROUND_TRUTH: truth}
        builder = IndianPines(
            files=tuple(
                NpyFile(name, array.shape, array.dtype.str, _sha256(array.tobytes()))
                for name, array in arrays.items()
            )
        )
        contents = {name: npy_bytes(array) for name, array in arrays.items()}
        return _install(monkeypatch, builder, tmp_path / "raw", contents)

    return install


def _install(monkeypatch, builder, raw_dir, contents):
    raw_dir.mkdir(exist_ok=True)
    for name, data in contents.items():
        (raw_dir / name).write_bytes(data)
    others = registry._coded
    monkeypatch.setattr(
        registry, "_coded", lambda name: builder if name == builder.name else others(name)
    )
    return builder, raw_dir, contents


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def packed_fashion(tiny_fashion):
    """What a server of the tiny Fashion-MNIST holds: gzipped bytes by file name."""
    return {name: gzip.compress(data) for name, data in tiny_fashion[2].items()}
