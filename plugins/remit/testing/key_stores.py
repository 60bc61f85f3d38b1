"""What every key store must do, as tests that any implementation can be put to.

class TestMine(KeyStoreContract):
@pytest.fixture
def store(self): ...
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag

from remit import hpke
from remit.errors import Refused
from remit.ports import KeyStore

RUN, OTHER = "durand-2026-a", "durand-2026-b"


class KeyStoreContract:
    """Tests that need a fixture ``store`` alone: a `KeyStore` that is empty at first.

    A derived class may give `again`, the store as another process would open it.
    """

    def again(self, store: KeyStore) -> KeyStore:
        """The same store, opened anew."""
        return store

    def test_the_key_is_made_once_and_found_again(self, store: KeyStore) -> None:
        """As two workers would make it."""
        public = store.create(RUN)

        assert len(public) == 32
        assert self.again(store).create(RUN) == public
        assert store.create(OTHER) != public

    def test_what_is_sealed_to_the_key_opens(self, store: KeyStore) -> None:
        """In the store that made the key and in any other that is the same."""
        secret = secrets.token_bytes(32)
        sealed = hpke.seal(secret, store.create(RUN), b"file 1")

        assert store.open(RUN, sealed, b"file 1") == secret
        assert self.again(store).open(RUN, sealed, b"file 1") == secret

    def test_another_place_another_key_and_a_flipped_bit_do_not_open(self, store: KeyStore) -> None:
        """HPKE's own refusals are the library's error."""
        sealed = hpke.seal(b"secret", store.create(RUN), b"file 1")
        store.create(OTHER)

        for name, message, info in (
            (RUN, sealed, b"file 2"),
            (OTHER, sealed, b"file 1"),
            (RUN, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"file 1"),
        ):
            assert not _opens(store, name, message, info)

    def test_a_key_that_was_never_made_is_gone(self, store: KeyStore) -> None:
        """Nothing is made by asking."""
        sealed = hpke.seal(b"secret", store.create(OTHER), b"")

        assert store.exists(RUN) is False
        assert _refusal(store, RUN, sealed) == "staging-key-gone"
        assert store.exists(RUN) is False

    def test_what_is_destroyed_is_gone_for_everybody(self, store: KeyStore) -> None:
        """And the keys of other runs are not."""
        sealed = hpke.seal(b"secret", store.create(RUN), b"")
        other = hpke.seal(b"secret", store.create(OTHER), b"")
        assert store.exists(RUN) is True

        store.destroy(RUN)

        for place in (store, self.again(store)):
            assert place.exists(RUN) is False
            assert _refusal(place, RUN, sealed) == "staging-key-gone"
        assert store.open(OTHER, other, b"") == b"secret"

    def test_destroying_again_or_what_never_was_is_no_error(self, store: KeyStore) -> None:
        """A step that is done again must end."""
        store.create(RUN)
        store.destroy(RUN)

        store.destroy(RUN)
        self.again(store).destroy(RUN)
        store.destroy("never-made")

        assert store.exists(RUN) is False

    def test_what_is_there_is_listed_and_nothing_else(self, store: KeyStore) -> None:
        """A sweep looks for keys that nobody needs."""
        before = set(store.names())
        for name in (RUN, OTHER):
            store.create(name)
        assert set(store.names()) == before | {RUN, OTHER}
        store.destroy(RUN)

        assert RUN not in store.names()
        assert OTHER in self.again(store).names()

    def test_a_key_made_after_destruction_is_another_one(self, store: KeyStore) -> None:
        """What was sealed before stays closed."""
        first = store.create(RUN)
        sealed = hpke.seal(b"secret", first, b"")
        store.destroy(RUN)

        assert store.create(RUN) != first
        assert not _opens(store, RUN, sealed, b"")

    def test_it_is_told_from_another_store(self, store: KeyStore) -> None:
        """By a name that lasts."""
        name = store.claim()

        assert name
        assert store.claim() == store.identity() == self.again(store).identity() == name
        store.create(RUN)
        store.destroy(RUN)
        assert store.identity() == name

    def test_a_name_that_leads_elsewhere_is_an_error(self, store: KeyStore) -> None:
        """Names are run ids, and nothing else is tried."""
        for name in ("../durand", "a/b", "", "a b"):
            for act in (store.create, store.exists, store.destroy):
                try:
                    act(name)
                except ValueError:
                    continue
                raise AssertionError(f"{act.__name__} took the name {name!r}")


def _opens(store: KeyStore, name: str, sealed: bytes, info: bytes) -> bool:
    try:
        store.open(name, sealed, info)
    except InvalidTag:
        return False
    return True


def _refusal(store: KeyStore, name: str, sealed: bytes) -> str | None:
    try:
        store.open(name, sealed, b"")
    except Refused as refusal:
        return refusal.code
    return None
