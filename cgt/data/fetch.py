"""Reading a file from a folder or a web server, with bounds on its size and on the waiting."""

import http.client
import itertools
import socket
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

_CHUNK = 1 << 16
_RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class SourceUnavailable(OSError):
    """The source as a whole does not answer: asking it for another file is pointless."""


class _TransientError(OSError):
    """A failure that may not happen again at the next attempt."""


class _SameSecurity(urllib.request.HTTPRedirectHandler):
    """Follows no redirect from https to anything less, nor to anything but a web server."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        allowed = ("https://",) if req.type == "https" else ("https://", "http://")
        if not newurl.lower().startswith(allowed):
            raise SourceUnavailable(f"{req.full_url} leads to {newurl}; allowed: {allowed[0]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a server; all times in seconds.

    timeout: for connecting, and between two arrivals of data.
    deadline: for one file, all attempts together; a server that only drips meets this one.
    backoff: wait before the second attempt; it doubles from one attempt to the next.
    """

    attempts: int = 3
    timeout: float = 15.0
    deadline: float = 600.0
    backoff: float = 1.0


def fetch(location: str, limit: int, retry: RetryPolicy) -> bytes:
    """Return the bytes at `location`, an http(s) URL or a path, at most `limit` of them.

    Raises SourceUnavailable if the server does not answer, and OSError or ValueError if only
    this file cannot be had.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        return _read_file(Path(location), limit)
    if scheme not in ("http", "https"):
        raise ValueError(f"{location}: only folders, http:// and https:// can be read")
    return _read_url(location, limit, retry)


def _read_file(path: Path, limit: int) -> bytes:
    if not path.parent.is_dir():
        raise SourceUnavailable(f"there is no folder {path.parent}")
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise OSError(f"{error.strerror}: {path}") from error
    if len(data) > limit:
        raise ValueError(f"{path} is larger than the allowed {limit} bytes")
    return data


def _read_url(url: str, limit: int, retry: RetryPolicy) -> bytes:
    end = time.monotonic() + retry.deadline
    for attempt in itertools.count(1):
        try:
            return _attempt(url, limit, retry.timeout, end)
        except _TransientError as error:
            pause = retry.backoff * 2 ** (attempt - 1)
            if attempt == retry.attempts or time.monotonic() + pause >= end:
                raise SourceUnavailable(
                    f"{error} (attempt {attempt} of {retry.attempts})"
                ) from error
            time.sleep(pause)


def _attempt(url: str, limit: int, timeout: float, end: float) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "cgt"})
    try:
        wait = max(0.001, min(timeout, end - time.monotonic()))
        opener = urllib.request.build_opener(_SameSecurity)
        with opener.open(request, timeout=wait) as response:
            return _read_body(response, url, limit, end)
    except urllib.error.HTTPError as error:
        error.close()
        failure = _TransientError if error.code in _RETRY_STATUS else OSError
        raise failure(f"HTTP {error.code} {error.reason} for {url}") from error
    except urllib.error.URLError as error:
        hopeless = isinstance(error.reason, socket.gaierror | ssl.SSLCertVerificationError)
        failure = SourceUnavailable if hopeless else _TransientError
        raise failure(f"{error.reason}") from error
    except TimeoutError as error:
        raise _TransientError(f"no data for {wait:g} s") from error
    except (http.client.HTTPException, ConnectionError) as error:
        raise _TransientError(f"connection broken: {error!r}") from error


def _read_body(response: http.client.HTTPResponse, url: str, limit: int, end: float) -> bytes:
    announced = response.length  # None without Content-Length
    if announced is not None and announced > limit:
        raise ValueError(f"{url} announces {announced} bytes, allowed are {limit}")
    body = bytearray()
    # disable=None: no bar unless stderr is a terminal
    bar = {"total": announced, "desc": url.rpartition("/")[2], "unit": "B", "unit_scale": True}
    with tqdm(**bar, leave=False, disable=None) as progress:
        # Not beyond the announced end: a server that keeps the connection open would stall there.
        while announced is None or len(body) < announced:
            # read1 returns at each arrival of data, so that a dripping server meets the deadline.
            chunk = response.read1(_CHUNK)
            if not chunk:
                break
            body += chunk
            progress.update(len(chunk))
            if len(body) > limit:
                raise ValueError(f"{url} is larger than the allowed {limit} bytes")
            if time.monotonic() > end:
                raise SourceUnavailable(f"too slow, {len(body)} bytes arrived in the time allowed")
    if announced is not None and len(body) < announced:
        raise _TransientError(f"truncated, got {len(body)} of {announced} bytes")
    return bytes(body)
