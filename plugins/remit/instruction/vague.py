"""Words that say nothing, or only what the law says anyway: what an instruction must not consist of.

An instruction is concrete and does not restate the law (EDPB Guidelines 07/2020, par. 109 to 114).
Guarantee: a text passes only if words are left when one takes out function words, the law's own
words and the small change of contracts, in English and French, and the most usual in German and
Spanish. Not guaranteed: that what is left is true, or enough; a person reads that.
"""

from __future__ import annotations

import re
import unicodedata

ENOUGH = 3
"""How many words of its own a text must have."""


class SaysNothing(ValueError):
    """A text that has the form asked for and no content."""


def require_filled(text: str) -> str:
    """The text, unless it only keeps a place or puts the matter off.

    Raises:
        SaysNothing: it is "tbd", "as needed" or the like.
    """
    said = _plain(text)
    joined = said.replace(" ", "")
    if {said, joined} & _PLACEHOLDERS or re.fullmatch(r"xx+|([a-z])\1\1\1+", joined):
        raise SaysNothing("says nothing yet")
    return text


def require_concrete(text: str) -> str:
    """The text, if it says something of its own case.

    Raises:
        SaysNothing: fewer than three of its words are its own.
    """
    return _require(text, ENOUGH)


def require_group(text: str) -> str:
    """The text, if it names a group of people: one word of its own is enough.

    Raises:
        SaysNothing: it names nobody in particular.
    """
    return _require(text, 1)


def require_single(text: str) -> str:
    """The text, if it can be read as one purpose.

    Raises:
        ValueError: it lists several, or leaves the list open.
    """
    if re.search(r";\s*\S|^\s*([-*•]|\(?[0-9a-z][.)])\s", text, re.MULTILINE):
        raise ValueError("is a list; there is exactly one purpose, and an instruction for each")
    if _OPEN.search(_CLOSED.sub("", _plain(text))):
        raise ValueError("leaves room for other purposes; there is exactly one, and it is named")
    return text


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ in spelling alone: case, accents, punctuation."""
    return _plain(one) == _plain(other)


def _require(text: str, least: int) -> str:
    own = {word for word in map(_root, _plain(text).split()) if _is_own(word)}
    in_letters = [word for word in own if not word.isdigit()]
    if len(own) < least or len(in_letters) < min(least, 2):
        raise SaysNothing("says nothing of this very case")
    for article, words in _PASSAGES.items():
        if len(own - words) < least and len(own & words) > 1:
            raise SaysNothing(f"says only what Art. {article} GDPR says, nothing of this very case")
    return text


def _is_own(word: str) -> bool:
    """Whether a word says something: not of the lists below, no number of an article, no noise."""
    if word in _EMPTY or len(word) < (3 if word.isdigit() else 2):
        return False
    mashed = word.isascii() and word.isalpha() and len(word) > 4 and not set(word) & set("aeiouy")
    return len(set(word)) > 1 and not mashed


def _plain(text: str) -> str:
    """Lower case, without accents and punctuation, one space between words."""
    text = text.casefold().replace("œ", "oe").replace("æ", "ae")
    letters = [c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)]
    return " ".join(re.findall(r"[^\W_]+", "".join(letters)))


def _root(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


# The whole text, as `_plain` gives it.
_PLACEHOLDERS = frozenset(
    """\
tbd|tba|tbc|tbs|todo|to do|wip|fixme|n a|na|none|nil|null|nothing|unknown|unspecified|undefined|pending
to be defined|to be determined|to be decided|to be completed|to be confirmed|to be specified
to be agreed|to be announced|to follow|not applicable|not known|not defined|not specified|placeholder
needed|as needed|if needed|when needed|required|as required|if required|necessary|as necessary
if necessary|where necessary|as appropriate|where appropriate|if applicable|where applicable
as agreed|as instructed|as usual|see above|see below|see contract|see annex|same|same as above|idem
ditto|other|others|various|misc|miscellaneous|any|all|everything|whatever|etc|example|foo|bar|foo bar
lorem ipsum|asdf|qwerty|azerty|blah|bla|bla bla|blah blah|abc|xyz|default|dummy
a definir|a determiner|a preciser|a completer|a confirmer|a renseigner|a voir|non defini|non definie
non precise|non applicable|sans objet|so|neant|aucun|aucune|rien|inconnu|inconnue|en attente|en cours
necessaire|si necessaire|au besoin|si besoin|selon besoin|selon les besoins|selon le besoin
le cas echeant|voir contrat|voir annexe|voir ci dessus|autre|autres|divers|diverses|exemple
zu klaren|noch offen|offen|unbekannt|entfallt|keine|keiner|nach bedarf|bei bedarf|falls erforderlich
por definir|por determinar|pendiente|ninguno|ninguna|no aplica|desconocido|segun necesidad
""".replace("\n", "|")
    .rstrip("|")
    .split("|")
)

_ENDS = (
    r"(purposes?|uses?|needs?|ends?|activity|activities|fins?|finalites?|usages?|besoins?|buts?)"
)
_OPEN = re.compile(
    r"\b(etc|etcetera|et cetera|and so on|and so forth|and the like|among others|inter alia"
    r"|but not limited to|without limitation|non limitativ\w*|sans s y limiter|non exhaustiv\w*"
    r"|entre autres|usw|unter anderem|entre otros|entre otras"
    rf"|(any|all|other|further|future|several|various|multiple|different|following) (\w+ )?{_ENDS}"
    rf"|(autres?|diverses|divers|plusieurs|differents|differentes|multiples|toutes?) (\w+ )?{_ENDS}"
    r"|(fins|finalites) (suivantes|diverses|multiples|connexes))\b"
)
# "... and for no other purpose" closes the list rather than opening it.
_CLOSED = re.compile(
    rf"\b(no other|not for any other|exclusion of (any|all) other|exclusion de toutes? autres?"
    rf"|aucune? autre|sans autre) (\w+ )?{_ENDS}\b"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(_root(word) for word in text.split())


_FUNCTION_WORDS = _words(
    # English
    "a about above after again against all also am among an and another any anything are as at be "
    "because been before being below between both but by can could did do does doing done during "
    "each either etc every everything few for from further had has have having he her here hers "
    "him his how however i if in including into is it its itself let may me might more most must "
    "my neither no nor not of off on once one only or other our out over own per same shall she "
    "should since so some something such than that the their them then there these they thing this "
    "those through thus to too under until up upon us very via was we were what whatever when "
    "where whether which while who whom whose why will with within without would yes yet you your "
    # French
    "afin ainsi alors apres au aucun aucune auquel aussi autant autre aux avant avec avoir ayant "
    "car ce ceci cela celle celui certain certaine ces cet cette chaque chez ci comme compris "
    "contre dans de depuis des donc dont du elle en encore entre est et etant ete etre fait faire "
    "ils il je jusque la le les leur lors lorsque lui mais meme moins ne ni non nos notre nous ou "
    "oui par parmi pas pendant peu peut peuvent plus plusieurs pour pourra qu quand que quel "
    "quelle quelque qui quoi rien sa sans se selon sera seront ses si soit son sont sous suivant "
    "sur ta tant tel telle ton tous tout toute tres tu un une vers via vos votre vous "
    # German and Spanish
    "aber alle als am an auch auf aus bei bis das dem den der des die durch ein eine einem einen "
    "einer fur im ist mit nach nicht oder sich sie sind so soweit und von vom wie wird zu zum zur "
    "al como con cual del donde el ella en es esta este la las lo los mas o otra otro para pero "
    "por que se segun ser sin su sus todo toda un una y "
)
# What Art. 28, 32 and 33 say of every processing, and what contracts say of everything.
_NOBODYS_WORDS = _words(
    "accordance account acting act activity adequate agree agreed agreement appendix annex "
    "applicable apply applied appropriate art article asked available aware basis behalf best "
    "binding business case category choice clause compliance compliant comply concerned concrete "
    "condition confidentiality conform conformity contract contractual controller current "
    "customary data decide decided decision define defined delay describe described determine "
    "determined detail detailed document documented documentation due duration duty effective "
    "efficient end ensure enough entity eu european example exist existing explicit fine future "
    "gdpr general generally given good guarantee guideline handle handled handling human immediate "
    "immediately implement implemented importance important individual industry information inform "
    "instruct instructed instruction integrity availability know known later law lawful lawfully "
    "lawfulness legal legally legitimate level limited long make management manner matter mean "
    "measure member miscellaneous misc mutual natural nature necessary necessity need needed new "
    "normal norm notice obligation old operation operational organisation organisational "
    "organizational paragraph particular party people performance perform period permitted person "
    "personal place point policy possible practice practicable previous principle procedure "
    "process processed processing processor project prompt promptly proper properly proportionate "
    "protect protected protection provide provided provision purpose pursuant reason reasonable "
    "regard regulation regulatory relate related relevant request require required requirement "
    "respect responsible right risk rule safe safeguard scope secure service set shown soon "
    "specific specified specify standard state statutory storage strict strictly subject "
    "subprocessor sufficient suitable take taken task technical term thereof time type undertake "
    "undue union use used useful usual usually valid varied various want way whole wish work "
    # French
    "accord activite adapte adaptee adequat adequate alinea ancien ancienne annexe applicable "
    "approprie appropriee article assurer assure base besoin bien bon bonne bref but cadre "
    "caractere cas categorie ci clause compte concerne concernee condition confidentialite "
    "conforme conformement conformite contrat contractuel contractuelle contractuellement convenu "
    "convenue convention courant courante decide decider decision defini definie definir delai "
    "determine determiner dit disponibilite disposition divers diverse document documente "
    "documentee donne donnee donner droit du due duree dument echeant ecrite effectue effectuer en "
    "engage entreprise etat etape eventuel exemple exige exigence existant existante explicite "
    "exploitation facon fin finalite fourni fournir fourniture futur general generale gestion "
    "garantie garantir habituel habituelle immediat immediatement important individu information "
    "instruction integrite interesse interet juridique legal legale legalement legislation "
    "legitime licite limite loi lorsque maniere matiere membre meilleur mesure metier mettre mise "
    "moment motif moyen multiple nature necessaire necessite niveau norme nouveau nouvelle "
    "objectif objet obligation oeuvre operation organisationnel organisationnelle ordre pareil "
    "partie pertinent pertinente personne personnel personnelle physique point politique possible "
    "pratique precedent precise preciser prescrit present prestation prevu prevue principe "
    "procedure projet proportionne protection proteger raison raisonnable recommandation regard "
    "regle reglement reglementaire reglementation relatif relative requis requise respect "
    "respecter respectif responsable rgpd risque securise securisee service societe soustraitance "
    "soustraitant specifie specifique standard strict strictement suffisant suite tache tard "
    "technique temps traitant traite traitement traiter travail type ulterieur ulterieurement "
    "utile usage usuel vertu vigueur voulu "
    # German and Spanish
    "angemessen angemessene auftrag auftragsverarbeitung bedarf betroffene betroffenen daten "
    "datenschutz dsgvo einhaltung personen erforderlich erforderliche falls geeignete gemass "
    "gesetz gesetzliche gesetzlichen massnahme notwendig organisatorische organisatorischen "
    "personenbezogene personenbezogener recht rechtlich technische technischen verarbeitung "
    "vereinbart vertrag weisung zweck acuerdo adecuada adecuado apropiada articulo conforme "
    "conformidad contrato dato finalidad instruccion legal ley medida necesario necesidad "
    "organizativa personal persona requerido rgpd servicio tecnica tratamiento "
    # No words
    "abc abcd adipiscing aaa amet asdf azerty bla blah consectetur def dolor dummy elit fixme foo "
    "hjkl idem ipsum keine lorem na nada nichts nil ninguna ninguno null none nothing placeholder "
    "pending qsdf qux qwerty qwertz sit tba tbc tbd todo unknown inconnu inconnue unbekannt "
    "unspecified wip xyz zxcv "
)
_EMPTY = _FUNCTION_WORDS | _NOBODYS_WORDS
# The words that Art. 28(3), 32(1) and 33(2) have besides these: who quotes one says nothing.
_PASSAGES = {
    "28(3)(a)": _words(
        "processes transfer third country international informs prohibits grounds public interest "
        "transfert pays tiers internationale tenu proceder soumis informe interdit public traite"
    ),
    "28(3)(b)": _words(
        "ensures persons authorised committed themselves commit authorized "
        "veille autorisee engagent soumise respecter"
    ),
    "28(3)(d)": _words(
        "respects conditions referred engaging engage engages recruter visees recrute"
    ),
    "28(3)(e)": _words(
        "taking assists assist insofar fulfilment respond requests exercising exercise laid down chapter "
        "iii aide aider acquitter demandes saisissent vue exercer chapitre tient"
    ),
    "28(3)(f)": _words("assists assist ensuring taking aide aider"),
    "28(3)(g)": _words(
        "deletes delete returns return copies relating requires storage "
        "supprime supprimer renvoie renvoyer terme detruit detruire copies conservation"
    ),
    "28(3)(h)": _words(
        "makes demonstrate laid down allow contribute audits inspections conducted conduct auditor "
        "mandated met demontrer permettre realisation auditeur mandate contribuer"
    ),
    "28(3)": _words(
        "immediately informs opinion infringes infringe first subparagraph "
        "informe selon premier constitue violation"
    ),
    "32(1)": _words(
        "pseudonymisation encryption ability ongoing resilience systems restore access timely event "
        "incident regularly testing assessing evaluating effectiveness ensuring security chiffrement "
        "permettant resilience constante systemes retablir acces incident visant tester analyser evaluer "
        "regulierement efficacite securite"
    ),
    "33(2)": _words("notify notifies becoming breach notifie violation pris connaissance delais"),
}
