"""The bundle: one run in one ZIP file that verifies offline, and that a person can open.

Guarantee: a bundle that `verify_bundle` accepts holds records of one run, numbered without a gap,
each of which is in the log that the processor signed a checkpoint of; the instruction, manifest,
receipt and certificate in them are signed by whom they should be and agree; and every other byte of
the file follows from those records, so that nothing in it can say otherwise.
Not guaranteed: that no record came after the last one here. Compare with a newer bundle, or see
whether the last record says that the run has ended. Nor that no later rotation or revocation of a key
was left out: who was in possession of a key that was rotated away can make up an older-looking log.
The reader needs the controller's public key alone: the instruction pins the others.
"""

from remit.bundle.archive import LARGEST
from remit.bundle.files import FORMAT
from remit.bundle.findings import Finding, Findings
from remit.bundle.making import make_bundle
from remit.bundle.verifying import verify_bundle

__all__ = ["FORMAT", "LARGEST", "Finding", "Findings", "make_bundle", "verify_bundle"]
