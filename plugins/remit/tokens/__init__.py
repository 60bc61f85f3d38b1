"""PKCS#11 tokens: named by a URI of RFC 7512, opened for one operation at a time.

python-pkcs11 and the token's module are loaded when a token is first used, not before.
"""

from remit.tokens.access import Token
from remit.tokens.pairs import ED25519, X25519, attributes_missing, make_pair
from remit.tokens.uri import TokenUri

__all__ = ["ED25519", "X25519", "Token", "TokenUri", "attributes_missing", "make_pair"]
