"""Tokens: which are good, and for how long."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest

from imagevault.accounts.tables import Account
from imagevault.accounts.tokens import LEEWAY, MAX_LENGTH, SETTINGS_DELAY, Tokens
from imagevault.security.keyring import Keyring
from tests.support.clock import Clock
from tests.support.tokens import token_of

PASSWORD = "violet-harbour-71"
OLD, NEW, OTHER = (letter * 8 + b"abcdefgh" * 4 for letter in (b"o", b"n", b"x"))
ID = "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f"

# The PEM of any public key: what an attacker would try as an HMAC secret (CVE-2022-29217).
PEM = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"


def b64(value: object) -> str:
    """JSON, or bytes, as a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, payload: object, key: bytes, digest: str = "sha256") -> str:
    """A token of these parts, signed by hand: nothing checks them on the way."""
    message = f"{b64(header)}.{b64(payload)}"
    return f"{message}.{b64(hmac.digest(key, message.encode(), digest))}"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Keyring(NEW), ttl=3600)


class Parts:
    """Header, payload and key of a good token, to be spoilt."""

    def __init__(self) -> None:
        tokens = Tokens(Keyring(NEW), ttl=3600)
        [self.key] = tokens.keys.values()
        good = jwt.decode_complete(tokens.issue(ID, 0), options={"verify_signature": False})
        self.header: dict[str, Any] = dict(good["header"])
        self.payload: dict[str, Any] = dict(good["payload"])

    def token(self, **changes: Any) -> str:
        """The token with other claims; `header_x` changes the header, None takes one away."""
        header = self.header | {name[7:]: value for name, value in changes.items() if name.startswith("header_")}
        payload = self.payload | {name: value for name, value in changes.items() if not name.startswith("header_")}
        return signed(
            {name: value for name, value in header.items() if value is not None},
            {name: value for name, value in payload.items() if value is not None},
            self.key,
        )


class TestGood:
    def test_says_whose_it_is(self, tokens: Tokens) -> None:
        """The account, its epoch, and until when."""
        before = int(time.time())
        claims = tokens.verify(tokens.issue(ID, 7))

        assert claims is not None
        assert (claims.account, claims.epoch) == (ID, 7)
        assert before <= claims.expires - 3600 <= time.time()

    def test_has_the_claims_that_are_checked(self, tokens: Tokens) -> None:
        """Its own type, issuer and audience, times, an id of its own, and the name of its key."""
        first, second = (jwt.decode_complete(tokens.issue(ID, 0), options={"verify_signature": False}) for _ in "ab")

        assert first["header"].keys() == {"alg", "kid", "typ"}
        assert (first["header"]["alg"], first["header"]["typ"]) == ("HS256", "iv+jwt")
        assert first["payload"].keys() == {"sub", "epoch", "iat", "exp", "jti", "iss", "aud"}
        assert len(base64.urlsafe_b64decode(first["payload"]["jti"] + "==")) == 16
        assert first["payload"]["jti"] != second["payload"]["jti"]

    def test_the_control_of_what_follows(self, tokens: Tokens) -> None:
        """A token made by hand from good parts is good: what is refused below is refused for its flaw."""
        assert tokens.verify(Parts().token()) is not None

    def test_is_good_after_the_secret_changed_while_the_old_one_verifies(self) -> None:
        """SECRET_KEY_PREVIOUS lets sessions go on; new tokens are signed with the new secret; then the old is done."""
        old = Tokens(Keyring(OLD), 3600).issue(ID, 0)
        changed = Tokens(Keyring(NEW, (OLD,)), 3600)
        done = Tokens(Keyring(NEW), 3600)

        assert changed.verify(old) is not None
        assert done.verify(old) is None
        assert done.verify(changed.issue(ID, 0)) is not None

    def test_a_secret_signs_nothing_by_itself(self, tokens: Tokens) -> None:
        """Each use has its subkey: one that leaked opens no other door."""
        parts = Parts()
        for _, key in (("secret", NEW), *Keyring(NEW).subkeys("cursor"), *Keyring(NEW).subkeys("media")):
            assert tokens.verify(signed(parts.header, parts.payload, key)) is None


def _bad() -> dict[str, str]:
    """Bad tokens by what is wrong with them."""
    parts, now = Parts(), int(time.time())
    good = parts.token()
    message, _, signature = good.rpartition(".")
    [kid] = Tokens(Keyring(NEW), 3600).keys
    [other_key] = Tokens(Keyring(OTHER), 3600).keys.values()
    unsigned = f"{b64(parts.header | {'alg': 'none'})}.{b64(parts.payload)}."
    return {
        "nothing": "",
        "rubbish": "not.a.token",
        "two parts": message,
        "four parts": f"{good}.a",
        "five parts": f"{good}.a.b",
        "dots": "....",
        "not ascii": "ä.ö.ü",
        "alg none": unsigned,
        "alg None, signed": parts.token(header_alg="None"),
        "alg nOnE": unsigned.replace(b64(parts.header | {"alg": "none"}), b64(parts.header | {"alg": "nOnE"})),
        "alg none with the signature": unsigned + signature,
        "no signature": f"{message}.",
        "no alg": parts.token(header_alg=None),
        "HS512": signed(parts.header | {"alg": "HS512"}, parts.payload, parts.key, "sha512"),
        "HS384": signed(parts.header | {"alg": "HS384"}, parts.payload, parts.key, "sha384"),
        "HS512 said, HS256 done": parts.token(header_alg="HS512"),
        "RS256": parts.token(header_alg="RS256"),
        "ES256": parts.token(header_alg="ES256"),
        "another secret": signed(parts.header, parts.payload, other_key),
        "another secret, its own kid": Tokens(Keyring(OTHER), 3600).issue(ID, 0),
        "the public key as a secret": signed(parts.header, parts.payload, PEM),
        "an empty secret": signed(parts.header, parts.payload, b""),
        "a key in the header": signed(parts.header | {"jwk": {"kty": "oct", "k": b64(OTHER)}}, parts.payload, OTHER),
        "a key to be fetched": signed(
            parts.header | {"jku": "https://evil.example/keys", "x5u": "https://evil.example/"}, parts.payload, OTHER
        ),
        "kid unknown": parts.token(header_kid="deadbeef"),
        "kid a path": parts.token(header_kid="../../dev/null"),
        "kid a list": parts.token(header_kid=[kid]),
        "kid an object": parts.token(header_kid={"a": kid}),
        "no kid": parts.token(header_kid=None),
        "typ JWT": parts.token(header_typ="JWT"),
        "typ at+jwt": parts.token(header_typ="at+jwt"),
        "no typ": parts.token(header_typ=None),
        "crit": parts.token(header_crit=["exp"]),
        "crit unknown": parts.token(header_crit=["b64"], header_b64=False),
        "crit empty": parts.token(header_crit=[]),
        "b64 false": parts.token(header_b64=False),
        "another audience": parts.token(aud="other"),
        "a list of audiences": parts.token(aud=["imagevault"]),
        "a list with ours": parts.token(aud=["imagevault", "other"]),
        "no audience": parts.token(aud=None),
        "another issuer": parts.token(iss="other"),
        "a part of the issuer": parts.token(iss="image"),
        "a list of issuers": parts.token(iss=["imagevault"]),
        "no issuer": parts.token(iss=None),
        "no exp": parts.token(exp=None),
        "no iat": parts.token(iat=None),
        "no sub": parts.token(sub=None),
        "no jti": parts.token(jti=None),
        "sub a number": parts.token(sub=7),
        "sub an object": parts.token(sub={"id": ID}),
        "jti a number": parts.token(jti=7),
        "exp a string": parts.token(exp=str(now + 3600)),
        "exp a float": parts.token(exp=now + 3600.5),
        "exp a list": parts.token(exp=[now + 3600]),
        "exp far away": parts.token(exp=10**22),
        "exp in a day": parts.token(exp=now + 86_400),
        "exp infinite": parts.token(exp=float("inf")),
        "exp past": parts.token(iat=now - 3600, exp=now - LEEWAY - 1),
        "exp before iat": parts.token(iat=now, exp=now - 1),
        "exp negative": parts.token(iat=-10, exp=-5),
        "iat a string": parts.token(iat=str(now)),
        "iat in the future": parts.token(iat=now + 600, exp=now + 1200),
        "iat far in the future": parts.token(iat=10**11, exp=10**11 + 600),
        "nbf in the future": parts.token(nbf=now + 600),
        "payload no object": signed(parts.header, [parts.payload], parts.key),
        "payload text": signed(parts.header, "text", parts.key),
        "payload no JSON": signed(parts.header, b"\xff{", parts.key),
        "payload empty": signed(parts.header, b"", parts.key),
        "header no object": signed([parts.header], parts.payload, parts.key),
        "header no JSON": signed(b"\xff", parts.payload, parts.key),
        "header nested deeply": signed(b'{"a":' + b"[" * 1400, {}, parts.key),
        "payload nested deeply": signed(parts.header, b'{"a":' + b"[" * 1200, parts.key),
        "a changed claim": f"{b64(parts.header)}.{b64(parts.payload | {'sub': 'admin'})}.{signature}",
        "one bit less": good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:],
        "cut": good[:-1],
        "too long": parts.token(note="a" * MAX_LENGTH),
        "2 MB": parts.token(note="a" * 2_000_000),
        "2 MB of dots": "." * 2_000_000,
        "2 MB header": signed(b"[" * 1_000_000, {}, parts.key),
    }


BAD = _bad()


class TestBad:
    @pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
    def test_is_refused_at_once(self, tokens: Tokens, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The result is None, never an error, and nothing longer than a token is decoded."""
        decoded: list[int] = []
        decode = jwt.get_unverified_header

        def recording(token: str) -> dict[str, Any]:
            decoded.append(len(token))
            return decode(token)

        monkeypatch.setattr(jwt, "get_unverified_header", recording)

        assert tokens.verify(token) is None

        assert decoded == ([len(token)] if len(token) <= MAX_LENGTH else [])

    async def test_every_one_gets_the_same_answer(self, start: Any) -> None:
        """401 with one body and one challenge, whatever is wrong: who forges learns nothing."""
        api = await start({"SECRET_KEY": NEW.decode()})

        for name, token in BAD.items():
            answer = await api.get("/protected", headers={"Authorization": f"Bearer {token}".encode()})

            if len(token) > 16_000:
                assert answer.status_code == 431, name
                continue
            problem = answer.json()
            assert (answer.status_code, problem["detail"]) == (401, "A valid access token is needed."), name
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', name
            assert problem.keys() == {"title", "status", "detail", "request_id"}

    async def test_none_at_all_is_asked_for_one(self, start: Any) -> None:
        """The challenge names no error where nothing was tried (RFC 6750, 3.1)."""
        api = await start()

        answer = await api.get("/protected")

        assert (answer.status_code, answer.json()["detail"]) == (401, "A valid access token is needed.")
        assert answer.headers["www-authenticate"] == 'Bearer realm="imagevault"'

    @pytest.mark.parametrize("tail", ["=", "==", " ", "."])
    async def test_spelling_a_good_one_otherwise_gains_nothing(self, start: Any, tail: str) -> None:
        """It is taken for the same token or refused, and dies with its account all the same."""
        api = await start()
        headers = await api.sign_in()
        again = {"Authorization": headers["Authorization"] + tail}
        assert (await api.get("/protected", headers=again)).status_code in {200, 401}

        api.services.credentials.verified.clear()  # as if a second had passed
        await Account.update({Account.epoch: 1}).where(Account.username == "ada")

        assert [(await api.get("/protected", headers=sent)).status_code for sent in (headers, again)] == [401, 401]

    async def test_what_is_signed_for_another_door_does_not_open_this_one(self, start: Any) -> None:
        """Cursors and media links are signed by the same secret, and are no tokens."""
        api = await start()
        headers = await api.sign_in()
        page = (await api.get("/search?q=mountain&provider=local&per_page=1", headers=headers)).json()
        link = page["images"][0]["renditions"][0]["url"]
        signature = link.partition("signature=")[2]

        for credential in (page["next"], signature, link, f"{page['next']}.{signature}.{signature}"):
            answer = await api.get("/protected", headers={"Authorization": f"Bearer {credential}"})

            assert answer.status_code == 401
        token = headers["Authorization"].partition(" ")[2]
        cursor = await api.get(f"/search?cursor={token}", headers=headers)
        media = await api.client.get(link.replace(signature, token))

        assert (cursor.status_code, media.status_code) == (400, 403)


class TestExpiry:
    def test_is_when_it_says(self) -> None:
        """Made a while ago by a clock that is right: good to its last second and the leeway, then not."""
        now = time.time()

        def read(age: float) -> object:
            clock = Clock(now - age)
            return Tokens(Keyring(NEW), 60, clock).verify(Tokens(Keyring(NEW), 60, clock).issue(ID, 0))

        assert read(0) is not None
        assert read(50) is not None
        assert read(60 + LEEWAY + 1) is None
        assert read(86_400) is None

    async def test_an_expired_one_is_401(self, start: Any) -> None:
        """As the caller sees it."""
        api = await start()
        await api.sign_in()
        tokens = api.services.accounts.tokens
        tokens.clock = Clock(time.time() - 3600 - LEEWAY - 2)
        expired = await token_of(api.services.accounts, "ada", PASSWORD)
        tokens.clock = time.time

        answer = await api.get("/protected", headers={"Authorization": f"Bearer {expired}"})

        assert answer.status_code == 401

    def test_a_longer_life_is_given_once_every_worker_knows_it(self) -> None:
        """Until then another one would refuse such a token; a shorter life is given at once."""
        clock = Clock(1_000_000.0)
        tokens = Tokens(Keyring(NEW), 3600, clock)
        lives = []
        for ttl, later in ((7200, 0.0), (7200, SETTINGS_DELAY), (600, 0.0)):
            clock.now += later
            tokens.set_ttl(ttl)
            lives.append(tokens.lifetime)

        assert lives == [3600, 7200, 600]

    def test_a_longer_life_than_is_given_now_is_refused(self) -> None:
        """When an admin shortens `token_ttl`, longer tokens end at once."""
        long = Tokens(Keyring(NEW), 86_400).issue(ID, 0)

        assert Tokens(Keyring(NEW), 3600).verify(long) is None


class TestProtected:
    async def test_says_who_one_is(self, start: Any) -> None:
        """Id, name, and whether one is an admin; never cached."""
        api = await start()
        headers = await api.sign_in("Ada", admin=True)

        answer = await api.get("/protected", headers=headers)

        [account] = await api.services.accounts.list_all()
        assert answer.json() == {"id": str(account["id"]), "username": "ada", "is_admin": True}
        assert answer.headers["cache-control"] == "no-store"
