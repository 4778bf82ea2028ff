import errno
import os

import pytest

from cgt.records import lock
from cgt.records.lock import LockedError, locked, turn


def test_the_second_is_refused_and_told_who_the_first_is(tmp_path):
    folder = tmp_path / "new" / "checkpoints"
    with (
        locked(folder),
        pytest.raises(
            LockedError, match=rf"process {os.getpid()} is still at work .*{folder / 'lock'}"
        ),
        locked(folder),
    ):
        pass


def test_the_lock_is_free_after_the_block_however_it_ends(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    with locked(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL])
@pytest.mark.parametrize("how", [locked, lambda folder: turn(folder / "lock")])
def test_a_file_system_without_locks_is_told_and_worked_on(
    how, number, tmp_path, monkeypatch, capsys
):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with how(tmp_path):
        (tmp_path / "work").touch()
    assert (tmp_path / "work").exists()
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path / 'lock'}: its file system cannot lock files")
    assert os.strerror(number) in said and said.count("\n") == 1


def test_another_refusal_is_an_error(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), locked(tmp_path):
        pass
