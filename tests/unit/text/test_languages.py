"""What the language packs read, against what a reader of each language says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.text.boilerplate import front_matter
from aubert.text.book_lm import training_sentences
from aubert.text.language import plain_letters
from aubert.text.languages import PACKS, likely_tag, pack_of
from aubert.text.languages.codes import bcp47, english_name
from aubert.text.normalise import readings, spoken_words, tokenize

SPOKEN = {
    "de": {
        "Am 3. Mai 1848 um 17.30 Uhr": "am dritten mai achtzehnhundertachtundvierzig um siebzehn "
        "uhr dreißig",
        "Er war 12. Sie kam am 1. und ging.": "er war zwölf sie kam am ersten und ging",
        "1.250 Taler, 3,5 % und 5,50 €": "eintausendzweihundertfünfzig taler drei komma fünf "
        "prozent und fünf euro fünfzig",
        "2½ Stunden, 3/4 voll, 0171": "zweieinhalb stunden drei viertel voll null eins sieben eins",
        "Dr. Müller, z. B. bzw. z.B. usw.": "doktor müller zum beispiel beziehungsweise zum "
        "beispiel und so weiter",
        "Heinrich VIII. und Karl V. im XIX. Jahrhundert": "heinrich der achte und karl der fünfte "
        "im neunzehnten jahrhundert",
        "Kapitel IV. Max. Teil II": "kapitel vier max teil zwei",
        "’s war schön, ging's?": "s war schön ging's",
        "Das Leucht-\nturmhaus, Vor-\nund Nachteile": "das leuchtturmhaus vor und nachteile",
        "„Grüße“, STRASSE, Straße, Café": "grüße strasse straße cafe",
        "Ende.\n\nD er alte Mann": "ende der alte mann",
    },
    "fr": {
        "Au XIXe siècle, sous Louis XIV et François Ier": "au dix neuvième siècle sous louis "
        "quatorze et françois premier",
        "M. Dupont et Mme Roy vinrent à 17 h 30.": "monsieur dupont et madame roy vinrent à dix "
        "sept heures trente",
        "le 1er mai 1848, 12 345 francs, 2,5 %": "le premier mai mille huit cent quarante huit "
        "douze mille trois cent quarante cinq francs deux virgule cinq pour cent",
        "CHAPITRE PREMIER. Chapitre dix, livre II": "chapitre premier chapitre dix livre deux",
        "c.-à-d. av. J.-C., n° 5, etc.": "c'est à dire avant jésus christ numéro cinq et cetera",
        "L’œuvre d’aujourd’hui a-t-elle un cœur naïf ?": "l'œuvre d'aujourd'hui a t elle un cœur "
        "naïf",
        "peut-\nêtre, maga-\nsin": "peut être magasin",
        "Me voici. Que dis-tu, M. X ?": "me voici que dis tu monsieur x",
    },
    "es": {
        "El Sr. García pagó 1.250,50 € el 1.º de mayo": "el señor garcía pagó mil doscientos "
        "cincuenta euros cincuenta el primero de mayo",
        "Felipe II, Alfonso XIII y el siglo XIX": "felipe segundo alfonso trece y el siglo "
        "diecinueve",
        "Capítulo IV: p. ej. EE. UU., D. Juan y D.ª Ana": "capítulo cuatro por ejemplo estados "
        "unidos don juan y doña ana",
        "¿Qué haré mañana? ¡Niño! El pingüino": "qué haré mañana niño el pingüino",
        "mil, mi y lo que da.": "mil mi y lo que da",
        "a las 17:30, 3,5 y 2½": "a las diecisiete treinta tres coma cinco y dos y medio",
        "cora-\nzón": "corazón",
    },
    "fr-CH": {"80 et 97": "huitante et nonante sept"},
    "ru": {"Привет, мир! 21 день.": "привет мир двадцать один день"},
    "it": {"Perché no? 3 città, l'anno": "perché no tre città l'anno"},
    "xx": {"ñandú 5": "ñandú"},
}


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [(tag, *pair) for tag, texts in SPOKEN.items() for pair in texts.items()],
)
def test_reads_as_a_reader_would(language, written, spoken):
    assert " ".join(spoken_words(written, language)) == spoken


@pytest.mark.parametrize(
    ("language", "written", "also"),
    [
        ("de", "1848", "tausendachthundertachtundvierzig"),
        ("de", "3.", "drittes"),
        ("de", "1", "eine"),
        ("de", "light-\nhouse", "light house"),
        ("fr", "1848", "dix huit cent quarante huit"),
        ("fr", "2e", "seconde"),
        ("fr", "21", "vingt et une"),
        ("es", "200", "doscientas"),
        ("es", "3er", "tercero"),
    ],
)
def test_other_readings(language, written, also):
    assert tuple(also.split()) in readings(written, language)


@given(
    st.sampled_from(sorted(PACKS)),
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [*"aeIVXäßéœñ0123456789 .,:;'’-/%€½\n", "17.30 Uhr", "3. Mai", "XIXe", "1.º",
                 "z. B.", "n°", "Kapitel", "M.", "&c"]
            ),
            max_size=40,
        ).map("".join),
    ),
)  # fmt: skip
def test_tokens_are_in_order_and_in_the_letters_of_the_pack(language, text):
    end, letters = 0, re.escape(PACKS[language].letters)
    for token in tokenize(text, language):
        assert end <= token.char_start < token.char_end <= len(text)
        end = token.char_end
        assert all(re.fullmatch(f"[{letters}]+('[{letters}]+)*", word) for word in token.spoken)
        assert token.spoken in readings(text[token.char_start : token.char_end], language)


@pytest.mark.parametrize("tag", sorted(PACKS))
def test_a_pack_speaks_its_own_letters(tag):
    pack = PACKS[tag]
    spoken = [*pack.announcements, *pack.chapters(40), pack.ampersand]
    spoken += [word for words in pack.abbreviations.values() for word in words]
    spoken += [word for words in pack.phrases.values() for word in words]
    for number in (*range(1, 100), 101, 1066, 1848, 2005, 1_000_001):
        spoken += [" ".join(words) for words in pack.numbers.readings(str(number))]
        spoken += [" ".join(words) for words in pack.numbers.roman(number)]
    for phrase in spoken:
        assert spoken_words(phrase, pack) == phrase.split(), phrase
    assert all(pack.fold(letter) == letter for letter in pack.letters)
    assert all(len(pack.fold(letter)) in (1, 2) for letter in pack.borrowed)
    assert not set(pack.borrowed) & set(pack.letters)


def test_letters_that_are_added_are_read():
    russian = pack_of("en").with_letters("привет")
    assert spoken_words("he said Привет, café", russian) == ["he", "said", "привет", "cafe"]
    assert spoken_words("he said привет", "en") == ["he", "said"]
    assert pack_of("en").with_letters("abc") is pack_of("en")


def test_an_alphabet_without_a_letter_spells_it():
    assert [plain_letters(letter) for letter in "äßœéñø"] == ["a", "ss", "oe", "e", "n", "o"]


@pytest.mark.parametrize(
    ("tag", "heading"),
    [("de", "Erstes Kapitel"), ("de", "3. Kapitel"), ("fr", "CHAPITRE PREMIER"),
     ("fr", "Première partie"), ("es", "Capítulo primero"), ("es", "PRIMERA PARTE")],
)  # fmt: skip
def test_the_title_page_ends_at_the_first_heading(tag, heading):
    prose = "la der el " * 12
    text = f"Titel\n\nvon Niemand\n\n\n{heading}\n\n{prose}\n"
    assert text[front_matter(text, 0, len(text), tag) :].startswith(heading)
    assert front_matter(text, 0, len(text), "en") == 0


def test_the_language_model_holds_what_readers_announce():
    for tag, announced in {
        "de": ["ende von kapitel drei", "erstes kapitel"],
        "fr": ["chapitre premier", "fin du chapitre deux", "première partie"],
        "es": ["fin del capítulo primero", "segunda parte"],
    }.items():
        sentences = training_sentences(["Über Œuvre año."], tag)
        assert [each for each in announced if each.split() not in sentences] == []
    assert training_sentences(["Über Straßen."], "de")[-1] == ["über", "straßen"]


PROSE = {
    "en": "It was the best of times, and the old man sat by the fire in the house that he had.",
    "de": "Der alte Leuchtturm stand auf der Klippe, und jeden Abend stieg der Wärter mit einer "
    "Laterne die schmale Treppe hinauf, wie es schon sein Vater getan hatte.",
    "fr": "La sottise, l'erreur et le péché occupent nos esprits dans la maison qui est sur une "
    "colline, et il ne sait pas que les enfants sont avec elle.",
    "es": "El viejo faro estaba en la costa y cada noche subía el guardián con una linterna por "
    "la escalera, que no era más ancha que su mano.",
}


def test_a_language_is_known_by_its_commonest_words():
    assert {tag: likely_tag(text) for tag, text in PROSE.items()} == {tag: tag for tag in PROSE}
    assert likely_tag("Привет мир, как дела") is None and likely_tag("") is None


@pytest.mark.parametrize(
    ("named", "tag"),
    [("eng", "en"), ("German", "de"), ("deu", "de"), ("fr_CA", "fr-CA"), ("pt-BR", "pt-BR"),
     ("Multilingual", None), ("und", None), (None, None), ("русский", "ru"), ("", None),
     ("gsw", "gsw"), ("Klingon!", None), ("en ", "en"), ("français", "fr"), ("en_GB", "en-GB")],
)  # fmt: skip
def test_names_of_languages(named, tag):
    assert bcp47(named) == tag


def test_english_names():
    assert [english_name(tag) for tag in ("de-AT", "fr", "es", "it", "xx", "la")] == [
        "German", "French", "Spanish", "Italian", "xx", "Latin"
    ]  # fmt: skip
