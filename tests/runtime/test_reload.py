"""A changed config file: it is taken as a whole, or refused as a whole."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagevault.config.settings import Settings, load
from imagevault.errors import ConfigError
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.reload import LiveSettings
from tests.support.open_files import room_for

SECRET = "a test secret of more than thirty-two bytes"


class Place:
    """A config file, and the live settings that poll it."""

    def __init__(self, folder: Path, text: str | None = "", environ: Mapping[str, str] | None = None) -> None:
        self.file = folder / "imagevault.toml"
        if text is not None:
            self.file.write_text(text)
        settings = load({"SECRET_KEY": SECRET, **(environ or {})}, folder)
        self.live = LiveSettings(settings, PluginRegistry.load(settings))
        self.followed: list[Settings] = []
        self.live.subscribe(lambda settings, _: self.followed.append(settings))
        self.poll()
        self.followed.clear()

    def poll(self) -> None:
        """Poll until the file needs no further reading."""
        while self.live.poll():
            pass

    def write(self, text: str) -> LiveSettings:
        self.file.write_text(text)
        self.poll()
        return self.live


class TestTaken:
    def test_a_valid_change_comes_into_force_at_once_for_all(self, tmp_path: Path) -> None:
        """Subscribers get the new settings, and the providers use them."""
        place = Place(tmp_path, "deadline = 2.0\n")

        live = place.write('deadline = 3.0\n[providers.pexels]\napi_key = "k"\n')

        assert (live.settings.deadline, live.plugins.providers["pexels"].state) == (3.0, "ok")
        assert place.followed == [live.settings]
        assert live.problems() == []

    def test_a_file_that_was_not_there_is_seen(self, tmp_path: Path) -> None:
        assert Place(tmp_path, None).write("deadline = 3.0").settings.deadline == 3.0

    def test_what_changed_before_the_first_look_is_not_missed(self, tmp_path: Path) -> None:
        """An admin may edit the file between the reading of the settings and the first poll."""
        (tmp_path / "imagevault.toml").write_text("deadline = 2.0")
        settings = load({"SECRET_KEY": SECRET}, tmp_path)
        (tmp_path / "imagevault.toml").write_text("deadline = 3.0")
        live = LiveSettings(settings, PluginRegistry.load(settings))

        while live.poll():
            pass

        assert live.settings.deadline == 3.0

    def test_is_read_once_it_keeps_still(self, tmp_path: Path) -> None:
        """A file that changes between two polls is half written."""
        place = Place(tmp_path, "deadline = 2.0")
        for text in ("deadline = 3", "deadline = 3.1", "deadline = 3.14"):
            place.file.write_text(text)
            assert place.live.poll()
            assert place.live.settings.deadline == 2.0

        assert not place.live.poll()
        assert place.live.settings.deadline == 3.14

    def test_an_empty_file_counts_as_half_written_first(self, tmp_path: Path) -> None:
        """Editors empty a file before they write it. A file that stays empty means the defaults."""
        place = Place(tmp_path, "deadline = 2.0")
        place.file.write_text("")

        polls = [place.live.poll() for _ in range(4)]

        assert polls == [True, True, True, False]
        assert place.live.settings.deadline == Settings().deadline

    def test_unchanged_providers_keep_their_memory(self, tmp_path: Path) -> None:
        place = Place(tmp_path, '[providers.pexels]\napi_key = "k"')
        pexels = place.live.plugins.providers["pexels"]

        live = place.write('deadline = 3.0\n[providers.pexels]\napi_key = "k"')

        assert live.plugins.providers["pexels"] is pexels

    def test_a_change_says_which_keys_and_shows_no_value(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place(tmp_path, '[providers.pexels]\napi_key = "first-test-key"')
        caplog.set_level(logging.INFO)

        place.write('deadline = 3\n[limits]\nsignup = "9/day"\n[providers.pexels]\napi_key = "second-test-key"')

        [message] = [record.getMessage() for record in caplog.records]
        assert message == "config changed: deadline, limits.signup, providers.pexels.api_key"

    def test_what_needs_a_restart_waits_for_it(self, tmp_path: Path) -> None:
        """It is listed as a problem, the rest is in force, and undoing the change ends the problem."""
        place = Place(tmp_path, "port = 8001")

        live = place.write("port = 8002\ndeadline = 3.0")

        assert (live.settings.port, live.settings.deadline) == (8001, 3.0)
        assert live.problems() == ["port: changed in the file; restart the server to put it in force"]
        assert place.write("port = 8001").problems() == []

    def test_what_the_environment_shadows_is_said(self, tmp_path: Path) -> None:
        """Unless both have the same value, as with `${PEXELS_API_KEY}`."""
        environ = {"IMAGEVAULT_DEADLINE": "2.5", "PEXELS_API_KEY": "k", "PEXELS_TIMEOUT": "1"}
        place = Place(tmp_path, "", environ)

        live = place.write('deadline = 3.0\n[providers.pexels]\napi_key = "${PEXELS_API_KEY}"\ntimeout = 2')

        assert live.settings.deadline == 2.5
        assert live.plugins.providers["pexels"].host.timeout == 1
        assert live.problems() == [
            "deadline: shadowed by environment variable IMAGEVAULT_DEADLINE",
            "providers.pexels.timeout: shadowed by environment variable PEXELS_TIMEOUT",
        ]


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "line", "key"),
        [
            ("deadline = 3\nport = ", 2, "imagevault.toml"),
            ("deadline = 3\nprot = 1", 2, "prot"),
            ('deadline = 3\n\n[limits]\n# soon\nrequests = "many"', 5, "limits.requests"),
            ('deadline = 3\ndefault = ["nobody"]', 2, "default"),
            ("deadline = 3\n[providers.pexels]\ntimout = 1", 3, "providers.pexels.timout"),
            ("deadline = 3\n[providers.openverse]\nenabled = false\ntimeout = 99", 4, "providers.openverse.timeout"),
            ('deadline = 3\n[providers.pexels]\napi_key = "${NO_SUCH_VARIABLE}"', 3, "providers.pexels.api_key"),
            ('deadline = 3\n[providers.openverse]\nclient_id = "a"', 2, "providers.openverse"),
        ],
    )
    def test_a_broken_file_changes_nothing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, line: int, key: str
    ) -> None:
        """Valid keys of a broken file have no effect either. The error names the line, the key and the remedy."""
        place = Place(tmp_path, "deadline = 2.0")
        before = place.live.plugins.providers

        live = place.write(text)

        assert (live.settings.deadline, live.plugins.providers, place.followed) == (2.0, before, [])
        assert live.refusal is not None
        assert (live.refusal.key, live.refusal.source) == (key, f"{place.file}, line {line}")
        [problem] = live.problems()
        assert problem.startswith("refused, the previous settings stay in force: ")
        assert str(live.refusal) in caplog.text

    def test_a_mended_file_is_taken(self, tmp_path: Path) -> None:
        place = Place(tmp_path, "deadline = 2.0")
        place.write("deadline = fast")

        live = place.write("deadline = 3.0")

        assert (live.settings.deadline, live.refusal, live.problems()) == (3.0, None, [])

    def test_one_that_goes_away(self, tmp_path: Path) -> None:
        """An editor that renames files does not put the defaults in force."""
        place = Place(tmp_path, "deadline = 2.0")
        place.file.unlink()
        place.poll()

        assert place.live.settings.deadline == 2.0
        assert "was removed" in place.live.problems()[0]

    def test_what_was_wrong_before_harms_nobody(self, tmp_path: Path) -> None:
        """A provider that was wrong at the start does not block other changes."""
        place = Place(tmp_path, "[providers.pexels]\ntimout = 1")

        assert place.write("deadline = 3.0\n[providers.pexels]\ntimout = 1").settings.deadline == 3.0

    def test_to_take_a_key_away_is_no_mistake(self, tmp_path: Path) -> None:
        place = Place(tmp_path, '[providers.pexels]\napi_key = "k"')

        assert place.write("[providers.pexels]\n").plugins.providers["pexels"].state == "unconfigured"


class TestOpenFiles:
    """A server at its limit of open files cannot read the file, which says nothing about the file."""

    def test_the_last_good_settings_stay_and_the_log_says_why(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line, with the remedy. The file is neither refused nor gone."""
        place = Place(tmp_path, "deadline = 2.0\n")

        with room_for(0):
            polls = [place.live.poll() for _ in range(20)]

        assert polls == [False] * 20
        assert (place.live.settings.deadline, place.live.refusal, place.followed) == (2.0, None, [])
        [line] = [record.getMessage() for record in caplog.records]
        reason = "cannot be read now: too many files are open; raise the limit (ulimit -n, LimitNOFILE of systemd)"
        assert line == f"config unchanged: imagevault.toml: {reason} ({place.file}); the settings in force stay"

    @pytest.mark.parametrize("change", ["deadline = 3.0\n", "deadline = 'x'\n"])
    def test_a_change_is_seen_once_there_is_room(self, tmp_path: Path, change: str) -> None:
        """Taken or refused, as ever."""
        place = Place(tmp_path, "deadline = 2.0\n")
        place.file.write_text(change)
        with room_for(0):
            place.poll()

        place.poll()

        assert (place.live.settings.deadline, place.live.refusal is None) in {(3.0, True), (2.0, False)}
        assert (place.live.settings.deadline == 3.0) == ("3.0" in change)

    def test_a_refusal_stays_a_refusal(self, tmp_path: Path) -> None:
        place = Place(tmp_path, "deadline = 2.0\n")
        refusal = place.write("deadline = 'x'\n").refusal
        with room_for(0):
            place.poll()

        assert place.live.refusal is refusal is not None

    def test_a_start_says_it_too(self, tmp_path: Path) -> None:
        """`.env` is read first."""
        with room_for(0), pytest.raises(ConfigError, match=r"^\.env: cannot be read now: too many files are open"):
            load({}, tmp_path)
