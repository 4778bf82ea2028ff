"""A reader for one numeric array in a MATLAB 5 file (MathWorks, "MAT-File Format").

Not scipy.io.loadmat: one wrong byte in a file can crash the process inside it, and then the next
source would never be tried.
"""

import math
import struct
import zlib

import numpy as np

from cgt.data.formats import mismatch

_HEADER_BYTES = 128
_HDF5, _HDF5_BLOCK = b"\x89HDF\r\n\x1a\n", 512
"""How HDF5 begins, and where in a MATLAB 7.3 file."""
_COMPRESSED, _MATRIX = 15, 14
# Numbers that the format gives to classes of arrays, and to types of stored values.
_CLASSES = {
    4: "char",
    6: "float64",
    7: "float32",
    8: "int8",
    9: "uint8",
    10: "int16",
    11: "uint16",
    12: "int32",
    13: "uint32",
}
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}


def parse_mat(data: bytes, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return the first array of a MATLAB 5 file; it must have `shape` and `dtype`.

    Raises ValueError that says what was expected and what was found.
    """
    if data.startswith(_HDF5) or data[_HDF5_BLOCK : _HDF5_BLOCK + len(_HDF5)] == _HDF5:
        raise ValueError(
            "a MATLAB 7.3 file, which is HDF5; a MATLAB 5 file is read: load it in MATLAB and save "
            "it with save(..., '-v7'), or take the published file"
        )
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER_BYTES])
    if order is None:
        raise ValueError(f"not a MATLAB 5 file, it starts with {data[:16]!r}")
    try:
        return _parse_matrix(_first_matrix(data, order, shape, dtype), order, shape, dtype)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"damaged or truncated MATLAB file ({error})") from error


def _first_matrix(data: bytes, order: str, shape: tuple[int, ...], dtype: str) -> bytes:
    kind, body, _ = _element(data, _HEADER_BYTES, order)
    if kind == _COMPRESSED:
        # The array's data and a generous header: more is not unpacked, whatever the file holds.
        limit = math.prod(shape) * np.dtype(dtype).itemsize + 4096
        unpacked = zlib.decompressobj().decompress(body, limit)
        # Whatever is missing of a larger array, its header is there to say what came.
        kind, body = struct.unpack_from(f"{order}I", unpacked)[0], unpacked[8:]
    if kind != _MATRIX:
        raise ValueError(f"MATLAB file holds an element of type {kind}, expected an array")
    return body


def _parse_matrix(body: bytes, order: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    _, flags, end = _element(body, 0, order)
    _, sizes, end = _element(body, end, order)
    _, _, end = _element(body, end, order)  # the name
    number = struct.unpack_from(f"{order}I", flags)[0] & 0xFF
    got_shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    got_kind = _CLASSES.get(number, f"MATLAB class {number}")
    if got_shape != tuple(shape) or got_kind != np.dtype(dtype).name:
        raise ValueError(mismatch(shape, np.dtype(dtype).name, got_shape, got_kind))
    stored, values, _ = _element(body, end, order)
    if stored not in _STORED:
        raise ValueError(f"damaged MATLAB file: values of unknown type {stored}")
    # MATLAB stores values in a smaller type than the array's where they fit.
    array = np.frombuffer(values, order + _STORED[stored])
    if array.size != math.prod(shape):
        raise ValueError(f"damaged MATLAB file: {array.size} values for shape {tuple(shape)}")
    return array.reshape(shape, order="F").astype(dtype)


def _element(data: bytes, start: int, order: str) -> tuple[int, bytes, int]:
    """Return type, content and end of the data element at `start`."""
    kind, size = struct.unpack_from(f"{order}II", data, start)
    begin, end = start + 8, start + 8 + size + -size % 8
    if kind >> 16:  # a short element: size, type and up to 4 bytes share the 8 bytes of a tag
        kind, size = kind & 0xFFFF, kind >> 16
        begin, end = start + 4, start + 8
    if begin + size > len(data):
        raise ValueError(f"truncated MATLAB file: {size} bytes announced, {len(data) - begin} left")
    return kind, data[begin : begin + size], end
