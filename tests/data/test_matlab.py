import io
import random

import numpy as np
import pytest
import scipy.io

from cgt.data.matlab import parse_mat

CUBE = np.arange(24, dtype="<u2").reshape(2, 3, 4) * 1000
SHAPE = (2, 3, 4)


# The header that MATLAB writes before an HDF5 file, and how that begins.
HDF5 = (
    b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(9)
)


def matlab(compressed=False, **arrays):
    stream = io.BytesIO()
    scipy.io.savemat(stream, arrays, do_compression=compressed)
    return stream.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["a", "indian_pines_corrected"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
def test_array_is_read_as_scipy_wrote_it(compressed, name, dtype):
    array = parse_mat(matlab(compressed, **{name: CUBE.astype(dtype)}), SHAPE, dtype)
    assert array.dtype == np.dtype(dtype)
    assert np.array_equal(array, CUBE.astype(dtype))


def test_short_element_is_read():
    assert parse_mat(matlab(x=np.array([[7, 9]], "u1")), (1, 2), "u1").tolist() == [[7, 9]]


def test_big_endian_file_with_values_in_a_smaller_type():
    # By hand: an uint16 array [[1], [2]] named "x", whose values are stored as bytes.
    body = bytes.fromhex(
        "00000006 00000008 0000000b 00000000"  # flags: class 11, uint16
        "00000005 00000008 00000002 00000001"  # size: 2 x 1
        "00010001 78000000"  # name, a short element
        "00020002 01020000"  # values 1 and 2, a short element of bytes
    )
    data = b"MATLAB 5.0".ljust(124) + b"\x01\x00MI" + b"\0\0\0\x0e" + bytes([0, 0, 0, len(body)])
    assert parse_mat(data + body, (2, 1), "u2").tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", "not a MATLAB 5 file, it starts with b'<html>'"),
        (b"", "not a MATLAB 5 file"),
        (matlab(a=CUBE[0]), r"expected shape \(2, 3, 4\) of uint16, got \(3, 4\) of uint16"),
        (matlab(a=CUBE.astype("f8")), r"expected .* of uint16, got .* of float64"),
        (matlab(a=np.zeros((2, 3, 6), "<u2")), r"got \(2, 3, 6\).*all 6 bands.* cube of 4"),
        (matlab(True, a=CUBE.astype("f8")), r"got .* of float64: convert the values to uint16"),
        (HDF5, r"a MATLAB 7.3 file, which is HDF5; .* save it with save\(..., '-v7'\)"),
        (HDF5[512:], "a MATLAB 7.3 file, which is HDF5"),
        (matlab(a={"field": CUBE}), r"got .* of MATLAB class 2"),
        (matlab(a=CUBE)[:-8], "truncated MATLAB file: 104 bytes announced, 96 left"),
        (matlab(a=CUBE)[:130], "damaged or truncated MATLAB file"),
        (matlab(True, a=CUBE)[:-30], "truncated MATLAB file"),
        # Unpacked only in part.
        (matlab(True, a=np.zeros((500, 500))), r"expected .* got \(500, 500\) of float64"),
        (matlab(a=CUBE)[:128] + bytes(16), "an element of type 0, expected an array"),
        (matlab(a=CUBE)[:128] + b"\x0f\0\0\0\x08\0\0\0notzlib!", "damaged or truncated"),
    ],
)
def test_refuses(data, message):
    with pytest.raises(ValueError, match=message):
        parse_mat(data, SHAPE, "<u2")


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_raise_nothing_but_value_error(compressed):
    good = matlab(compressed, a=CUBE)
    chance = random.Random(0)
    refused = 0
    for _ in range(3000):
        data = bytearray(good)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        end = chance.choice([len(data), chance.randrange(len(data))])
        try:
            parse_mat(bytes(data[:end]), SHAPE, "<u2")
        except ValueError:
            refused += 1
    assert refused > 1500
