"""Texts as a laboratory writes them, of invented persons, each with what is in it.

The patient of all of them is Hélène Martin-Durand, born N'Diaye; numbers are made up.
"""

from __future__ import annotations

PATIENT = ("MARTIN-DURAND", "Hélène", "N'Diaye")

NIRS = """
NIR 1 85 05 78 006 084 91
185057800608491
n° sécu : 2 92 03 69 123 045 27
sécurité sociale 2920369123045
1.76.02.20.045.112.76 à vérifier
1-76-02-20-045-112-76
patient 284072A004123 87 (Corse)
2 84 07 2a 004 123
N°SS 1 91 12 2B 033 456 56
191122B033456
assurée 2990799126111
vu le 12 1 85 05 78 006 084 91 ce jour
185 057 800 608 491 recopié de la carte
1850578006084 91
NSS:8530475056111
INSEE 1551097411032 88 né à La Réunion
1 85 05 78 006 084 90 (clé illisible)
NIR de la mère 2\u00a092\u00a003\u00a069\u00a0123\u00a0045\u00a027
1850578006084
carte vitale lue: 176022004511276.
""".strip().splitlines()
MAILS = """
envoyer à helene.martin@courriel.example
résultats: h.martin+labo@mail.courriel.example, merci
Écrire à rené.dupré@hôpital.example
mail 'martin_helene@courriel.example'
helene.martin (at) courriel.example
helene.martin [at] courriel [dot] example
contact helene @ courriel.example
用户@例子.测试
helene@xn--hpital-zxa.example
<mailto:helene.martin@courriel.example>
HELENE.MARTIN@COURRIEL.EXAMPLE
helene.martin arobase courriel.example
""".strip().splitlines()
PHONES = """
tel 06 39 98 12 34
rappeler au 0199001234 avant 18h
06.39.98.12.34
06-39-98-12-34
06/39/98/12/34
joindre Mme au +33 6 39 98 12 34
+33 (0)6 39 98 12 34
+33(0)639981234
0033 6 39 98 12 34
00 33 1 99 00 12 34
tél.02.61.91.12.34
04 65 71 12 34 (fille)
0262 16 12 34 à La Réunion
prévenir 05\u00a036\u00a049\u00a012\u00a034
03 53 01 12 34/poste 12
0590161234 Guadeloupe
+32 475 12 34 56
+41 79 123 45 67 (mari)
+44 20 7946 0958
(+49) 30 901820
0801 234 567
sur demande au 06 39 98 12 34
+290 22222 (Sainte-Hélène)
06\u300039\u300098\u300012\u300034
06 3998 1234
rappeler au 06 39 98 12 34 : 75 ans
06 39 98 12 14 : 45 ans
06 39 98 12 34,2 appels
06 39 98 12 34h30
06 39 98 12 34et le fils
0199001234et
(06) 39 98 12 34
tel(06)39981234
""".strip().splitlines()
IBANS = """
RIB FR14 2004 1010 0505 0001 3M02 606
FR1420041010050500013M02606 pour remboursement
iban fr76 3000 6000 0112 3456 7890 189
DE89 3704 0044 0532 0130 00
virement BE68-5390-0754-7034
GB29 NWBK 6016 1331 9268 19 svp
CH93 0076 2011 6238 5295 7
NL91ABNA0417164300.
FR14\u00a02004\u00a01010\u00a00505\u00a00001\u00a03M02\u00a0606
""".strip().splitlines()
NAMES = """
Mme Martin-Durand rappelée ce jour
MARTIN DURAND Hélène, tube 2
appel de Mme martin pour ses résultats
prélèvement de helene difficile
Hélène à jeun depuis 12 h
étiquette au nom de DURAND
Mme N'Diaye confirme
NDIAYE H. sur le premier tube
N\u2019DIAYE Helene
N DIAYE née en 1985
résultat transmis à H\u0065\u0301le\u0300ne
copie à M. Durand (époux)
martindurand sur l'étiquette
""".strip().splitlines()

POSITIVE = [
    *(("nir", text) for text in NIRS),
    *(("email", text) for text in MAILS),
    *(("phone", text) for text in PHONES),
    *(("iban", text) for text in IBANS),
    *(("name", text) for text in NAMES),
]

NEGATIVE = """
Échantillon hémolysé, à recontrôler
Glycémie 5,2 mmol/L à jeun
Sample 2401234567 reçu
n° échantillon 0612345678
dossier 0145678901
Prélèvement du 06.12.2024 08:30
06/12/2024 10h45
2024-12-06 07 45 12
LOINC 2345-7 et 718-7
LOINC 14749-6, SNOMED 271649006
TSH 0,45 mUI/L (0,27 - 4,20)
Na 140 K 4,1 Cl 102 CO2 25
Leucocytes 6 120 /mm3
Plaquettes 245 000
plaquettes 250.000/mm3 contrôlées sur lame
ferritine 1 250 ng/mL, dilution 1/100
code-barres 3012345678901
code barres 1850578006084
tube 1850578006084 cassé
n° de lot 18505780060841
demande n° 1850578006084
SIRET 73282932000074
FINESS 690781810
RPPS 10101234567
n° RPPS: 10003456789
185057800608490
20241206083012
1732416000000
accession 24 0123456
réf. 0199001234
analyse 0412345678 annulée
tube de 10:30 et 12:45
clairance 92 mL/min/1,73 m2
HbA1c 6,1 % (43 mmol/mol)
pH 7,38 pCO2 40 pO2 92 HCO3 24
VGM 88 TCMH 29,5 CCMH 33
INR 2,4 cible 2 à 3
CRP < 5 mg/L
E. coli 10^5 UFC/mL
ATB : AMX S, CTX S, CIP R
CMI 0.125 0.25 0.5 1 2 4 8 16
Dilutions 1/10 1/20 1/40 1/80 1/160
sérologie IgG 12,5 UI/mL @ J0
anti-HBs 12 @ 37°C
créatinine 78 µmol/L, DFG 85
valeurs antérieures: 5.2 5.4 5.1 5.3 5.2
Cycle Ct 24,31 / 25,02 / 38,7
caryotype 46,XX
46,XY,t(9;22)(q34;q11)
BCR::ABL1 négatif
NM_007294.3:c.68_69del
chr17:43044295-43125483
MEDGEN C0006142
Lot réactif FR24A1234567 périmé
REF 04641655190 LOT 64731901 EXP 2025-06
automate AU5800 n° série 2015123456
UniCel DxI 800 SN 606123
DE12 3456 tube B
température 2 à 8 °C, délai 4 h
volume 1 850 mL sur 24 h
diurèse 1 450 mL
2 92 ans, 3 prélèvements
urines claires, nitrites négatifs
sang veineux, pas de caillot
cf. courrier du 3 mars 2024 à 14:05
contrôle à J+7, J+14 et J+28
12 13 14 15 16 17 18 19
1 2 3 4 5 6 7 8 9 10 11 12 13
99999999999999
0000000000
06122024 08:30
06 12 2025 08h30
prises à 08 10 12 14 16h30
à 06-08-10-12-14 h
0199001234A
0199001234ab12
n° échantillon 0199001234et
(01)03453120000011(17)250630
(02) 12 34 56
05 10 15 20 25mg
groupes 01.23.45.67.89.12
01 23 45 67 89B2
le nir est absent du dossier
mail non communiqué
téléphone injoignable
RIB non fourni
""".strip().splitlines()
