"""What YAML allows and no configuration means: one sentence that names file and line."""

import pytest

from cgt.study.config import load_config
from cgt.study.yaml_files import DEEPEST, YamlError, read_yaml

LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
WRONG = {
    "a key twice": (b"a: 1\nb: {c: 1,\n  c: 2}\n", "line 3: the key 'c' stands in line 2 already"),
    "an alias of itself": (b"a: &a {b: *a}\n", "line 1: the alias stands within what it names"),
    "a list of itself": (b"a: &a [*a]\n", "line 1: the alias stands within what it names"),
    "aliases of aliases": (LAUGHS.encode(), "stands for more than 100000 values"),
    "deep": (b"a: " + b"[" * 40 + b"]" * 40, "nested deeper than 32 levels"),
    "far deeper": (b"a: " + b"{a: " * 5000 + b"1" + b"}" * 5000, "nested deeper than 32 levels"),
    "not text": (bytes(range(256)), "not UTF-8 text"),
    "Latin-1": ("a: Läufe".encode("latin-1"), "not UTF-8 text"),
    "a tab": (b"a:\n\tb: 1\n", "line 2: not YAML"),
    "no such alias": (b"a: *b\n", "line 1: not YAML: found undefined alias"),
    "a list as a key": (b"{[1]: 2}\n", "line 1: not YAML"),
    "an object": (b"a: !!python/object/apply:os.system [x]\n", "could not determine a constructor"),
    "no such month": (b"a: 2020-13-45\n", "not YAML: month must be in 1..12"),
    "a number of 5000 digits": (b"a: " + b"9" * 5000, "not YAML"),
    "two documents": (b"a: 1\n---\nb: 2\n", "expected a single document"),
    "a list": (b"- a\n", "holds list; it must hold keys with values"),
    "a word": (b"hello", "holds str; it must hold keys with values"),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name, tmp_path):
    data, message = WRONG[name]
    path = tmp_path / "overlay.yaml"
    path.write_bytes(data)
    with pytest.raises(YamlError) as error:
        load_config(path)
    assert str(error.value).startswith(str(path)) and message in str(error.value)
    assert "\n" not in str(error.value)


def test_read_as_it_stands(tmp_path):
    path = tmp_path / "overlay.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: &a {b: 1, c: 2}\nd: *a\ne: {<<: *a, c: 3}\n")
    assert read_yaml(path) == {
        "a": {"b": 1, "c": 2},
        "d": {"b": 1, "c": 2},
        "e": {"b": 1, "c": 3},
    }
    path.write_text("")
    assert read_yaml(path) == {}


def test_the_deepest_that_is_read(tmp_path):
    path = tmp_path / "overlay.yaml"
    levels = DEEPEST - 1  # below the mapping itself
    path.write_text("a: " + "[" * levels + "]" * levels)
    assert read_yaml(path).keys() == {"a"}
