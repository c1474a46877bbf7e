"""What readers of the miniature corpus say that the books do not hold, in each language."""

from __future__ import annotations

from typing import NamedTuple


class Phrases(NamedTuple):
    """preambles, closings: {n} is the chapter's number; {title}, {author}, {reader}. No preamble
    ends with the number: before a heading that is not read it could be either. asides: between
    sentences. quotes: marks that open and close speech"""

    preambles: tuple[str, ...]
    closings: tuple[str, ...]
    asides: tuple[str, ...]
    quotes: tuple[str, str]


PHRASES = {
    "en": Phrases(
        (
            "Chapter {n} of {title}. This recording is in the public domain. Read by {reader}.",
            "This is a public domain recording of chapter {n} of {title}, by {author}.",
            "Section {n} of {title}, by {author}. Read by {reader}.",
            "Section {n} of {title}. This recording may be used by anyone, for any purpose.",
            "{title}, chapter {n}. Recording by {reader}. All our recordings are free.",
        ),
        (
            "End of chapter {n}.",
            "End of section {n} of {title}, by {author}.",
            "This is the end of chapter {n}. Thank you for listening.",
        ),
        (
            "Excuse me, I will read that once more.",
            "A small note from the reader. That is how it is printed in my copy.",
            "I beg your pardon, I have lost my place.",
            "Pardon the noise outside my window.",
        ),
        ("“", "”"),
    ),
    "de": Phrases(
        (
            "Kapitel {n} von {title}. Diese Aufnahme ist gemeinfrei. Gelesen von {reader}.",
            "Dies ist eine freie Aufnahme von Kapitel {n} aus {title}, von {author}.",
            "Abschnitt {n} von {title}, von {author}. Gelesen von {reader}.",
            "{title}, Kapitel {n}. Aufgenommen von {reader}. Alle Aufnahmen sind frei.",
        ),
        (
            "Ende von Kapitel {n}.",
            "Ende von Abschnitt {n} aus {title}, von {author}.",
            "Das war Kapitel {n}. Vielen Dank fürs Zuhören.",
        ),
        (
            "Entschuldigung, das lese ich noch einmal.",
            "Eine Bemerkung der Vorleserin. So steht es in meiner Ausgabe gedruckt.",
            "Verzeihung, ich habe mich in der Zeile geirrt.",
        ),
        ("»", "«"),
    ),
    "fr": Phrases(
        (
            "Chapitre {n} de {title}. Cet enregistrement est libre. Lu par {reader}.",
            "Voici un enregistrement libre du chapitre {n} de {title}, par {author}.",
            "Section {n} de {title}, par {author}. Lu par {reader}.",
            "{title}, chapitre {n}. Enregistré par {reader}. Tout le monde peut nous écouter.",
        ),
        (
            "Fin du chapitre {n}.",
            "Fin de la section {n} de {title}, par {author}.",
            "C'était le chapitre {n}. Merci de votre écoute.",
        ),
        (
            "Pardon, je recommence cette phrase.",
            "Une remarque du lecteur. C'est ainsi que mon édition est imprimée.",
            "Excusez-moi, j'avais perdu ma ligne.",
        ),
        ("«", "»"),
    ),
    "es": Phrases(
        (
            "Capítulo {n} de {title}. Esta grabación es de dominio público. Leído por {reader}.",
            "Esta es una grabación libre del capítulo {n} de {title}, por {author}.",
            "Sección {n} de {title}, por {author}. Leído por {reader}.",
            "{title}, capítulo {n}. Grabado por {reader}. Cualquiera puede escucharnos.",
        ),
        (
            "Fin del capítulo {n}.",
            "Fin de la sección {n} de {title}, por {author}.",
            "Este fue el capítulo {n}. Gracias por escuchar.",
        ),
        (
            "Perdón, voy a leer eso otra vez.",
            "Una nota del lector. Así está impreso en mi ejemplar.",
            "Disculpen, me he equivocado de línea.",
        ),
        ("«", "»"),
    ),
}
