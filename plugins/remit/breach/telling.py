"""A notice as text, in English and in French, in the words of the authorities' forms (CNIL, EDPB)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from remit.breach.notice import HOURS_OF_THE_CONTROLLER, Notice
from remit.breach.parts import category_line, cause_lines, run_lines, shown
from remit.breach.words import COMPLETE, CONSEQUENCES
from remit.evidence import timestamp
from remit.instruction.plain_language.voice import NO_BREAK, Language, Voice
from remit.markup import plain


def markdown(notice: Notice, language: Language) -> str:
    """The draft, in Markdown; places to complete are marked and listed at its end."""
    told = _Telling(notice, Voice(language))
    return "\n".join(line.replace(NO_BREAK, " ") for line in told.lines()).rstrip() + "\n"


class _Telling:
    def __init__(self, notice: Notice, say: Voice) -> None:
        self._notice, self._say = notice, say
        self._number, self._left = count(1), list[str]()

    def lines(self) -> Iterator[str]:
        """The whole draft."""
        say, notice = self._say, self._notice
        yield say(
            "# DRAFT: notice of a personal data breach to {who}",
            "# PROJET : notification d'une violation de données à caractère personnel à {who}",
            who=plain(notice.legal_name),
        )
        yield ""
        yield say(
            "Art. 33(2) and (3) GDPR. Drafted at {at} from the evidence of {size} records, root `{root}`. "
            "What the evidence has is filled in; a person completes what is marked, and answers for it.",
            "Art. 33, par. 2 et 3 du RGPD. Établi le {at} à partir des preuves ({size} enregistrements, "
            "racine `{root}`). Ce que les preuves contiennent est rempli ; une personne complète ce qui est "
            "marqué, et en répond.",
            at=timestamp(notice.made_at),
            size=say.number(notice.size),
            root=notice.root,
        )
        for number, (title, section) in enumerate(self._sections(), start=1):
            yield ""
            yield f"## {number}. {title}"
            yield ""
            yield from section
        yield from self._list_of_what_is_left()

    def _sections(self) -> Iterator[tuple[str, Iterator[str]]]:
        say = self._say
        yield say("Parties and deadlines", "Parties et délais"), self._parties()
        yield say("Nature of the breach", "Nature de la violation"), self._nature()
        yield say("Data subjects", "Personnes concernées"), self._persons()
        yield say("Data", "Données concernées"), self._data()
        yield say("Since when, and where", "Depuis quand, et où"), self._times()
        yield say("Likely consequences", "Conséquences probables"), self._consequences()
        yield (
            say("Measures taken and proposed", "Mesures prises et proposées"),
            self._measures(),
        )

    # --- the sections -------------------------------------------------------------------------

    def _parties(self) -> Iterator[str]:
        say, terms = self._say, self._notice.terms
        contacts = terms.contacts
        yield say(
            "- Processor: {who}, contract {contract}; data protection officer {dpo}.",
            "- Sous-traitant : {who}, contrat {contract} ; délégué à la protection des données : {dpo}.",
            who=plain(terms.processor.legal_name),
            contract=plain(terms.processor.contract),
            dpo=shown(say.person(terms.processor.dpo)),
        )
        yield say(
            "- Told to: {person}, within {delay} as instructed (Art. 33(2): without undue delay).",
            "- À avertir : {person}, dans un délai de {delay} selon l'instruction (art. 33, par. 2 : dans "
            "les meilleurs délais).",
            person=shown(say.person(contacts.breach)),
            delay=say.duration(contacts.breach_within),
        )
        aware, by = self._notice.aware, self._notice.tell_by
        if aware is None or by is None:
            yield f"- {self._complete('aware')}"
        else:
            yield say(
                "- The processor became aware at {at}; the controller is to be told by {by}.",
                "- Le sous-traitant a pris connaissance de la violation le {at} ; le responsable doit être "
                "averti au plus tard le {by}.",
                at=timestamp(aware),
                by=timestamp(by),
            )
        yield say(
            "- The controller notifies its authority within {hours} hours of becoming aware (Art. 33(1)), "
            "unless the breach is unlikely to result in a risk.",
            "- Le responsable notifie l'autorité dans les {hours} heures après en avoir pris connaissance "
            "(art. 33, par. 1), sauf si la violation n'est pas susceptible d'engendrer un risque.",
            hours=str(HOURS_OF_THE_CONTROLLER),
        )

    def _nature(self) -> Iterator[str]:
        yield from cause_lines(self._notice, self._say)
        yield f"- {self._complete('what-happened')}"

    def _persons(self) -> Iterator[str]:
        say, notice = self._say, self._notice
        groups = dict.fromkeys(text for run in notice.runs for text in run.terms.data_subjects)
        yield say(
            "- Categories: {groups}.",
            "- Catégories : {groups}.",
            groups=shown(say.all_of(say.quoted(text) for text in groups)),
        )
        yield say(
            "- Number: rows of at most {n}. Distinct persons are not counted: one person has many rows.",
            "- Nombre : lignes d'au plus {n}. Les personnes distinctes ne sont pas dénombrées : une personne "
            "a plusieurs lignes.",
            n=say.count(notice.persons_at_most, ("person", "persons"), ("personne", "personnes")),
        )
        yield f"- {self._complete('persons')}"

    def _data(self) -> Iterator[str]:
        say, notice = self._say, self._notice
        yield say(
            "- Records: {n}, in {runs}.",
            "- Enregistrements : {n}, dans {runs}.",
            n=say.count(notice.rows, ("row", "rows"), ("ligne", "lignes")),
            runs=say.count(len(notice.runs), ("run", "runs"), ("exécution", "exécutions")),
        )
        for which in notice.categories:
            yield category_line(which, notice, say)

    def _times(self) -> Iterator[str]:
        for run in self._notice.runs:
            yield from run_lines(run, self._say)
        yield f"- {self._complete('copies')}"

    def _consequences(self) -> Iterator[str]:
        say = self._say
        yield say(
            "A frame, by the categories of data; whether each applies, and how severe it is, a person says.",
            "Un cadre, selon les catégories de données ; une personne dit si chacune s'applique et sa "
            "gravité (négligeable, limitée, importante, maximale).",
        )
        for which in self._notice.categories:
            if words := CONSEQUENCES.get(which):
                yield f"- [ ] {say(*words)}"
        yield f"- {self._complete('consequences')}"
        yield f"- {self._complete('risk')}"

    def _measures(self) -> Iterator[str]:
        say = self._say
        yield say(
            "- Before: what the evidence has of encryption, keys and deletion is told with each run above.",
            "- Avant : ce que les preuves disent du chiffrement, des clés et de la suppression figure "
            "ci-dessus pour chaque exécution.",
        )
        yield f"- {self._complete('measures')}"

    # --- what a person completes --------------------------------------------------------------

    def _complete(self, name: str) -> str:
        number = next(self._number)
        what = self._say(*COMPLETE[name])
        self._left.append(f"{number}. {what}")
        mark = self._say("TO COMPLETE", "À COMPLÉTER")
        return f"**[{mark} {number}: {what}]**"

    def _list_of_what_is_left(self) -> Iterator[str]:
        yield ""
        yield self._say("## To complete", "## À compléter")
        yield ""
        yield from self._left
