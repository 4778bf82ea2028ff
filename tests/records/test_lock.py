import os

import pytest

from cgt.records.lock import LockedError, locked


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
