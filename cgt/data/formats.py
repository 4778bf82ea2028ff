"""Readers for foreign file formats: bounded in memory, never unpickling, clear when they refuse.

Every function raises ValueError that says what was expected and what was found.
"""

import gzip
import io
import math
import zlib

import numpy as np

_IDX_UBYTE = 0x08


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompress `data`, refusing more than `limit` bytes of output."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(limit + 1)
    except gzip.BadGzipFile as error:
        raise ValueError(f"not a gzip file, it starts with {data[:16]!r} ({error})") from error
    except (EOFError, zlib.error) as error:
        raise ValueError(f"damaged or truncated gzip file ({error})") from error
    if len(content) > limit:
        raise ValueError(f"decompresses to more than the expected {limit} bytes")
    return content


def parse_idx(data: bytes) -> np.ndarray:
    """Return the unsigned-byte array of an IDX file (http://yann.lecun.com/exdb/mnist), a view."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _IDX_UBYTE:
        raise ValueError(f"not an IDX file of unsigned bytes, it starts with {data[:16]!r}")
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"IDX header needs {header} bytes, the file has {len(data)}")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", count=data[3], offset=4))
    expected = header + math.prod(shape)
    if len(data) != expected:
        raise ValueError(f"IDX file of shape {shape} needs {expected} bytes, it has {len(data)}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def parse_npy(data: bytes, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return the array of a `.npy` file as a view; byte order and memory order are the file's."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"format version is {version}, only (1, 0) is read")
        got_shape, fortran, got_dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # a damaged header raises SyntaxError, TokenError, ValueError, ...
        raise ValueError(f"not a .npy file: {error}") from error
    check_array(got_shape, got_dtype, shape, dtype)
    start, expected = stream.tell(), math.prod(shape) * np.dtype(dtype).itemsize
    if len(data) - start != expected:
        raise ValueError(f".npy file needs {expected} bytes of data, it has {len(data) - start}")
    return np.frombuffer(data, got_dtype, offset=start).reshape(
        shape, order="F" if fortran else "C"
    )


def npy_bytes(array: np.ndarray) -> bytes:
    """Return the `.npy` file of `array` in C order."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
    return stream.getvalue()


def check_array(
    got_shape: tuple[int, ...], got_dtype: np.dtype, shape: tuple[int, ...], dtype: str
) -> None:
    """Raise ValueError unless shape and dtype (byte order aside) are the expected ones."""
    same_kind = got_dtype.newbyteorder("=") == np.dtype(dtype).newbyteorder("=")
    if tuple(got_shape) != tuple(shape) or not same_kind:
        raise ValueError(mismatch(shape, np.dtype(dtype).name, got_shape, got_dtype.name))


def mismatch(shape: tuple[int, ...], kind: str, got_shape: tuple[int, ...], got_kind: str) -> str:
    """Return the message about an array that is not the expected one, with what may be done."""
    got_shape, shape = tuple(got_shape), tuple(shape)
    advice = ""
    if len(shape) == 3 and len(got_shape) == 3 and got_shape[:2] == shape[:2]:
        if got_shape[2] > shape[2]:
            advice = (
                f": all {got_shape[2]} bands, where those that water vapour absorbs are left out; "
                f"take the corrected cube of {shape[2]}"
            )
        elif got_shape == shape:
            advice = f": convert the values to {kind}, as published, and save them anew"
    return f"expected shape {shape} of {kind}, got {got_shape} of {got_kind}{advice}"
