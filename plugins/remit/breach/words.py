"""The words of a notice that are not made of the evidence."""

from __future__ import annotations

from remit.instruction import Category

COMPLETE = {
    "aware": (
        "when the processor became aware, from which the delays count",
        "quand le sous-traitant a pris connaissance de la violation, point de départ des délais",
    ),
    "what-happened": (
        "what happened and how it was found; loss of confidentiality, integrity or availability; whether it "
        "goes on",
        "ce qui s'est passé et comment cela a été découvert ; perte de confidentialité, d'intégrité ou de "
        "disponibilité ; si la violation est terminée",
    ),
    "persons": (
        "the approximate number of persons, as the controller can count them at the source",
        "le nombre approximatif de personnes, que le responsable peut dénombrer à la source",
    ),
    "copies": (
        "whether anybody took copies, and who had access to the places above; the evidence cannot know",
        "si quelqu'un a pris des copies, et qui avait accès à ces lieux ; les preuves ne le disent pas",
    ),
    "consequences": (
        "the likely consequences for the persons, and others than those above",
        "les conséquences probables pour les personnes, et d'autres que celles ci-dessus",
    ),
    "risk": (
        "how severe and how likely; whether the risk is high, so that persons are told (Art. 34)",
        "la gravité et la vraisemblance ; si le risque est élevé, de sorte que les personnes sont informées "
        "(art. 34)",
    ),
    "measures": (
        "what was done since, and what is proposed, also to mitigate the effects",
        "ce qui a été fait depuis, et ce qui est proposé, y compris pour atténuer les effets",
    ),
}
"""What a person completes, by `remit.breach.notice.TO_COMPLETE`."""

CONSEQUENCES = {
    Category.HEALTH: (
        "health data: loss of medical secrecy; discrimination at work or by insurers; distress; blackmail",
        "santé : atteinte au secret médical ; discrimination au travail ou en assurance ; détresse ; "
        "chantage",
    ),
    Category.GENETIC: (
        "genetic data: cannot be changed, and tell of relatives too; discrimination",
        "données génétiques : immuables, et révélatrices des proches ; discrimination",
    ),
    Category.SEX_LIFE: (
        "sex life or orientation: exposure, harassment, violence, blackmail",
        "vie ou orientation sexuelle : divulgation, harcèlement, violences, chantage",
    ),
    Category.ETHNIC_ORIGIN: (
        "ethnic origin: discrimination, harassment",
        "origine ethnique : discrimination, harcèlement",
    ),
    Category.BELIEF: (
        "beliefs: discrimination, harassment",
        "convictions : discrimination, harcèlement",
    ),
    Category.IDENTITY: (
        "identity: identity theft and fraud",
        "identité : usurpation d'identité, fraude",
    ),
    Category.CONTACT: (
        "contact data: targeted phishing, unwanted contact",
        "coordonnées : hameçonnage ciblé, sollicitations",
    ),
    Category.ADMINISTRATIVE: (
        "administrative data: together with other files, persons are told apart and recognised",
        "données administratives : recoupées avec d'autres fichiers, les personnes sont reconnues",
    ),
}
"""What may follow, by the category of data: a frame for a person, not a finding."""

TIMES = {
    "opened": ("the run was opened", "l'exécution a été ouverte"),
    "extracting": ("extraction began", "l'extraction a commencé"),
    "extracted": ("everything was extracted, encrypted", "tout a été extrait, chiffré"),
    "sealed": (
        "the staging key was destroyed; from then on the recipients' keys alone open the files",
        "la clé intermédiaire a été détruite ; dès lors seules les clés des destinataires ouvrent les "
        "fichiers",
    ),
    "sending": ("sending to the landing zone began", "l'envoi vers la zone de dépôt a commencé"),
    "delivered": ("it was delivered", "la livraison a été faite"),
    "confirmed": ("the target confirmed it", "la cible l'a confirmée"),
    "refused": ("a rule refused a step", "une règle a refusé une étape"),
    "stopped": (
        "the run was stopped and its staging key destroyed",
        "l'exécution a été arrêtée et sa clé intermédiaire détruite",
    ),
    "held": ("its deletion was suspended", "sa suppression a été suspendue"),
    "released": ("the suspension ended", "la suspension a pris fin"),
    "undeleted": (
        "a deletion was tried, and copies were left",
        "une suppression a été tentée, et des copies sont restées",
    ),
    "deleted": (
        "every known copy was removed and looked for again: gone",
        "toute copie connue a été supprimée et recherchée de nouveau : disparue",
    ),
}
"""What happened at a time, by `remit.breach.exposed.WHATS`."""

PLACES = {
    "staging": ("staged at {where}", "en attente dans {where}"),
    "dump": ("the dump {where}, in clear", "l'export {where}, en clair"),
    "landing": ("the landing zone {where}", "la zone de dépôt {where}"),
    "target": (
        "the target's own copy, which this evidence does not follow",
        "la copie propre à la cible, que ces preuves ne suivent pas",
    ),
}
"""Where copies were, by the kind of place."""
