import socket
import time

import pytest

from cgt.data.fetch import RetryPolicy, SourceUnavailable, fetch

BODY = bytes(range(256)) * 8
# A busy machine may keep an answer back for a while: only silence is given up quickly.
QUICK = RetryPolicy(attempts=3, timeout=5, deadline=30, backoff=0.01)
ONCE = RetryPolicy(attempts=1, timeout=5, deadline=30, backoff=0.01)
HASTY_ONCE = RetryPolicy(attempts=1, timeout=0.1, deadline=30, backoff=0.01)


def test_good_answer_is_returned_without_noise(server, capsys):
    assert fetch(server.on("/f", server.good(BODY)), len(BODY), QUICK) == BODY
    assert capsys.readouterr() == ("", "")


def test_body_without_announced_length(server):
    assert fetch(server.on("/f", server.unannounced(BODY)), len(BODY), QUICK) == BODY


def test_connection_left_open_after_the_body_does_not_stall(server):
    start = time.monotonic()
    retry = RetryPolicy(attempts=1, timeout=3, deadline=5)
    assert fetch(server.on("/f", server.kept_open(BODY)), len(BODY), retry) == BODY
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("failure", ["truncated", "stalled"])
def test_transient_failure_is_retried(server, failure):
    bad = getattr(server, failure)(BODY)
    retry = RetryPolicy(attempts=3, timeout=0.5, deadline=30, backoff=0.01)
    assert fetch(server.on("/f", bad, bad, server.good(BODY)), len(BODY), retry) == BODY
    assert len(server.requests) == 3


def test_503_then_good(server):
    url = server.on("/f", server.status(503), server.good(BODY))
    assert fetch(url, len(BODY), QUICK) == BODY


def test_truncated_body_is_never_returned(server):
    url = server.on("/f", server.truncated(BODY))
    with pytest.raises(
        SourceUnavailable, match=r"truncated, got 1024 of 2048 bytes .*attempt 3 of 3"
    ):
        fetch(url, len(BODY), QUICK)


@pytest.mark.parametrize("failure", ["stalled", "silent"])
def test_stalled_server_is_given_up(server, failure):
    reply = server.silent if failure == "silent" else server.stalled(BODY)
    start = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"no data for 0\.1 s"):
        fetch(server.on("/f", reply), len(BODY), HASTY_ONCE)
    assert time.monotonic() - start < 2


def test_dripping_server_meets_the_deadline(server):
    retry = RetryPolicy(attempts=3, timeout=1, deadline=0.2, backoff=0.01)
    start = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"too slow, [0-9]+ bytes arrived"):
        fetch(server.on("/f", server.dripping(BODY)), len(BODY), retry)
    assert time.monotonic() - start < 2
    assert len(server.requests) == 1


def test_broken_protocol_is_given_up(server):
    url = server.on("/f", lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"))
    with pytest.raises(SourceUnavailable, match="connection broken: BadStatusLine"):
        fetch(url, 10, ONCE)


def test_404_is_final_and_names_the_url(server):
    url = f"{server.url}/absent"
    with pytest.raises(OSError, match=f"HTTP 404 Not Found for {url}") as caught:
        fetch(url, 10, QUICK)
    assert not isinstance(caught.value, SourceUnavailable)  # other files may be there
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", ["good", "unannounced"])
def test_too_large_a_body_is_refused(server, reply):
    url = server.on("/f", getattr(server, reply)(BODY))
    with pytest.raises(ValueError, match=str(len(BODY) - 1)):
        fetch(url, len(BODY) - 1, QUICK)


def test_refused_connection(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceUnavailable, match=r"refused.*attempt 3 of 3"):
        fetch(f"http://127.0.0.1:{port}/f", 10, QUICK)


def test_unknown_host_is_not_retried(monkeypatch):
    calls = []

    def fail(*args, **kwargs):
        calls.append(args)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(SourceUnavailable, match="Name or service not known"):
        fetch("http://host.invalid/f", 10, QUICK)
    assert len(calls) == 1


def test_no_data_from_something_that_is_not_a_web_server():
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, never answers
        port = listener.getsockname()[1]
        with pytest.raises(SourceUnavailable, match=r"no data for 0\.1 s"):
            fetch(f"http://127.0.0.1:{port}/f", 10, HASTY_ONCE)


def test_local_file(tmp_path):
    (tmp_path / "f").write_bytes(BODY)
    assert fetch(str(tmp_path / "f"), len(BODY), QUICK) == BODY
    with pytest.raises(ValueError, match="larger than the allowed 10 bytes"):
        fetch(str(tmp_path / "f"), 10, QUICK)
    with pytest.raises(OSError, match="No such file"):
        fetch(str(tmp_path / "g"), 10, QUICK)
    with pytest.raises(SourceUnavailable, match="there is no folder"):
        fetch(str(tmp_path / "no" / "f"), 10, QUICK)


def test_other_schemes_are_refused():
    with pytest.raises(ValueError, match="only folders, http:// and https://"):
        fetch("ftp://127.0.0.1/f", 10, QUICK)
