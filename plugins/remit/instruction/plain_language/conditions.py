"""The conditions: what for, how protected, how long, how changed, from when to when."""

from __future__ import annotations

from collections.abc import Iterator

from remit.instruction.conditions import Security
from remit.instruction.model import Instruction
from remit.instruction.plain_language.confirmation import confirmed
from remit.instruction.plain_language.voice import Voice, written


def purpose(terms: Instruction, say: Voice) -> Iterator[str]:
    """Subject, nature and purpose, as the controller put them."""
    yield say("Subject: {text}.", "Objet : {text}.", text=say.quoted(terms.subject))
    yield say("What is done: {text}.", "Nature : {text}.", text=say.quoted(terms.nature))
    yield say("What for: {text}.", "Finalité : {text}.", text=say.quoted(terms.purpose))


def protection(terms: Instruction, say: Voice) -> Iterator[str]:
    """The measures instructed."""
    security = terms.security
    yield say(
        "Files are encrypted with {algorithm}; once sealed, the recipients alone hold the keys.",
        "Les fichiers sont chiffrés en {algorithm} ; une fois scellés, seuls les destinataires en "
        "détiennent les clés.",
        algorithm=security.encryption,
    )
    yield _transport(security, say)
    yield _account(security, say)
    if terms.pseudonym_keys:
        yield say(
            "Pseudonyms and the list of suppressed persons ({law}) use secrets that controller and "
            "processor share: {names}.",
            "Les pseudonymes et la liste des personnes exclues ({law}) reposent sur des secrets "
            "partagés entre responsable et sous-traitant : {names}.",
            law=say.articles(["25(1)"]),
            names=say.all_of(key.name for key in terms.pseudonym_keys),
        )
    for suite in terms.expectations:
        yield say(
            "The rules of {file} are checked on {table} before anything is sent.",
            "Les règles de {file} sont vérifiées sur {table} avant tout envoi.",
            file=suite.file,
            table=say.name(suite.table),
        )
    yield _small_counts(terms.reporting.small_counts, say)


def _small_counts(below: int, say: Voice) -> str:
    if below == 1:
        return say(
            "Reports of the checks show every count of rows.",
            "Les rapports de vérification disent tous les nombres de lignes.",
        )
    return say(
        "Reports of the checks say fewer than {below} of 1 to {last} rows ({law}).",
        "Les rapports de vérification disent moins de {below} pour 1 à {last} lignes ({law}).",
        last=str(below - 1),
        below=str(below),
        law=say.articles(["25(2)"]),
    )


def _transport(security: Security, say: Voice) -> str:
    match security.transport:
        case "folder":
            how = say("They are put into a folder", "Ils sont déposés dans un dossier")
        case "s3":
            how = say("They are put into S3 storage", "Ils sont déposés dans un stockage S3")
        case "sftp":
            how = say("They are put onto an SFTP server", "Ils sont déposés sur un serveur SFTP")
    if security.endpoint is None:
        return say("{how}.", "{how}.", how=how)
    return say(
        "{how} whose fingerprint is {endpoint}.",
        "{how} dont l'empreinte est {endpoint}.",
        how=how,
        endpoint=say.name(security.endpoint),
    )


def _account(security: Security, say: Voice) -> str:
    rule = security.account
    shared = ""
    if rule.shared:
        names = say.all_of(map(say.name, rule.shared))
        shared = say(" (shared: {names})", " (partagés : {names})", names=names)
    if rule.overprivileged == "refuse":
        return say(
            "An account at the source that could read more, or that people share{shared}, is "
            "refused.",
            "Un compte de la source qui pourrait lire davantage, ou que des personnes "
            "partagent{shared}, est refusé.",
            shared=shared,
        )
    return say(
        "An account at the source that could read more, or that people share{shared}, gives a "
        "warning.",
        "Un compte de la source qui pourrait lire davantage, ou que des personnes "
        "partagent{shared}, donne lieu à un avertissement.",
        shared=shared,
    )


def retention(terms: Instruction, say: Voice) -> Iterator[str]:
    """What counts as received, how long the processor's copies live, and what ends them."""
    yield from confirmed(terms, say)
    rule = terms.retention
    if rule.after_confirmation:
        after = say.duration(rule.after_confirmation)
        yield say(
            "The processor deletes its copies {after} after this confirmation.",
            "Le sous-traitant supprime ses copies {after} après cette confirmation.",
            after=after,
        )
    else:
        yield say(
            "The processor deletes its copies as soon as this confirmation is there.",
            "Le sous-traitant supprime ses copies dès cette confirmation.",
        )
    yield say(
        "Whatever happens, it deletes them {latest} after extraction at the latest.",
        "Quoi qu'il arrive, il les supprime au plus tard {latest} après l'extraction.",
        latest=say.duration(rule.without_confirmation),
    )
    yield say("Backups: {text}.", "Sauvegardes : {text}.", text=say.quoted(rule.backups))


def changes(terms: Instruction, say: Voice) -> Iterator[str]:
    """How it is changed or withdrawn, and how the processor objects."""
    yield say(
        "Change and withdrawal: {text}.",
        "Modification et retrait : {text}.",
        text=say.quoted(terms.changes),
    )
    yield say(
        "If the processor thinks that it infringes the law, it tells {person}: {how}.",
        "Si le sous-traitant estime qu'elle enfreint la loi, il avertit {person} : {how}.",
        person=say.person(terms.objections.contact),
        how=say.quoted(terms.objections.how),
    )


def validity(terms: Instruction, say: Voice) -> Iterator[str]:
    """From when to when, which version, what it replaces, and how many must sign."""
    yield say(
        "Valid from {start} until before {until}.",
        "Valable à partir du {start} et jusqu'au {until}, exclu.",
        start=say.moment(terms.valid.start),
        until=say.moment(terms.valid.until),
    )
    if terms.supersedes:
        yield say(
            "Version {version}; it replaces version {earlier} ({digest}).",
            "Version {version} ; elle remplace la version {earlier} ({digest}).",
            version=str(terms.version),
            earlier=str(terms.supersedes.version),
            digest=terms.supersedes.digest,
        )
    else:
        yield say(
            "Version {version}; it replaces none.",
            "Version {version} ; elle n'en remplace aucune.",
            version=str(terms.version),
        )
    for controller in terms.controllers:
        yield say(
            "It needs {n} of {who}.",
            "Elle requiert {n} de {who}.",
            n=say.count(
                controller.signatures, ("signature", "signatures"), ("signature", "signatures")
            ),
            who=written(controller.legal_name),
        )
