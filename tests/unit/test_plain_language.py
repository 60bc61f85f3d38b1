"""The page that a lawyer reads: everything that is instructed, in two languages, and no claim more."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from remit import signing
from remit.cli import main
from remit.instruction import Category, Instruction, digest_of, parse
from remit.instruction.plain_language import PARAGRAPHS, Language, Signature, page
from remit.instruction.plain_language.countries import COUNTRIES
from remit.instruction.plain_language.tables import category
from remit.instruction.plain_language.voice import NO_BREAK, Voice
from remit.instruction.plain_yaml import load
from remit.instruction.revocation import revocation_path, revoke
from remit.testing.world import World

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "plugins/remit/instruction/plain_language"
EVERYTHING = (HERE / "odcs" / "everything.yaml").read_bytes()
ENGLISH, FRENCH = Language.ENGLISH, Language.FRENCH
LANGUAGES = pytest.mark.parametrize("language", list(Language))
Edit = Callable[[dict[str, Any]], object]


def everything(edit: Edit = lambda _: None) -> Instruction:
    fields = load(EVERYTHING)
    edit(fields)
    return parse(yaml.safe_dump(fields, allow_unicode=True).encode())


def shown(language: Language, edit: Edit = lambda _: None, refusal: str | None = None) -> str:
    """The page, each run of spaces and line ends as one space."""
    text = page(everything(edit), Signature("sha256:" + "5" * 64, refusal), language)
    return " ".join(text.split())


# --- everything is said -------------------------------------------------------------------------


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def definer(model: type[BaseModel], field: str) -> tuple[str, str]:
    """Where a field is defined: a class may have it from another one."""
    first = [
        each for each in reversed(model.mro()) if field in getattr(each, "__annotations__", {})
    ]
    return first[0].__name__, field


def fields_of(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[tuple[str, str]]:
    seen.add(model)
    found = {definer(model, name) for name in model.model_fields}
    for field in model.model_fields.values():
        for each in models_in(field.annotation):
            found |= fields_of(each, seen) if each not in seen else set()
    return found


def fields_set(value: Any) -> set[tuple[str, str]]:
    if isinstance(value, list):
        return set().union(*map(fields_set, value))
    if not isinstance(value, BaseModel):
        return set()
    found = {definer(type(value), name) for name in value.model_fields_set}
    return found.union(*(fields_set(getattr(value, name)) for name in value.model_fields_set))


def test_the_example_has_every_field_that_there_is() -> None:
    assert fields_of(Instruction, set()) - fields_set(everything()) == set()


# Of these the page speaks in words of its own, or names what they stand for.
IN_OTHER_WORDS = re.compile(
    r"remit|.*key|.*sha256|pseudonym_keys\[\].check|suppress\.subjects\[\]|confirmation\.(level|by\[\])|"
    r"recipients\[\].name|.*(from|to|until|_within|_confirmation)|.*(type|nullable|per_run)|"
    r".*(category|categories\[\])|.*transform\.(kind|to|width|length)|.*\.maximum|.*transport|"
    r".*at_end|.*decryption_keys|.*overprivileged|.*in\[\]|.*signatures|version|.*constant|"
    r".*\.(may\[\]|within|after|receipt_within)|.*identifiers\.(treatment|kinds\[\])|dump\.(kind|separator|quote|quoted_missing)|.*padding"
)


@LANGUAGES
def test_whatever_the_instruction_says_is_on_the_page(language: Language) -> None:
    text = shown(language)
    missing = [
        path
        for path, value in leaves(load(EVERYTHING))
        if not IN_OTHER_WORDS.fullmatch(path) and re.sub("[“”«»]", '"', str(value)) not in text
    ]

    assert missing == []


@LANGUAGES
def test_hashes_of_suppressed_persons_and_keys_are_not_on_the_page(language: Language) -> None:
    text = shown(language)

    assert not any(digit * 64 in text for digit in "0234")
    assert "AAAAAAAA" not in text


EXPECTED = {
    ENGLISH: [
        "It is changing its key: the old one and the new one can each read all of this.",
        "It is changing the key that it signs with: a receipt under either counts.",
        "- Camille Moreau <camille.moreau@migrations.example> (account camille) may approve a delivery, "
        "suspend a deletion,",
        "Nobody acts by these accounts, which are not one person's: exploitation.",
        "Nothing is delivered before one of them has approved it, within 1 day and 12 hours;",
        "while nobody acknowledges one, it is told to Noël Roux <noel.roux@durand.example> after 4 hours "
        "and Hélène Durand <helene.durand@durand.example> after 12 hours.",
        "- A receipt that has not come 2 days after delivery raises an alert.",
        "- Every key of this instruction is to be changed by 1 December 2026, 00:00 (UTC).",
        "INSTRUCTION durand-everything, VERSION 3, IN PLAIN LANGUAGE",
        "Laboratoires Durand SELAS (durand) decides as controller, and instructs Migrations SA as "
        "processor under contract DUR-2026-014.",
        "Jointly with it (Art. 26(1)) decide: Clinique du Parc (clinique-parc).",
        "Table results, at the source “Lis Données”.RESULTS_V (12 columns):",
        "health data (special category, Art. 9): seen (“Season of the analysis”, only the month); "
        "weight (“Reading the values”, only a band of width 1,000)",
        "administrative data: patient_id (“Link to the record”, pseudonym under key patients).",
        "“Nom d'usage” (“Check at the counter”, cut after 1 character, looked through for the "
        "person's own names: what is found leaves, and is counted)",
        "looked through for social security numbers, e-mail addresses, telephone numbers, bank "
        "account numbers and the person's own names: what is found is replaced before it leaves",
        "The names to look for are in NOM and “nom de naissance” of adm.patients (found by patient "
        "= number) of visits (found by result_id = result); for this alone they are read.",
        "free text, because “Without it a result of pathology cannot be read;",
        "Only rows for which result_at is at or after 1 January 2024, 00:00 and before 1 January "
        "2025, 06:30:15 and within the run's own data interval (times of Europe/Paris), and “site "
        "no” (the site) is 1 or 22, and validated is true, and état is final or corrigé, and the "
        "row is found, by patient_id = patient and stay_no = number, among those rows of adm.stays "
        "for which [entered_on is at or after 1 December 2023 and before 1 January 2025, and the "
        "row is found, by patient = patient_id, among those rows of consents for which [état (the "
        "code) is “donné, écrit” or “donné: oral”]].",
        "Every row, because “A list of units of measure that every result refers to”.",
        "At most 1,234,567 rows: with one more, nothing leaves.",
        "At most 1 row: with one more, nothing leaves.",
        "Statlab Inc. (United States, US) can read: technical data. Outside the European Economic "
        "Area, with this safeguard: “Standard contractual clauses",
        "Nimbus Pty (ZA):",
        "An account at the source that could read more, or that people share (shared: lis and "
        "labo), is refused.",
        "deletes its copies 1 day and 12 hours after this confirmation. Whatever happens, it "
        "deletes them 14 days after extraction at the latest.",
        "Hélène Durand <helene.durand@durand.example> within 24 hours.",
        "Zoé Petit <zoe.petit@parc.example> within 1 hour and 30 minutes.",
        "The rows of 2 suppressed persons never leave.",
        "Reports of the checks say fewer than 12 of 1 to 11 rows (Art. 25(2)).",
        "In “open requests” the column nir of adm.patients (found by patient = number) of visits "
        "(found by visit = id) says whose a row is.",
        "Valid from 1 January 2026, 00:00 (UTC+01:00) until before 31 December 2026, 23:59:30 "
        "(UTC). Version 3; it replaces version 2 (sha256:1111",
        "It needs 2 signatures of Laboratoires Durand SELAS. It needs 1 signature of Clinique",
        f"Digest of the text: sha256:{'5' * 64}",
    ],
    FRENCH: [
        "Il change de clé : l'ancienne et la nouvelle permettent chacune de tout lire.",
        "Il change sa clé de signature : un accusé signé de l'une ou de l'autre est valable.",
        "- Camille Moreau <camille.moreau@migrations.example> (compte camille) peut approuver une "
        "livraison, suspendre une suppression,",
        "Rien n'est livré avant que l'un d'eux ne l'ait approuvé, dans un délai de 1 jour et 12 heures ;",
        "- Un accusé qui n'est pas arrivé 2 jours après la livraison déclenche une alerte.",
        "INSTRUCTION durand-everything, VERSION 3, EN LANGAGE CLAIR",
        "Laboratoires Durand SELAS (durand) décide en tant que responsable du traitement et donne "
        "instruction à Migrations SA, sous-traitant, dans le cadre du contrat DUR-2026-014.",
        "Décident conjointement avec lui (art. 26, par. 1) : Clinique du Parc (clinique-parc).",
        "Table results, à la source « Lis Données ».RESULTS_V (12 colonnes) :",
        "données concernant la santé (catégorie particulière, art. 9) : seen (« Season of the "
        "analysis », seulement le mois) ; weight (« Reading the values », seulement une tranche de "
        "largeur 1 000)",
        "« Nom d'usage » (« Check at the counter », coupé après 1 caractère, parcouru à la "
        "recherche de noms de la personne concernée : ce qui est trouvé sort, et est compté)",
        "adresses électroniques, numéros de téléphone, numéros de compte bancaire et noms de la "
        "personne concernée : ce qui est trouvé est remplacé avant de sortir",
        "Les noms recherchés sont dans NOM et « nom de naissance » de adm.patients (trouvée par "
        "patient = number) de visits (trouvée par result_id = result) ; ils ne sont lus que pour cela.",
        "result_at est au plus tôt le 1er janvier 2024 à 00:00 et avant le 1er janvier 2025 à "
        "06:30:15 et dans l'intervalle propre à l'exécution (heures de Europe/Paris), et « site no » "
        "(le site) est 1 ou 22, et validated est vrai",
        "Au plus 1 234 567 lignes : avec une de plus, rien ne sort.",
        "Statlab Inc. (États-Unis, US) peut lire : données techniques. Hors de l'Espace économique",
        "supprime ses copies 1 jour et 12 heures après cette confirmation.",
        "au plus tard 14 jours après l'extraction.",
        "dans un délai de 1 heure et 30 minutes.",
        "Les lignes de 2 personnes exclues ne sortent jamais.",
        "Valable à partir du 1er janvier 2026 à 00:00 (UTC+01:00) et jusqu'au 31 décembre 2026 à "
        "23:59:30 (UTC), exclu. Version 3 ; elle remplace la version 2 (sha256:1111",
        "Elle requiert 2 signatures de Laboratoires Durand SELAS.",
        f"Empreinte du texte : sha256:{'5' * 64}",
    ],
}


@LANGUAGES
def test_it_is_said_in_sentences(language: Language) -> None:
    text = shown(language)

    assert [sentence for sentence in EXPECTED[language] if sentence not in text] == []


def change(path: str, value: Any) -> Edit:
    def edit(fields: dict[str, Any]) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place: Any = fields
        for parent in parents:
            place = place[parent]
        place[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "english", "french"),
    [
        (
            change("retention.after_confirmation", "PT0S"),
            "as soon as this confirmation is there.",
            "dès cette confirmation.",
        ),
        (change("subprocessors", []), "None is authorised.", "Aucun n'est autorisé."),
        (
            change("security.transport", "folder"),
            "put into a folder whose fingerprint is",
            "déposés dans un dossier dont l'empreinte est",
        ),
        (
            lambda f: f["security"].update(transport="s3", endpoint=None),
            "They are put into S3 storage.",
            "Ils sont déposés dans un stockage S3.",
        ),
        (
            change("security.account", {"overprivileged": "warn"}),
            "or that people share, gives a warning.",
            "partagent, donne lieu à un avertissement.",
        ),
        (
            change("suppress.subjects", []),
            "The rows of 0 suppressed persons never leave.",
            "Les lignes de 0 personne exclue ne sortent jamais.",
        ),
        (
            change("reporting.small_counts", 1),
            "show every count of rows.",
            "disent tous les nombres de lignes.",
        ),
        (
            lambda f: f.pop("reporting"),
            "say fewer than 5 of 1 to 4 rows (Art. 25(2)).",
            "disent moins de 5 pour 1 à 4 lignes (art. 25, par. 2).",
        ),
        (
            lambda f: (f.pop("supersedes"), f.update(version=1)),
            "Version 1; it replaces none.",
            "Version 1 ; elle n'en remplace aucune.",
        ),
        (change("contacts.breach_within", "P7D"), "within 7 days.", "un délai de 7 jours."),
        (change("contacts.breach_within", "PT1S"), "within 1 second.", "un délai de 1 seconde."),
    ],
)
def test_what_differs_is_said_differently(edit: Edit, english: str, french: str) -> None:
    for language, sentence in ((ENGLISH, english), (FRENCH, french)):
        assert sentence not in shown(language)
        assert sentence in shown(language, edit)


def test_without_a_suppress_list_the_page_says_so() -> None:
    def edit(fields: dict[str, Any]) -> None:
        del fields["suppress"], fields["pseudonym_keys"][1]
        for table in fields["tables"]:
            table.pop("no_data_subject", None)

    assert "No list of suppressed persons is given." in shown(ENGLISH, edit)
    assert "Aucune liste de personnes exclues n'est donnée." in shown(FRENCH, edit)


# --- both languages, side by side ---------------------------------------------------------------


def sentences() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                yield f"{path.name}:{node.lineno}", node


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_fixed_sentence_is_in_both_languages_with_the_same_values() -> None:
    found = list(sentences())

    assert len(found) > 60
    for place, call in found:
        if isinstance(call.args[0], ast.Attribute):  # a heading; see below
            continue
        english, french = [ast.literal_eval(argument) for argument in call.args]
        given = {keyword.arg for keyword in call.keywords}
        assert placeholders(english) == placeholders(french) == given, place
        if re.search("[a-z]{3}", re.sub(r"{\w+}", "", english)):
            assert english != french, place


def test_every_paragraph_has_a_heading_in_both_languages_and_an_article() -> None:
    assert all(each.en and each.fr and each.en != each.fr for each in PARAGRAPHS)
    for each in PARAGRAPHS:
        for law in each.articles.split():
            assert re.fullmatch(r"\d+\(\d\)(\([a-h]\))?", law)


ENGLISH_WORDS = set(
    "the of and is are by for with from to not no it its in on at which who what that this these "
    "other any only under within until before after may must can rows row data column columns".split()
)
FRENCH_WORDS = set("le la les des du une est sont dans avec pour par sur aux qui que sans".split())


def own_words(language: Language) -> set[str]:
    """The page's words, without what the instruction says in sentences."""

    def edit(fields: dict[str, Any]) -> None:
        for party in [fields["controller"], *fields["joint_controllers"], fields["processor"]]:
            party["legal_name"] = "Zzyzx"
        for party in [*fields["recipients"], *fields["subprocessors"]]:
            party["legal_name"] = "Zzyzx"

    text = shown(language, edit)
    text = re.sub("“[^”]*”|« .*? »|<[^>]*>", " ", text)
    return {word.lower() for word in re.findall(r"[^\W\d]+", text)}


def test_no_word_of_one_language_leaks_into_the_other() -> None:
    assert own_words(FRENCH) & ENGLISH_WORDS == set()
    assert own_words(ENGLISH) & FRENCH_WORDS == set()
    # That the words of one's own language are found shows that this could fail.
    assert len(own_words(ENGLISH) & ENGLISH_WORDS) > 20
    assert len(own_words(FRENCH) & FRENCH_WORDS) > 10


def test_every_category_and_country_has_its_words() -> None:
    for each in Category:
        assert category(each, Voice(ENGLISH)) != category(each, Voice(FRENCH))
    assert all(re.fullmatch("[A-Z]{2}", code) and all(names) for code, names in COUNTRIES.items())


# --- words of each language ---------------------------------------------------------------------


def said(language: Language, what: Callable[[Voice], str]) -> str:
    return what(Voice(language)).replace(NO_BREAK, " ")


@pytest.mark.parametrize(
    ("duration", "english", "french"),
    [
        (timedelta(days=7), "7 days", "7 jours"),
        (timedelta(days=1), "24 hours", "24 heures"),
        (timedelta(hours=1), "1 hour", "1 heure"),
        (timedelta(hours=36), "1 day and 12 hours", "1 jour et 12 heures"),
        (timedelta(days=400), "400 days", "400 jours"),
        (
            timedelta(days=1, hours=2, minutes=3, seconds=4),
            "1 day, 2 hours, 3 minutes and 4 seconds",
            "1 jour, 2 heures, 3 minutes et 4 secondes",
        ),
    ],
)
def test_durations(duration: timedelta, english: str, french: str) -> None:
    assert said(ENGLISH, lambda say: say.duration(duration)) == english
    assert said(FRENCH, lambda say: say.duration(duration)) == french


@pytest.mark.parametrize(
    ("moment", "english", "french"),
    [
        (
            "2026-01-01T00:00:00+01:00",
            "1 January 2026, 00:00 (UTC+01:00)",
            "1er janvier 2026 à 00:00 (UTC+01:00)",
        ),
        (
            "2026-08-02T09:05:00-04:30",
            "2 August 2026, 09:05 (UTC-04:30)",
            "2 août 2026 à 09:05 (UTC-04:30)",
        ),
        (
            "2026-12-31T23:59:59+00:00",
            "31 December 2026, 23:59:59 (UTC)",
            "31 décembre 2026 à 23:59:59 (UTC)",
        ),
        ("2026-02-28T12:00:00", "28 February 2026, 12:00", "28 février 2026 à 12:00"),
    ],
)
def test_moments(moment: str, english: str, french: str) -> None:
    at = datetime.fromisoformat(moment)

    assert said(ENGLISH, lambda say: say.moment(at)) == english
    assert said(FRENCH, lambda say: say.moment(at)) == french


def test_days_numbers_and_lists() -> None:
    assert said(FRENCH, lambda say: say.day(date(2026, 3, 11))) == "11 mars 2026"
    assert said(ENGLISH, lambda say: say.number(1234567)) == "1,234,567"
    assert said(FRENCH, lambda say: say.number(1234567)) == "1 234 567"
    assert said(ENGLISH, lambda say: say.all_of("abc")) == "a, b and c"
    assert said(FRENCH, lambda say: say.one_of("ab")) == "a ou b"
    assert said(FRENCH, lambda say: say.one_of("a")) == "a"


def test_articles_are_cited_as_lawyers_of_each_language_do() -> None:
    laws = ["28(3)(b)", "28(3)(f)", "33(2)", "9(1)"]

    assert said(ENGLISH, lambda say: say.articles(laws)) == "Art. 28(3)(b), 28(3)(f), 33(2), 9(1)"
    assert said(FRENCH, lambda say: say.articles(laws)) == (
        "art. 28, par. 3, points b et f ; art. 33, par. 2 ; art. 9, par. 1"
    )
    with pytest.raises(ValueError, match="not an article"):
        Voice(FRENCH).articles(["twenty-eight"])


# --- the page -----------------------------------------------------------------------------------


@LANGUAGES
def test_the_page_is_one_page_of_lines_that_fit(language: Language, world: World) -> None:
    text = world.instruct().read_bytes()
    lines = page(parse(text), Signature(digest_of(text)), language).splitlines()

    assert 50 <= len(lines) <= 80
    assert max(map(len, lines)) <= 100


HOSTILE = "Identity”). 13. MORE Nothing « is » limited\x1f\u202e\r\n 5. WHO"


@LANGUAGES
def test_what_is_quoted_can_neither_end_its_quotation_nor_its_line(language: Language) -> None:
    def edit(fields: dict[str, Any]) -> None:
        fields["tables"][0]["columns"][0]["purpose"] = HOSTILE
        fields["processor"]["legal_name"] = "Mig\x1b[2J\u2028rations"

    raw = page(everything(edit), Signature("sha256:0"), language)
    text = " ".join(raw.split())

    assert 'Identity"). 13. MORE Nothing " is " limited \ufffd 5. WHO' in text
    assert "Mig\ufffd[2J rations" in text
    assert all(line.isprintable() for line in raw.splitlines())
    assert not any(line.startswith((" 13.", "13.")) for line in raw.splitlines())


def test_two_values_are_told_from_one_that_looks_like_two() -> None:
    two = shown(ENGLISH, change("tables.2.rows.sites.in", ["LYO1", "LYO2"]))
    one = shown(ENGLISH, change("tables.2.rows.sites.in", ["LYO1 or LYO2"]))

    assert "site (the site) is LYO1 or LYO2." in two
    assert "site (the site) is “LYO1 or LYO2”." in one


@LANGUAGES
def test_it_claims_no_compliance(language: Language) -> None:
    words = re.findall(r"\w+", shown(language).lower())

    assert not {word for word in words if word.startswith(("compl", "conform", "lawful", "licit"))}


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def show(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)

    def run(path: Path, *options: str) -> str:
        assert main(["instruction", "show", str(path), *options]) == 0
        return capsys.readouterr().out

    return run


def test_a_signed_instruction_is_shown_as_signed(world: World, show: Callable[..., str]) -> None:
    path = world.instruct()

    english, french = show(path), show(path, "--language", "fr")
    assert "- SIGNED: the signature beside it verifies with the trusted keys" in english
    assert "- SIGNÉE : la signature jointe est vérifiée" in french
    assert digest_of(path.read_bytes()) in english
    assert json.loads(show(path, "--json"))["text"] == english.rstrip()


def test_whatever_is_wrong_with_the_signature_is_a_sentence(
    world: World, show: Callable[..., str], tmp_path: Path
) -> None:
    path = world.instruct()
    envelope = path.with_name(path.name + ".dsse.json")
    signed = envelope.read_text()

    assert "NOT VERIFIED: the trust folder holds no key" in show(path, "--trust", str(tmp_path))
    envelope.write_text("{}")
    assert "does not verify (rule envelope-malformed)." in show(path)
    assert "n'est pas valide (règle envelope-malformed)." in show(path, "--language", "fr")
    envelope.unlink()
    assert "- NOT SIGNED: there is no signature beside it." in show(path)
    envelope.write_text(signed)
    path.write_text(path.read_text() + "# a remark\n")
    assert "- NOT SIGNED: the signature beside it is of another text." in show(path)


def test_a_revocation_beside_it_is_told(world: World, show: Callable[..., str]) -> None:
    path = world.instruct()
    text = path.read_bytes()
    signer = signing.load_signer(str(world.root / "controller" / "controller.pem"))
    terms, now = parse(text), datetime.now(UTC)

    reason = "The laboratory in Lyon keeps its old system"
    earlier = revoke(terms, "sha256:" + "0" * 64, reason, now, signer)
    revocation_path(path).write_bytes(earlier)
    assert "- SIGNED:" in show(path)
    revocation_path(path).write_bytes(revoke(terms, digest_of(text), reason, now, signer))
    assert "- REVOKED: its controller has withdrawn it." in show(path)
    revocation_path(path).write_bytes(b"{}")
    assert "does not verify (rule envelope-malformed)." in show(path)


@pytest.mark.parametrize(
    ("refusal", "english", "french"),
    [
        ("instruction-expired", "SIGNED, but no longer valid.", "SIGNÉE, mais elle n'est plus"),
        ("instruction-not-yet-valid", "SIGNED, but not valid yet.", "n'est pas encore valable."),
        ("instruction-revoked", "REVOKED: its controller", "RÉVOQUÉE : le responsable"),
        ("signature-missing", "NOT SIGNED BY ALL:", "SIGNÉE EN PARTIE :"),
        ("controller-unknown", "NOT VERIFIED: the trust folder", "NON VÉRIFIÉE : le dossier"),
        ("instruction-unsigned", "NOT SIGNED: there is no", "NON SIGNÉE : aucune signature"),
        ("instruction-changed", "NOT SIGNED: the signature", "NON SIGNÉE : la signature jointe"),
        ("signer-not-trusted", "(rule signer-not-trusted)", "(règle signer-not-trusted)"),
    ],
)
def test_each_outcome_has_its_sentence(refusal: str, english: str, french: str) -> None:
    assert english in shown(ENGLISH, refusal=refusal)
    assert french in shown(FRENCH, refusal=refusal)


def test_what_is_no_instruction_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("remit: 1\n")

    assert main(["instruction", "show", str(path)]) == 3
    assert "Refused (instruction-" in capsys.readouterr().err
