"""Direct identifiers in text: national numbers, e-mail, phones, IBANs, and the row's own person's names.

Guarantee: what `redacted` gives, `found` and `names_found` find nothing in.
Not guaranteed: that nobody can be told from the text. Names of others, misspelt names, nicknames,
addresses, dates of birth and rare histories are not looked for (docs/free-text.md).
"""

from remit.direct_identifiers.names import names_found, names_known
from remit.direct_identifiers.texts import KINDS, found, found_of_each, redacted

__all__ = ["KINDS", "found", "found_of_each", "names_found", "names_known", "redacted"]
