"""The words the generator draws from: short lists, invented for it or common in France."""

from __future__ import annotations

from dataclasses import dataclass

WOMEN = (
    "Zoé", "Anaïs", "Chloé", "Marie-Thérèse", "Françoise", "Hélène", "Inès", "Maëlle", "Noémie",
    "Léa", "Éléonore", "Anne-Sophie", "Geneviève", "Solène", "Aïcha", "Joëlle", "Océane",
    "Bérénice", "Camille", "Yasmine", "Cécile", "Gaëlle", "Marie-Laure", "M'Barka", "Clémence",
)  # fmt: skip
MEN = (
    "Jean-François", "Rémi", "Loïc", "Maël", "Jérôme", "Théo", "N'Golo", "François", "Étienne",
    "Gaël", "Benoît", "Raphaël", "Jean-Noël", "Mickaël", "Cédric", "Stéphane", "Léo", "Grégoire",
    "Anaël", "Émile", "Karim", "Yann", "Pierre-Yves", "Moïse", "Aurélien",
)  # fmt: skip
LAST = (
    "Lefèvre", "D'Aubigny", "Saint-Léger", "Müller", "Noël", "Le Goff", "Ben Saïd", "Çelik",
    "Œuvrard", "N'Guessan", "L'Hermitte", "Dupré", "Besançon", "Gérard", "Pélissier", "Brûlé",
    "De La Fère", "Châtelain", "Hervé", "Maître", "Rousselière", "Bérard-Vidal", "Crétin",
    "Kouyaté", "Lemaître", "Îlienne", "Forêt", "Guérin", "Méchain", "Ould-Salem", "Pâquet",
    "Quéméneur", "Rançon", "Sébastiani", "Thévenot", "Ursulet", "Vaïsse", "Wäckerle", "Yacé-Ba",
    "Zöller", "Abadié", "Bézier", "Colonna", "Dubois", "Évrard", "Fauré", "Garçon", "Huchère",
)  # fmt: skip

CITIES = (
    ("01000", "Bourg-en-Bresse"), ("06000", "Nice"), ("02100", "Saint-Quentin"),
    ("69003", "Lyon"), ("69200", "Vénissieux"), ("42000", "Saint-Étienne"), ("75011", "Paris"),
    ("94240", "L'Haÿ-les-Roses"), ("29200", "Brest"), ("29700", "Plomelin"), ("59000", "Lille"),
    ("59370", "Mons-en-Barœul"), ("13002", "Marseille"), ("13500", "Martigues"),
    ("20000", "Ajaccio"), ("20200", "Bastia"), ("05000", "Gap"), ("08000", "Charleville-Mézières"),
)  # fmt: skip
STREETS = (
    "rue de la République", "avenue du Général-Leclerc", "place de l'Église", "quai des Célestins",
    "chemin du Moulin-à-Vent", "impasse des Lilas", "boulevard Gambetta", "allée des Érables",
)  # fmt: skip

SITES = (
    ("LYO1", "Laboratoire Rhône-Presqu'île", "Lyon", "690999012"),
    ("LYO2", "Laboratoire des Portes du Sud", "Vénissieux", "690999020"),
    ("PAR1", "Laboratoire Bièvre-L'Haÿ", "L'Haÿ-les-Roses", "940999015"),
    ("BRE1", "Laboratoire de la Penfeld – Recouvrance", "Brest", "290999013"),  # noqa: RUF001
    ("LIL1", "Laboratoire Flandre Barœul", "Mons-en-Barœul", "590999017"),
    ("MAR1", "Laboratoire Côte Bleue", "Marseille", "130999011"),
)

SPECIALITIES = (
    "médecine générale", "gynécologie-obstétrique", "infectiologie", "cardiologie",
    "néphrologie", "hématologie", "pédiatrie", "sage-femme", "médecine d'urgence",
)  # fmt: skip
TUBES = ("EDTA", "SST", "héparinate de lithium", "citrate", "fluorure", "sec")

FICTION_PHONES = ("019900", "026191", "035301", "046571", "053649", "063998")
"""Openings that the French numbering plan keeps for works of fiction: nobody answers there."""

PASSWORD_WORDS = ("Soleil", "Été", "Chouette", "azerty", "Marseille", "Doudou", "Noël", "Tilleul")

DEPARTMENTS = (
    "01", "06", "13", "29", "31", "33", "35", "38", "42", "44", "57", "59", "62", "67", "69",
    "75", "76", "93", "94", "95", "99",
)  # fmt: skip
"""Departments of birth for the NIR; 99 stands for abroad. Corsica is drawn apart."""


@dataclass(frozen=True, slots=True)
class Test:
    """A laboratory test: LOINC code, UCUM unit, reference interval, decimals of the result."""

    __test__ = False  # or pytest takes it for a class of tests

    loinc: str
    unit: str
    low: str
    high: str
    decimals: int
    qualitative: bool = False


TESTS = (
    Test("718-7", "g/dL", "12", "17", 1),  # haemoglobin
    Test("4544-3", "%", "36", "50", 1),  # haematocrit
    Test("789-8", "10*6/uL", "4", "5.8", 2),  # erythrocytes
    Test("6690-2", "10*3/uL", "4", "10", 2),  # leukocytes
    Test("777-3", "10*3/uL", "150", "400", 0),  # platelets
    Test("14749-6", "mmol/L", "3.9", "5.8", 2),  # glucose
    Test("4548-4", "%", "4", "6", 1),  # haemoglobin A1c
    Test("14682-9", "umol/L", "45", "105", 0),  # creatinine
    Test("22664-7", "mmol/L", "2.5", "7.5", 1),  # urea
    Test("2951-2", "mmol/L", "136", "145", 0),  # sodium
    Test("2823-3", "mmol/L", "3.5", "5.1", 1),  # potassium
    Test("2075-0", "mmol/L", "98", "107", 0),  # chloride
    Test("1988-5", "mg/L", "0", "5", 1),  # C reactive protein
    Test("1742-6", "U/L", "5", "45", 0),  # ALT
    Test("1920-8", "U/L", "5", "40", 0),  # AST
    Test("2324-2", "U/L", "8", "60", 0),  # gamma GT
    Test("6768-6", "U/L", "40", "130", 0),  # alkaline phosphatase
    Test("14631-6", "umol/L", "3", "21", 1),  # bilirubin
    Test("14647-2", "mmol/L", "3", "5.2", 2),  # cholesterol
    Test("14646-4", "mmol/L", "1", "2.2", 2),  # cholesterol in HDL
    Test("14927-8", "mmol/L", "0.4", "1.7", 2),  # triglycerides
    Test("3016-3", "m[IU]/L", "0.4", "4", 3),  # thyrotropin
    Test("2276-4", "ng/mL", "20", "300", 4),  # ferritin
    Test("6301-6", "{INR}", "0.8", "1.2", 2),  # INR
    Test("75622-1", "{index}", "0", "1", 2, qualitative=True),  # HIV 1 and 2 (a set of tests)
    Test("2118-8", "{index}", "0", "1", 2, qualitative=True),  # choriogonadotropin, pregnancy
    Test("5195-3", "{index}", "0", "1", 2, qualitative=True),  # hepatitis B surface antigen
)

# Every text below gets one token, and some the patient's name. Quotes, line ends, tabs and
# semicolons are there on purpose: a careless writer of CSV or logs breaks on them.

PLAIN_COMMENTS = (
    "Hémolyse légère, interprétation prudente ({token}).",
    "{token} – prélèvement difficile ; tube 2/3 ; résultat rendu sous réserve",  # noqa: RUF001
    'Biologiste : "à contrôler sur nouveau prélèvement" réf. {token}',
    "Sérum lactescent.\nÀ recontrôler à jeun.\n{token}",
    "Délai d'acheminement dépassé\tdossier {token}",
)
TELLING_COMMENTS = (
    "VIH : suivi sous antirétroviral, charge virale demandée, réf. {token}",
    "{token} : grossesse en cours (12 SA), contrôle hCG dans 48 h",
    "Traitement par ténofovir/emtricitabine déclaré ; réf. {token}",
    "Patient {name} joint par téléphone ce matin, réf. {token}.",
    "Dossier {token}\n{name} refuse que son conjoint soit informé (sérologie VIH).",
    "{name} signale une grossesse ; bilan {token} transmis à la sage-femme",
)
NOTES = (
    "Préfère être appelé l'après-midi ; fiche {token}",
    "{name} : mot de passe du portail dicté au guichet, ticket {token}",
    "Suivi VIH connu du seul médecin traitant ({token})",
    'Tutelle : voir courrier "{token}"\nNe pas laisser de message.',
)

HARMLESS = {
    "bloodGroup": ("A+", "A-", "B+", "O+", "O-", "AB+"),
    "smoker": ("oui", "non", "sevré"),
    "fasting": ("oui", "non"),
    "weightKg": ("48.5", "61", "72.4", "80", "95.25", "110"),
    "allergies": ("aucune", "pénicilline", "latex", "pollen ; arachide", "iode"),
}
SENSITIVE = {
    "hivStatus": ("positif, confirmé par Western blot, dossier {token}",),
    "arvTreatment": (
        "bictégravir/emtricitabine/ténofovir, ordonnance {token}",
        "dolutégravir + lamivudine depuis 2022 ({token})",
    ),
    "priorDiseases": (
        "tuberculose pulmonaire 2014, compte rendu {token}",
        "{token} : hépatite B guérie ; syphilis traitée",
    ),
}
"""Codes of the history that say what must not get out, and their values."""
