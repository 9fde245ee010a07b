"""The parts of a server together: the order of what they do with the database, and what they hide."""

from typing import Any

import pytest

from imagevault import logs
from imagevault.config.settings import load
from imagevault.runtime.services import Services


async def test_what_must_be_in_force_soon_comes_before_what_may_fail(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked credentials and hidden images are read in each round, also where counts cannot be written."""
    services = (await start()).services
    done: list[str] = []

    def note(owner: Any, name: str, fails: bool = False) -> None:
        async def noted(*_: Any, **__: Any) -> None:
            done.append(f"{type(owner).__name__}.{name}")
            if fails:
                raise ValueError(name)

        monkeypatch.setattr(owner, name, noted)

    note(services.credentials, "refresh")
    note(services.gateway.hidden, "refresh")
    note(services.gateway.limiter, "refresh", fails=True)
    with pytest.raises(ValueError, match="refresh"):
        await services._synchronize()

    assert done[:2] == ["CredentialVerifier.refresh", "HiddenImages.refresh"]


def test_the_secrets_of_all_providers_are_hidden_at_once(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time, the pattern of all secrets is made anew."""
    hidden: list[set[str | None]] = []
    monkeypatch.setattr(logs, "hide", lambda secrets: hidden.append(set(secrets)))

    Services(load({"PEXELS_API_KEY": "a-key-of-pexels", "UNSPLASH_ACCESS_KEY": "a-key-of-unsplash"}, tmp_path))

    assert len(hidden) == 2
    assert "a-key-of-pexels" in hidden[1]
