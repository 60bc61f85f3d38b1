"""Codes of the laboratory and of persons: what makes one of LOINC, UCUM or NIR well formed."""

from remit.clinical.loinc import is_loinc
from remit.clinical.nir import is_nir
from remit.clinical.ucum import is_ucum

__all__ = ["is_loinc", "is_nir", "is_ucum"]
