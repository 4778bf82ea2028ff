import gzip
import io

import numpy as np
import pytest

from cgt.data.formats import gunzip, npy_bytes, parse_idx, parse_npy

CUBE = np.arange(24, dtype="<u2").reshape(2, 3, 4)
# 2 x 3 unsigned bytes: magic 0 0 8 2, both dimensions big-endian, then the data.
IDX = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 250])


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def saved_as_version_2(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, (2, 0))
    return stream.getvalue()


def test_gunzip_up_to_the_limit():
    assert gunzip(gzip.compress(b"abc", mtime=0), 3) == b"abc"
    with pytest.raises(ValueError, match="more than the expected 2 bytes"):
        gunzip(gzip.compress(b"abc", mtime=0), 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", "not a gzip file, it starts with b'<html>'"),
        (gzip.compress(b"abc" * 99, mtime=0)[:-9], "truncated"),
        (gzip.compress(b"abc", mtime=0)[:10] + b"\xff" * 9, "damaged"),
    ],
)
def test_gunzip_refuses(data, message):
    with pytest.raises(ValueError, match=message):
        gunzip(data, 1000)


def test_idx_is_read():
    array = parse_idx(IDX)
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 250]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x0d" + IDX[3:], "not an IDX file of unsigned bytes"),  # floats
        (b"\x01" + IDX[1:], "not an IDX file"),
        (IDX[:9], "header needs 12 bytes, the file has 9"),
        (IDX[:-1], r"shape \(2, 3\) needs 18 bytes, it has 17"),
        (IDX + b"\0", r"shape \(2, 3\) needs 18 bytes, it has 19"),
        (IDX[:4] + b"\xff" * 8 + IDX[12:], "needs 18446744065119617037 bytes"),
    ],
)
def test_idx_refuses(data, message):
    with pytest.raises(ValueError, match=message):
        parse_idx(data)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_npy_is_read_in_any_memory_and_byte_order(order, dtype):
    array = parse_npy(saved(np.asarray(CUBE, dtype, order=order)), (2, 3, 4), "<u2")
    assert np.array_equal(array, CUBE)


def test_npy_bytes_are_in_c_order():
    assert npy_bytes(np.asfortranarray(CUBE)) == saved(CUBE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", r"not a \.npy file"),
        (saved_as_version_2(CUBE), r"format version is \(2, 0\)"),
        (saved(CUBE)[:50], r"not a \.npy file"),
        (saved(CUBE)[:-1], "needs 48 bytes of data, it has 47"),
        (saved(CUBE) + b"x", "needs 48 bytes of data, it has 49"),
        (saved(CUBE[0]), r"expected shape \(2, 3, 4\) of uint16, got \(3, 4\) of uint16"),
        (saved(CUBE.astype("i4")), r"expected .* of uint16, got \(2, 3, 4\) of int32"),
        (saved(np.full((2, 3, 4), None), allow_pickle=True), "got .* of object"),
    ],
)
def test_npy_refuses(data, message):
    with pytest.raises(ValueError, match=message):
        parse_npy(data, (2, 3, 4), "<u2")


@pytest.mark.parametrize("bit", range(8))
def test_damaged_npy_header_raises_nothing_but_value_error(bit):
    good = saved(CUBE)
    refused = 0
    for position in range(len(good) - CUBE.nbytes):
        damaged = bytearray(good)
        damaged[position] ^= 1 << bit
        try:
            parse_npy(bytes(damaged), (2, 3, 4), "<u2")
        except ValueError:
            refused += 1
    assert refused > 50
