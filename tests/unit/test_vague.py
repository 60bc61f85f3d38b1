"""What says something passes, what says nothing is refused: in the words that people really write."""

from __future__ import annotations

import pytest

from remit.instruction.vague import (
    SaysNothing,
    require_concrete,
    require_filled,
    require_group,
    require_single,
    same_words,
)

CONCRETE = """\
Results of two sites that move to a new laboratory system
One extraction from the old system, transfer to the new one, deletion
Continuity of care after the change of laboratory system in Lyon
A new version signed by the laboratory's two managers replaces this one; a signed revocation ends it
The processor writes to the contact before it acts; no run starts until the laboratory has answered
The new system must show every earlier analysis of a patient to the biologist
Staging and landing zone are on volumes that no backup job reads
Each has signed the confidentiality undertaking annexed to contract DUR-2026-014
Migration of validated haematology results from KaliLab 4 to Kalisil
Nightly copy of microbiology results to the regional antibiotic resistance register
Billing of analyses performed for the Hôpital Saint-Joseph since 2023
Follow-up of newborn screening by the reference centre in Rennes
Comparison of serology methods before the old analyser is switched off
Standard contractual clauses of 4 June 2021, module three, signed on 10 January 2026
Swiss adequacy decision of 26 July 2000 (2000/518/EC)
Hosting of the landing zone in a certified data centre in Strasbourg
The comments hold the biologist's interpretation, which the treating doctor must still see
Units are a list of forty codes and concern nobody
The table has no date: it holds one row per patient, limited by site
Every code of the panel was reviewed by Dr Durand on 2026-01-12
Snapshots of the staging disk are switched off; see runbook BK-7
Encrypted backups are overwritten after 14 days
By letter to the laboratory's director, and runs are suspended until she answers
Professional secrecy under article L1110-4 of the French public health code
Reprise de l'historique des résultats des sites de Lyon dans le nouveau SIL
Continuité des soins après le changement de logiciel du laboratoire Durand
Extraction unique de l'ancien logiciel, transfert chiffré vers Kalisil, puis suppression
Suivi des femmes enceintes séropositives par le centre de référence
Facturation des actes de biologie réalisés pour la clinique Pasteur
Dépistage néonatal de la mucoviscidose en région Bretagne
Résultats d'hématologie et de biochimie validés entre 2020 et 2024
Avenant signé par les deux biologistes coresponsables, notifié par lettre recommandée
Le sous-traitant écrit au contact avant toute exécution et suspend les transferts
Chaque salarié a signé l'engagement de confidentialité du 5 janvier 2026
Les volumes de dépôt sont exclus du plan de sauvegarde Veeam
Hébergement de la zone de dépôt à Roubaix, certifié HDS
La table liste les unités de mesure et ne concerne aucun patient
Les commentaires portent l'interprétation du biologiste, que le médecin traitant doit relire
Vigilance transfusionnelle des patients greffés du CHU de Nantes
Statistiques de résistance aux antibiotiques transmises à Santé publique France
Umzug der Laborbefunde der Standorte Köln und Bonn in das neue System
Traslado de resultados de microbiología del hospital de Sevilla
""".splitlines()

EMPTY = """\
as needed
as required
As long as necessary.
as long as is strictly necessary for the purposes
selon les besoins
Autant que nécessaire
tant que nécessaire à la finalité du traitement
TBD
to be defined
t.b.d.
n/a
none
None.
Sans objet
Processing of personal data
Processing of personal data on behalf of the controller
Traitement de données à caractère personnel
any lawful purpose
For any lawful and legitimate purpose
in accordance with the GDPR
In accordance with Art. 28 GDPR
in accordance with Article 28(3)(a) of Regulation (EU) 2016/679
conformément au RGPD
Conformément à l'article 28 du RGPD
Conformément à la réglementation en vigueur
Selon la législation applicable
appropriate technical and organisational measures
Appropriate technical and organisational measures to ensure a level of security appropriate to the risk
Mesures techniques et organisationnelles appropriées
As instructed
As instructed by the controller
on documented instructions from the controller
Sur instruction documentée du responsable de traitement
various
Various purposes
other
Others
misc
Miscellaneous
data migration
Migration
Data processing
Services
Data processing services
Provision of the services
Performance of the contract
Exécution du contrat
Exécution des prestations prévues au contrat
Lorem ipsum dolor sit amet
lorem ipsum dolor sit amet, consectetur adipiscing elit
aaaa
xxx xxx xxx
asdf qwerty zxcv
sdkfjh skdjfhg lkjhgf
data data data data
to be determined by the parties later
à définir
À compléter ultérieurement
dans la mesure du nécessaire
Business needs
Legitimate interests of the controller
the purposes described in the agreement
See the contract
Voir le contrat
Best efforts
According to applicable law
nach Bedarf
Gemäß den gesetzlichen Vorschriften
Verarbeitung personenbezogener Daten
según sea necesario
de conformidad con el RGPD
Tratamiento de datos personales
Project
IT project
Standard contractual clauses
Appropriate safeguards
Persons authorised to process the personal data have committed themselves to confidentiality
... and so on
Migration of the data to the new system
Improvement of our services
Because it is needed
It is required
Je ne sais pas
1 2 3 4 5
Medical data
""".splitlines()

THE_LAW = """\
processes the personal data only on documented instructions from the controller, including with regard to transfers of personal data to a third country or an international organisation, unless required to do so by Union or Member State law to which the processor is subject; in such a case, the processor shall inform the controller of that legal requirement before processing, unless that law prohibits such information on important grounds of public interest;
ensures that persons authorised to process the personal data have committed themselves to confidentiality or are under an appropriate statutory obligation of confidentiality;
takes all measures required pursuant to Article 32;
respects the conditions referred to in paragraphs 2 and 4 for engaging another processor;
taking into account the nature of the processing, assists the controller by appropriate technical and organisational measures, insofar as this is possible, for the fulfilment of the controller's obligation to respond to requests for exercising the data subject's rights laid down in Chapter III;
assists the controller in ensuring compliance with the obligations pursuant to Articles 32 to 36 taking into account the nature of processing and the information available to the processor;
at the choice of the controller, deletes or returns all the personal data to the controller after the end of the provision of services relating to processing, and deletes existing copies unless Union or Member State law requires storage of the personal data;
makes available to the controller all information necessary to demonstrate compliance with the obligations laid down in this Article and allow for and contribute to audits, including inspections, conducted by the controller or another auditor mandated by the controller.
the processor shall immediately inform the controller if, in its opinion, an instruction infringes this Regulation or other Union or Member State data protection provisions.
the pseudonymisation and encryption of personal data
the ability to ensure the ongoing confidentiality, integrity, availability and resilience of processing systems and services
the ability to restore the availability and access to personal data in a timely manner in the event of a physical or technical incident
a process for regularly testing, assessing and evaluating the effectiveness of technical and organisational measures for ensuring the security of the processing
The processor shall notify the controller without undue delay after becoming aware of a personal data breach.
ne traite les données à caractère personnel que sur instruction documentée du responsable du traitement, y compris en ce qui concerne les transferts de données à caractère personnel vers un pays tiers ou à une organisation internationale, à moins qu'il ne soit tenu d'y procéder en vertu du droit de l'Union ou du droit de l'État membre auquel le sous-traitant est soumis
veille à ce que les personnes autorisées à traiter les données à caractère personnel s'engagent à respecter la confidentialité ou soient soumises à une obligation légale appropriée de confidentialité;
prend toutes les mesures requises en vertu de l'article 32;
respecte les conditions visées aux paragraphes 2 et 4 pour recruter un autre sous-traitant;
tient compte de la nature du traitement, aide le responsable du traitement, par des mesures techniques et organisationnelles appropriées, dans toute la mesure du possible, à s'acquitter de son obligation de donner suite aux demandes dont les personnes concernées le saisissent en vue d'exercer leurs droits prévus au chapitre III;
aide le responsable du traitement à garantir le respect des obligations prévues aux articles 32 à 36, compte tenu de la nature du traitement et des informations à la disposition du sous-traitant;
selon le choix du responsable du traitement, supprime toutes les données à caractère personnel ou les renvoie au responsable du traitement au terme de la prestation de services relatifs au traitement, et détruit les copies existantes, à moins que le droit de l'Union ou le droit de l'État membre n'exige la conservation des données à caractère personnel
met à la disposition du responsable du traitement toutes les informations nécessaires pour démontrer le respect des obligations prévues au présent article et pour permettre la réalisation d'audits, y compris des inspections, par le responsable du traitement ou un autre auditeur qu'il a mandaté, et contribuer à ces audits.
le sous-traitant informe immédiatement le responsable du traitement si, selon lui, une instruction constitue une violation du présent règlement ou d'autres dispositions du droit de l'Union ou du droit des États membres relatives à la protection des données.
la pseudonymisation et le chiffrement des données à caractère personnel
des moyens permettant de garantir la confidentialité, l'intégrité, la disponibilité et la résilience constantes des systèmes et des services de traitement
des moyens permettant de rétablir la disponibilité des données à caractère personnel et l'accès à celles-ci dans des délais appropriés en cas d'incident physique ou technique
une procédure visant à tester, à analyser et à évaluer régulièrement l'efficacité des mesures techniques et organisationnelles pour assurer la sécurité du traitement
Le sous-traitant notifie au responsable du traitement toute violation de données à caractère personnel dans les meilleurs délais après en avoir pris connaissance
Deletion or return of the data at the choice of the controller
The processor deletes all copies at the end of the services
""".splitlines()  # noqa: E501

SOMEBODY = """\
Patients of the sites LYO1 and LYO2 in 2024
Patients
Prescribers
Employees of the laboratory
Patientes enceintes
Médecins prescripteurs
Personnel du laboratoire
Blood donors
Nouveau-nés
""".splitlines()

NOBODY = """\
data subjects
People
Individuals
Natural persons
Persons concerned
Personnes concernées
various persons
others
n/a
All
Any individuals
betroffene Personen
""".splitlines()

PUT_OFF = """\
tbd
T.B.D.
To be determined
n/a
N.A.
none
Unknown
xxx
xxxxxxxx
aaaa
as needed
If necessary
misc.
Other
lorem ipsum
À définir
À compléter
sans objet
néant
si nécessaire
noch offen
por definir
""".splitlines()

FILLED = """\
Paul Petit
Laboratoires Durand SELAS
DUR-2026-014
AAA
II
Identity
Link
When
X
Na Young Kim
Other Systems SA
Why an extract as needed by the biologist
""".splitlines()

ONE_PURPOSE = """\
Continuity of care after the change of laboratory system in Lyon
Continuity of care in Lyon, and no other purpose
Continuité des soins à Lyon, à l'exclusion de toute autre finalité
Care of oncology and other chronic patients at the sites that move
So that no analysis is done again at any other laboratory
Follow-up of transplanted patients, notably those under immunosuppressants
Suivi des patients diabétiques, notamment pédiatriques
Billing of the analyses and imaging performed for the clinic
""".splitlines()

SEVERAL_PURPOSES = """\
Continuity of care in Lyon; research on diabetes
Continuity of care; billing; statistics
Continuity of care, billing, etc.
Continuity of care and any other purpose that the controller sees fit
Continuity of care and other purposes
Continuity of care, including but not limited to billing of analyses
Continuity of care, research, and so on
Research on diabetes and any future compatible use
Various purposes of the new laboratory system
Continuité des soins et toute autre finalité compatible
Continuité des soins, recherche, etc
Continuité des soins, entre autres
Continuité des soins et autres usages du laboratoire
Facturation, recherche, liste non exhaustive
1. Continuity of care 2. Billing
- Continuity of care
""".splitlines()


@pytest.mark.parametrize("text", CONCRETE)
def test_what_says_something_passes(text: str) -> None:
    assert require_concrete(require_filled(text)) == text


@pytest.mark.parametrize("text", EMPTY)
def test_what_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(SaysNothing):
        require_concrete(text)


@pytest.mark.parametrize("text", THE_LAW)
def test_what_only_restates_the_law_is_refused(text: str) -> None:
    with pytest.raises(SaysNothing):
        require_concrete(text)


def test_who_quotes_the_law_is_told_which_article() -> None:
    with pytest.raises(SaysNothing, match=r"only what Art\. 28\(3\)\(g\) GDPR says"):
        require_concrete("The processor deletes or returns all copies at the end of the services")


@pytest.mark.parametrize("text", SOMEBODY)
def test_a_category_of_people_may_be_one_word(text: str) -> None:
    assert require_group(require_filled(text)) == text


@pytest.mark.parametrize("text", NOBODY)
def test_nobody_in_particular_is_refused(text: str) -> None:
    with pytest.raises(SaysNothing):
        require_group(text)


@pytest.mark.parametrize("text", PUT_OFF)
def test_what_only_keeps_a_place_is_refused_in_every_text(text: str) -> None:
    with pytest.raises(SaysNothing):
        require_filled(text)


@pytest.mark.parametrize("text", FILLED)
def test_short_names_and_reasons_are_texts(text: str) -> None:
    assert require_filled(text) == text


@pytest.mark.parametrize("text", ONE_PURPOSE)
def test_one_purpose_passes(text: str) -> None:
    assert require_single(text) == text


@pytest.mark.parametrize("text", SEVERAL_PURPOSES)
def test_several_purposes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        require_single(text)


def test_case_accents_and_punctuation_make_no_other_words() -> None:
    assert same_words("Continuité des soins.", "continuite  DES soins")
    assert not same_words("Continuité des soins", "Continuité du soin")


def test_no_message_repeats_the_text() -> None:
    for text in [*EMPTY, *THE_LAW]:
        with pytest.raises(SaysNothing) as caught:
            require_concrete(text)
        assert text not in str(caught.value)
