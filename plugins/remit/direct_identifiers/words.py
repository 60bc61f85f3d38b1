"""Words around names: particles, titles, and words of the laboratory that are names as well."""

from __future__ import annotations

PARTICLES = frozenset(
    """
    d de des del della di do dos da du den der die das el al la las le les l los ten ter van
    vander vom von zu zum zur af av y i e et ben bin ibn ibnu bint abd abu ould ait st ste saint
    sainte o mc mac
""".split()
)

TITLES = frozenset(
    """
    m mm mr mme mmes mlle mlles monsieur madame mademoiselle mrs ms miss herr frau patient
    patiente enfant bebe bb nom prenom prenoms nee ne dame sieur famille epouse epoux ep veuve
    vve mere pere fils fille mari femme jumeau jumelle assure assuree nomme nommee
""".split()
)

# Folded. A name that is one of these is found with a title, beside another name of the person, or
# with a capital inside a sentence; a comment on clear urine says nothing of Claire.
COMMON = frozenset(
    """
    abbe age aigle aigre air aime ami an ange anonyme ans arriere aube aucun autre avant avis
    avril bain bas base beau bel belle bien bis blanc blanche bleu bois bon bonne bord bouchon
    bouquet boy brun brune calme cause champ chaud chef cher cible clair claire clement coin
    colle constant cor corps couche cour court couture creux croix culture cure dame dernier
    desire dieu don dose doux droit dur eau ecart fabrique faible faucon faux fer feu fin fine
    fleur foi fois foie fond fontaine force fort forte fraise franc franche fratrie froid
    froment gai garcon garde gauche germe gland goutte grand grande gras grave gris gros grosse
    guerre haut heureux hiver homme inconnu inconnue jaune jeune joli jour juin jules juste lait
    lame large leger libre lieu lit loin long longue lot louche lourd lys mai main maison mal
    marche mars martial masse matin maure mercredi mer mieux milieu modeste moins mois moulin
    moyen mur muguet naissance neuf neutre noir noire nom nord note nouveau nul oeil oral os
    ouest pain pas patience pave perle petit petite peu pied pierre pin plat plaque plein pointe
    pomme pont port pose premier pres pret prime prudence pur queue rapide rare ras rien riche
    roche rose rouge roux rue sable sage sain saine salle salin sang sans sec seche serin serum
    simple soir solide source suite sujet sur sureau tache tare terme test tissu tout tour trace
    trouble tube urgent valeur vase veine vert verte vide vieux vif violet violette vin virus
    vite vivant voie voir volume vrai
""".split()
)
