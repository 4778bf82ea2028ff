import errno
import gzip
import io

import pytest
import scipy.io

from cgt.data import DataError, download, sources
from cgt.data.fashion_mnist import FashionMNIST
from cgt.data.fetch import RetryPolicy
from cgt.data.formats import parse_npy
from cgt.data.indian_pines import CUBE, GROUND_TRUTH, IndianPines
from cgt.data.registry import builder_of
from cgt.data.sources import Location, download_files
from cgt.records.cards import cards

FORMAT = FashionMNIST.mirror_format
QUICK = RetryPolicy(attempts=2, timeout=0.5, deadline=30, backoff=0.01)
HTML = b"<!DOCTYPE html><title>Sign in to the hotel's network</title>"
IMAGES = "train-images-idx3-ubyte"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def at(server, folder):
    return Location(server.url + folder, FORMAT, QUICK)


def serve(server, folder, packed, **replaced):
    for name, data in packed.items():
        server.on(f"{folder}/{name}.gz", server.good(data))
    for name, reply in replaced.items():
        server.on(f"{folder}/{name.replace('_', '-')}.gz", reply)


def run(builder, chain, out):
    download_files(builder.name, builder.files, chain, out, FORMAT)


def stored(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_good_source_is_enough(server, tiny_fashion, packed_fashion, out):
    builder, _, contents = tiny_fashion
    serve(server, "/a", packed_fashion)
    serve(server, "/b", packed_fashion)
    run(builder, [at(server, "/a"), at(server, "/b")], out)
    assert stored(out) == contents
    assert all(path.startswith("/a/") for path in server.requests)


BAD = {
    "truncated transfer": lambda server, good: server.truncated(good),
    "truncated file": lambda server, good: server.good(good[:-20]),
    "flipped byte": lambda server, good: server.good(
        gzip.compress(_flipped(gzip.decompress(good)))
    ),
    "damaged gzip": lambda server, good: server.good(_flipped(good)),
    "other data": lambda server, good: server.good(gzip.compress(b"something else")),
    "bomb": lambda server, good: server.good(gzip.compress(bytes(10_000_000))),
    "html": lambda server, good: server.good(HTML),
    "404": lambda server, good: server.status(404),
    "503": lambda server, good: server.status(503),
    "stalled": lambda server, good: server.stalled(good),
    "empty": lambda server, good: server.good(b""),
}


def _flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("kind", BAD)
def test_bad_source_falls_through_to_the_next(server, tiny_fashion, packed_fashion, out, kind):
    builder, _, contents = tiny_fashion
    bad = BAD[kind](server, packed_fashion[IMAGES])
    serve(server, "/a", packed_fashion, train_images_idx3_ubyte=bad)
    serve(server, "/b", packed_fashion)
    run(builder, [at(server, "/a"), at(server, "/b")], out)
    assert stored(out) == contents
    assert f"/b/{IMAGES}.gz" in server.requests


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_alone_leaves_no_file(server, tiny_fashion, packed_fashion, out, kind):
    builder, _, contents = tiny_fashion
    bad = BAD[kind](server, packed_fashion[IMAGES])
    serve(server, "/a", packed_fashion, train_images_idx3_ubyte=bad)
    with pytest.raises(DataError):
        run(builder, [at(server, "/a")], out)
    left = stored(out) if out.exists() else {}
    assert IMAGES not in left
    assert left.items() <= contents.items()


def test_source_that_does_not_answer_is_asked_once(server, tiny_fashion, packed_fashion, out):
    builder, _, contents = tiny_fashion
    for name in packed_fashion:
        server.on(f"/a/{name}.gz", server.silent)
    serve(server, "/b", packed_fashion)
    run(builder, [at(server, "/a"), at(server, "/b")], out)
    assert stored(out) == contents
    assert len([path for path in server.requests if path.startswith("/a/")]) == QUICK.attempts


def test_incomplete_source_gives_what_it_has(server, tiny_fashion, packed_fashion, out):
    builder, _, contents = tiny_fashion
    serve(server, "/a", packed_fashion, train_images_idx3_ubyte=server.status(404))
    serve(server, "/b", packed_fashion)
    run(builder, [at(server, "/a"), at(server, "/b")], out)
    assert stored(out) == contents
    asked = [path for path in server.requests if path.startswith("/b/")]
    assert asked == [f"/b/{IMAGES}.gz"]


def test_message_lists_every_source_its_failure_and_the_way_out(server, tiny_fashion, out):
    builder, _, _ = tiny_fashion
    server.on(f"/html/{IMAGES}.gz", server.good(HTML))
    server.on(f"/busy/{IMAGES}.gz", server.status(503))
    wrong = gzip.compress(tiny_fashion[2]["t10k-images-idx3-ubyte"])
    server.on(f"/wrong/{IMAGES}.gz", server.good(wrong))
    missing = Location(str(out / "nowhere"), FORMAT, QUICK)
    chain = [at(server, "/html"), at(server, "/busy"), at(server, "/wrong"), missing]
    with pytest.raises(DataError) as caught:
        download_files(builder.name, builder.files[:1], chain, out, FORMAT)
    text = str(caught.value)
    lines = text.splitlines()
    assert IMAGES in lines[0]
    assert f"{server.url}/html: {IMAGES}: not a gzip file, it starts with b'<!DOCTYPE" in lines[1]
    assert f"{server.url}/busy: HTTP 503" in lines[2]
    assert "expected shape (200, 4, 4) of uint8, got (50, 4, 4) of uint8" in lines[3]
    assert f"{out / 'nowhere'}: there is no folder" in lines[4]
    assert "CGT_DATA_MIRROR=FOLDER" in text
    assert "FOLDER/fashion_mnist/" in text
    assert f"{IMAGES}.gz (content sha256 {builder.files[0].sha256})" in text


def test_intact_files_are_not_fetched_again(server, tiny_fashion, packed_fashion):
    builder, raw_dir, contents = tiny_fashion
    serve(server, "/a", packed_fashion)
    (raw_dir / IMAGES).write_bytes(_flipped(contents[IMAGES]))
    run(builder, [at(server, "/a")], raw_dir)
    assert server.requests == [f"/a/{IMAGES}.gz"]
    assert stored(raw_dir) == contents
    run(builder, [], raw_dir)  # complete: no source is needed


def test_full_disk_is_not_blamed_on_the_source(
    server, tiny_fashion, packed_fashion, out, monkeypatch
):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sources, "write_bytes", full)
    serve(server, "/a", packed_fashion)
    with pytest.raises(OSError, match="No space left"):
        run(tiny_fashion[0], [at(server, "/a")], out)


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_mirror_comes_first(server, tiny_fashion, packed_fashion, out, monkeypatch, tmp_path, kind):
    folder = tmp_path / "mirror" / "fashion_mnist"
    folder.mkdir(parents=True)
    for name, data in packed_fashion.items():
        (folder / f"{name}.gz").write_bytes(data)
    serve(server, "/m/fashion_mnist", packed_fashion)
    base = f"{server.url}/m/" if kind == "url" else str(folder.parent)
    monkeypatch.setenv("CGT_DATA_MIRROR", base)
    download("fashion_mnist", out)
    assert stored(out) == tiny_fashion[2]
    assert len(server.requests) == (4 if kind == "url" else 0)


def test_indian_pines_from_matlab_files(server, tiny_pines, out, monkeypatch):
    builder, _, contents = tiny_pines
    for file, name in zip(
        builder.files, ("Indian_pines_corrected", "Indian_pines_gt"), strict=True
    ):
        stream = io.BytesIO()
        array = parse_npy(contents[file.name], file.shape, file.dtype)
        scipy.io.savemat(stream, {name.lower(): array}, do_compression=True)
        server.on(f"/indian_pines/{name}.mat", server.good(stream.getvalue()))
    monkeypatch.setenv("CGT_DATA_MIRROR", server.url)
    download("indian_pines", out)
    assert stored(out) == contents


def test_order_of_the_sources(monkeypatch):
    monkeypatch.setenv("CGT_DATA_MIRROR", "/mirror/")
    fashion = [source.label for source in FashionMNIST().sources()]
    assert fashion[0] == "mirror /mirror/fashion_mnist"
    assert all(label.startswith("http") for label in fashion[1:4])
    assert fashion[4].startswith("installed Debian package dataset-fashion-mnist")
    assert fashion[5] == "apt-get download dataset-fashion-mnist"
    pines = [source.label for source in IndianPines().sources()]
    assert pines[:2] == ["mirror /mirror/indian_pines", "Python package tensorly"]
    assert all(label.startswith("http") for label in pines[2:])
    monkeypatch.delenv("CGT_DATA_MIRROR")
    assert IndianPines().sources()[0].label == "Python package tensorly"


def test_unknown_dataset_names_the_known_ones(out):
    with pytest.raises(
        ValueError, match="unknown dataset 'mnist', allowed are: fashion_mnist, ind"
    ):
        download("mnist", out)


def test_raw_files_of_the_recipes_are_the_published_ones():
    assert [file.name for file in builder_of("indian_pines").files] == [CUBE, GROUND_TRUTH]
    assert builder_of("fashion_mnist").files[0].shape == (60_000, 28, 28)
    assert all(
        len(file.sha256) == 64
        for builder in map(builder_of, cards("data"))
        for file in builder.files
    )
