"""The secret: made once, kept for its owner only, and a subkey for each use."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from rich.console import Console

from imagevault.config.settings import Settings, load
from imagevault.errors import ConfigError
from imagevault.security.keyring import Keyring, open_keyring
from tests.support.waiting import EVENT_LIMIT

OLD = "the secret that was in force before this one"
NEW = "the secret that is in force from now on, new"
OPEN = """
import sys
from pathlib import Path
from imagevault.security.keyring import open_keyring
from imagevault.config.settings import Settings
settings = Settings(data=Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(open_keyring(settings).secret.decode())
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings without a secret; the data folder is not there yet."""
    return Settings(data=tmp_path / "some" / "data")


class TestOwnSecret:
    """A server without a `secret_key` makes its own."""

    def test_is_made_once_and_kept(self, settings: Settings) -> None:
        """The second start finds that of the first."""
        first, second = open_keyring(settings), open_keyring(settings)

        assert first == second
        assert first.own
        assert len(first.secret) >= 32
        assert (settings.data / "secret_key").read_bytes() == first.secret

    def test_differs_from_server_to_server(self, settings: Settings, tmp_path: Path) -> None:
        assert open_keyring(settings) != open_keyring(Settings(data=tmp_path / "other"))

    def test_is_made_once_by_threads_at_the_same_time(self, settings: Settings) -> None:
        barrier = Barrier(16)

        def start(_: int) -> bytes:
            barrier.wait()
            return open_keyring(settings).secret

        with ThreadPoolExecutor(16) as pool:
            secrets = set(pool.map(start, range(16)))

        assert secrets == {(settings.data / "secret_key").read_bytes()}

    @pytest.mark.processes
    def test_is_made_once_by_processes_at_the_same_time(self, settings: Settings) -> None:
        """As workers do; nothing but the secret stays in the folder."""
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", OPEN, str(settings.data)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(6)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        secrets = {worker.communicate("go\n", timeout=EVENT_LIMIT)[0].strip() for worker in workers}

        assert secrets == {(settings.data / "secret_key").read_text()}
        assert [path.name for path in settings.data.iterdir()] == ["secret_key"]

    @pytest.mark.parametrize("umask", [0, 0o022, 0o277])
    def test_is_for_its_owner_only(self, settings: Settings, umask: int) -> None:
        """Whatever the umask says, nobody else may ever read or write it."""
        settings.data.mkdir(parents=True)
        before = os.umask(umask)
        try:
            open_keyring(settings)
        finally:
            os.umask(before)

        assert (settings.data / "secret_key").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
    def test_is_refused_if_others_may_read_or_write_it(self, settings: Settings, mode: int) -> None:
        """The error names the command that repairs it."""
        open_keyring(settings)
        path = settings.data / "secret_key"
        path.chmod(mode)

        with pytest.raises(ConfigError) as caught:
            open_keyring(settings)

        assert str(caught.value) == f"secret_key: can be read by others; run: chmod 600 {path} ({path})"

    @pytest.mark.parametrize("content", ["", "short\n", "a" * 40, " " * 40, "abc" * 20])
    def test_is_refused_if_too_short_or_not_random(self, settings: Settings, content: str) -> None:
        open_keyring(settings)
        path = settings.data / "secret_key"
        path.write_text(content)

        with pytest.raises(
            ConfigError,
            match=r"^secret_key: is too short or can be guessed; remove the file, or set SECRET_KEY: python3",
        ):
            open_keyring(settings)

    @pytest.mark.parametrize("place", ["a file", "a loop"])
    def test_cannot_be_kept(self, tmp_path: Path, place: str) -> None:
        """A data folder that cannot be used stops the start with the key's name."""
        data = tmp_path / "data"
        data.write_text("a file") if place == "a file" else data.symlink_to(data)

        with pytest.raises(ConfigError, match=r"^data: cannot keep a secret there \(.*\); set data to another folder"):
            open_keyring(Settings(data=data))

    def test_is_not_made_if_one_is_set(self, tmp_path: Path) -> None:
        """Nor is the folder."""
        keyring = open_keyring(load({"SECRET_KEY": NEW}, tmp_path))

        assert keyring == Keyring(NEW.encode())
        assert not keyring.own
        assert list(tmp_path.iterdir()) == []


class TestRotation:
    """`SECRET_KEY_PREVIOUS` still verifies; nothing is signed with it any more."""

    old = Keyring(OLD.encode())
    new = Keyring(NEW.encode())

    @pytest.fixture
    def keyring(self, tmp_path: Path) -> Keyring:
        return open_keyring(load({"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": OLD}, tmp_path))

    def test_both_verify(self, keyring: Keyring) -> None:
        for signer in (self.old, self.new, keyring):
            assert keyring.verifies("cursor", b"message", signer.tag("cursor", b"message"))

    def test_the_new_one_signs(self, keyring: Keyring) -> None:
        assert keyring.tag("cursor", b"message") == self.new.tag("cursor", b"message")
        assert keyring.subkeys("jwt") == self.new.subkeys("jwt") + self.old.subkeys("jwt")

    def test_the_previous_one_does_not_know_what_the_new_one_signed(self, keyring: Keyring) -> None:
        assert not self.old.verifies("cursor", b"message", keyring.tag("cursor", b"message"))

    def test_a_server_with_a_secret_of_its_own_rotates_too(self, tmp_path: Path) -> None:
        keyring = open_keyring(load({"SECRET_KEY_PREVIOUS": OLD}, tmp_path))

        assert keyring.own
        assert keyring.verifies("media", b"message", self.old.tag("media", b"message"))


class TestSubkeys:
    keyring = Keyring(NEW.encode(), (OLD.encode(),))

    def test_each_use_has_its_own(self) -> None:
        """What is signed for one door opens no other."""
        keys = [key for use in ("jwt", "cursor", "media") for _, key in self.keyring.subkeys(use)]

        assert len(set(keys)) == 6
        assert not {NEW.encode(), OLD.encode()} & set(keys)
        assert not self.keyring.verifies("media", b"message", self.keyring.tag("cursor", b"message"))

    def test_their_ids_tell_the_secrets_apart(self) -> None:
        """The same for every use, so that a token names the secret that it was signed with."""
        ids = [id for id, _ in self.keyring.subkeys("jwt")]

        assert len(set(ids)) == 2
        assert ids == [id for id, _ in self.keyring.subkeys("media")]

    @pytest.mark.parametrize(
        ("message", "cut"), [(b"massage", slice(None)), (b"message", slice(15)), (b"message", slice(0))]
    )
    def test_a_tag_fits_its_message_only(self, message: bytes, cut: slice) -> None:
        """Not another message, and not as a part of itself."""
        tag = self.keyring.tag("cursor", b"message")

        assert len(tag) == 16
        assert self.keyring.verifies("cursor", b"message", tag)
        assert not self.keyring.verifies("cursor", message, tag[cut])


def test_nothing_shows() -> None:
    """Neither in repr nor where rich prints the fields of a Struct."""
    printed = io.StringIO()
    Console(file=printed).print(Keyring(NEW.encode(), (OLD.encode(),)))

    assert repr(Keyring(NEW.encode(), (OLD.encode(),))) == "Keyring()"
    assert printed.getvalue() == "Keyring()\n"
