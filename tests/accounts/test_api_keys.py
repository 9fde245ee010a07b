"""API keys: their form, what they may do, and when they end."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from imagevault.accounts.api_keys import (
    ALPHABET,
    MAX_KEYS,
    SHOWN_LENGTH,
    USE_INTERVAL,
    NewApiKey,
    digest_of,
    is_key,
    make_key,
)
from imagevault.accounts.tables import Account, ApiKey
from imagevault.config.limits import Rate
from imagevault.errors import BadInput, Conflict, DatabaseUnavailable, Forbidden, NotSignedIn, ResourceNotFound
from tests.support.clock import Clock

SEARCH = NewApiKey(name="catalogue", scopes=["search"])


def new(**changes: Any) -> NewApiKey:
    """A key for searching, with these differences."""
    return NewApiKey(**{"name": "catalogue", "scopes": ["search"], **changes})


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": " "}, "name"),
    ({"name": "a" * 101}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "a\u202eb"}, "name"),
    ({"scopes": []}, "scopes"),
    ({"scopes": ["serach"]}, "scopes"),
    ({"scopes": ["search", "\0"]}, "scopes"),
    ({"providers": []}, "providers"),
    ({"providers": ["pexel"]}, "providers"),
    ({"providers": ["all"]}, "providers"),
    ({"providers": ["\0"]}, "providers"),
    ({"providers": ["local"] * 101}, "providers"),
    ({"rate": "60"}, "rate"),
    ({"rate": "0/minute"}, "rate"),
    ({"rate": "60/fortnight"}, "rate"),
    ({"expires_at": datetime(2999, 1, 1)}, "expires_at"),  # noqa: DTZ001  without a zone
    ({"expires_at": datetime(1999, 1, 1, tzinfo=UTC)}, "expires_at"),
    ({"expires_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))}, "expires_at"),
    ({"expires_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "expires_at"),
]


class TestForm:
    def test_is_what_scanners_of_source_code_look_for(self) -> None:
        """`iv_`, 30 random characters of base 62, and 6 more that are their checksum."""
        key = make_key()

        assert key.startswith("iv_")
        assert len(key) == 39
        assert set(key[3:]) <= set(ALPHABET)
        assert is_key(key)
        assert make_key() != key

    def test_one_letter_changed_is_seen_without_a_query(self) -> None:
        """Wherever it is: a CRC finds every single error."""
        key = make_key()
        for position in range(3, len(key)):
            other = ALPHABET[(ALPHABET.index(key[position]) + 1) % len(ALPHABET)]

            assert not is_key(key[:position] + other + key[position + 1 :])

    @pytest.mark.parametrize("spoil", [lambda key: key[:-1], lambda key: f"{key}a", str.lower, str.upper, lambda _: ""])
    def test_another_length_or_letter_case_is_none(self, spoil: Any) -> None:
        """Digits alone have no letter case, so the key is made of letters."""
        key = next(key for key in iter(make_key, None) if key[3:].lower() != key[3:] and key[3:].upper() != key[3:])

        assert not is_key(spoil(key))

    @pytest.mark.parametrize("text", ["iv_" + "a" * 36, "iv_" + "\0" * 36, "iv_" + "ä" * 36, "iv_" * 1000, "iv_\n"])
    def test_junk_is_none(self, text: str) -> None:
        assert not is_key(text)


class TestCreating:
    async def test_shows_the_key_once_and_stores_its_hash(self, worker: Any) -> None:
        """Nothing in the database is the key, and none of what lists it."""
        ours = await worker()
        ada = await ours.sign_in()
        record, key = await ours.api_keys.create(ada, SEARCH)

        [row] = await ApiKey.select()

        assert row["digest"] == digest_of(key)
        assert key not in str(row)
        assert await ours.api_keys.list_of(ada.id) == [record]
        assert record.prefix == key[:SHOWN_LENGTH]

    async def test_everything_that_was_asked_for_is_kept(self, worker: Any) -> None:
        """In its usual order, each scope and provider once, the time in UTC."""
        ours = await worker()
        ada = await ours.sign_in()
        in_a_year = datetime(2999, 1, 1, tzinfo=timezone(timedelta(hours=2)))
        wanted = new(
            scopes=["downloads", "search", "downloads"],
            providers=["pexels", "local", "pexels"],
            rate=" 60 / minute ",
            expires_at=in_a_year,
        )

        record, _ = await ours.api_keys.create(ada, wanted)
        [listed] = await ours.api_keys.list_of(ada.id)

        assert listed == record
        assert listed.scopes == ["search", "downloads"]
        assert listed.providers == ["local", "pexels"]
        assert (listed.rate, listed.last_used) == ("60/minute", None)
        assert listed.expires_at == in_a_year

    async def test_bad_input_names_the_field(self, worker: Any) -> None:
        """And what would be right; nothing is stored."""
        ours = await worker()
        ada = await ours.sign_in()
        for changes, field in BAD:
            with pytest.raises(BadInput) as refused:
                await ours.api_keys.create(ada, new(**changes))

            assert refused.value.field == field, changes
        assert not await ApiKey.exists()

    async def test_a_typing_error_gets_an_offer(self, worker: Any) -> None:
        ours = await worker()
        ada = await ours.sign_in()

        with pytest.raises(BadInput, match="Did you mean search"):
            await ours.api_keys.create(ada, new(scopes=["serach"]))
        with pytest.raises(BadInput, match="Did you mean pexels"):
            await ours.api_keys.create(ada, new(providers=["pexel"]))

    async def test_an_account_has_a_bounded_number(self, worker: Any) -> None:
        """However many are asked for at once; one that is revoked makes room."""
        ours = await worker()
        ada = await ours.sign_in()

        results = await asyncio.gather(
            *(ours.api_keys.create(ada, SEARCH) for _ in range(MAX_KEYS + 5)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, Conflict)]
        [first, *_] = await ours.api_keys.list_of(ada.id)
        await ours.api_keys.revoke(ada, str(first.id))
        await ours.api_keys.create(ada, SEARCH)

        assert len(refused) == 5
        assert await ApiKey.count() == MAX_KEYS

    async def test_a_revoked_token_leaves_none_behind(self, worker: Any) -> None:
        """It is remembered for up to a second; whoever holds it must not use that second to stay."""
        ours = await worker()
        ada = await ours.sign_in()
        await Account.update({Account.epoch: Account.epoch + 1}).where(Account.username == "ada")

        with pytest.raises(NotSignedIn):
            await ours.api_keys.create(ada, SEARCH)

        assert not await ApiKey.exists()

    async def test_the_scope_admin_is_for_admins(self, worker: Any) -> None:
        ours = await worker()
        ada = await ours.sign_in()

        with pytest.raises(Forbidden):
            await ours.api_keys.create(ada, new(scopes=["admin"]))
        await ours.accounts.set_admin("ada", is_admin=True)
        record, _ = await ours.api_keys.create(ada, new(scopes=["admin"]))

        assert record.scopes == ["admin"]


class TestUsing:
    async def test_says_what_it_allows(self, worker: Any) -> None:
        """The account, the scopes, the providers, the rate, and the key."""
        ours = await worker()
        ada = await ours.sign_in()
        record, key = await ours.api_keys.create(ada, new(providers=["local"], rate="60/minute"))

        caller = await ours.credentials.verify(key)

        assert (caller.id, caller.username, caller.key_id) == (ada.id, "ada", str(record.id))
        assert caller.scopes == {"search"}
        assert caller.providers == {"local"}
        assert caller.rate == Rate(60, 60)

    async def test_an_unknown_one_is_nobody(self, worker: Any) -> None:
        """It is not remembered: whoever invents keys pushes nobody out of the memory."""
        ours = await worker()

        assert await ours.credentials.verify(make_key()) is None
        assert len(ours.credentials.verified) == 0

    async def test_admin_is_an_admins_while_he_is_one(self, worker: Any) -> None:
        """Demoted, the key keeps its other scopes; promoted again, it has all."""
        ours = await worker()
        await ours.accounts.create("ada", "violet-harbour-71", is_admin=True)
        _, key = await ours.api_keys.create(await ours.sign_in(), new(scopes=["search", "admin"]))
        seen = []
        for is_admin in (True, False, True):
            await ours.accounts.set_admin("ada", is_admin=is_admin)
            ours.clock.advance(1)
            seen.append((await ours.credentials.verify(key)).scopes)

        assert seen == [{"search", "admin"}, {"search"}, {"search", "admin"}]

    async def test_it_outlives_the_epoch_of_its_account(self, worker: Any) -> None:
        """Signing out ends tokens, not keys."""
        ours = await worker()
        _, key = await ours.api_keys.create(await ours.sign_in(), SEARCH)
        await Account.update({Account.epoch: 7}).where(Account.username == "ada")

        assert await ours.credentials.verify(key) is not None

    async def test_it_expires_to_the_second(self, worker: Any) -> None:
        """Also if it was remembered a moment before."""
        ours = await worker()
        ada = await ours.sign_in()
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        _, key = await ours.api_keys.create(ada, new(expires_at=expires_at))
        wall = ours.accounts.tokens.clock = Clock(expires_at.timestamp() - 0.5)

        assert await ours.credentials.verify(key) is not None
        ours.clock.advance(0.49)
        assert await ours.credentials.verify(key) is not None
        ours.clock.advance(0.01)
        wall.advance(0.5)
        assert await ours.credentials.verify(key) is None

    @pytest.mark.parametrize("change", ["revoked", "locked", "deleted"])
    async def test_what_ends_it_is_in_force_within_a_second_in_every_worker(self, worker: Any, change: str) -> None:
        """Two workers remember it. One revokes; the other refuses a second later, also while it is in use."""
        ours, theirs = await worker(), await worker()
        ada = await ours.sign_in()
        record, key = await ours.api_keys.create(ada, SEARCH)
        for one in (ours, theirs):
            one.database.use()
            assert await one.credentials.verify(key) is not None

        match change:
            case "revoked":
                await ours.api_keys.revoke(ada, str(record.id))
            case "locked":
                await Account.update({Account.is_active: False}).where(Account.username == "ada")
            case "deleted":
                await Account.delete().where(Account.username == "ada")

        theirs.clock.advance(0.999)
        assert await theirs.credentials.verify(key) is not None  # remembered
        theirs.clock.advance(0.001)
        assert await theirs.credentials.verify(key) is None

    async def test_another_account_cannot_revoke_it(self, worker: Any) -> None:
        """It is as if there were none."""
        ours = await worker()
        record, key = await ours.api_keys.create(await ours.sign_in("ada"), SEARCH)
        bob = await ours.sign_in("bob")

        for id in ("", "1", "\0", f"{record.id}0"):
            with pytest.raises(BadInput):
                await ours.api_keys.revoke(bob, id)
        for id in (str(record.id), str(uuid.uuid4())):
            with pytest.raises(ResourceNotFound):
                await ours.api_keys.revoke(bob, id)

        assert await ours.api_keys.list_of(bob.id) == []
        assert await ours.credentials.verify(key) is not None

    async def test_its_last_use_is_kept_while_the_database_is_away(
        self, worker: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = await worker()
        ada = await ours.sign_in()
        _, key = await ours.api_keys.create(ada, SEARCH)
        await ours.credentials.verify(key)

        def away(*_: object) -> None:
            raise DatabaseUnavailable("gone")

        with monkeypatch.context() as patch:
            patch.setattr(ApiKey, "update", away)
            with pytest.raises(DatabaseUnavailable):
                await ours.api_keys.flush_uses()
        await ours.api_keys.flush_uses()

        assert (await ours.api_keys.list_of(ada.id))[0].last_used is not None

    async def test_its_last_use_is_written_once_a_minute(self, worker: Any) -> None:
        """Not with each request."""
        ours = await worker()
        ada = await ours.sign_in()
        _, key = await ours.api_keys.create(ada, SEARCH)
        seen = []
        for seconds in (0, 30, USE_INTERVAL - 30):
            ours.wall.advance(seconds)
            await ours.credentials.verify(key)
            await ours.api_keys.flush_uses()
            seen.append((await ours.api_keys.list_of(ada.id))[0].last_used)

        assert seen[0] is not None
        assert seen[1] == seen[0]
        assert seen[2] > seen[1]
