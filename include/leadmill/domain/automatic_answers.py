"""How the subjects of automatic answers begin, where no header says that nobody wrote them."""

from __future__ import annotations

import re

_BEGINNINGS = (
    # English
    "automatic reply", "auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "autoresponse",
    "automatic response", "automated reply", "automated response", "out of office", "out-of-office",
    "out of the office",
    "ooo:", "i am out of the office", "vacation reply", "away from the office", "on vacation", "on annual leave",
    "on leave", "on maternity leave", "on parental leave",
    # German
    "automatische antwort", "abwesenheitsnotiz", "abwesenheitsnachricht", "abwesenheitsassistent", "abwesend:",
    "abwesenheit", "nicht im büro", "nicht im buero", "außer haus", "ausser haus", "autom. antwort",
    "ich bin im urlaub",
    # French
    "réponse automatique", "reponse automatique", "absence du bureau", "absent du bureau", "absence :", "absence:",
    "message d'absence", "message d\u2019absence", "en congé", "actuellement absent",
    # Spanish
    "respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina", "ausente de la oficina",
    "ausencia de la oficina", "autorespuesta",
    # Italian
    "risposta automatica", "fuori ufficio", "fuori sede", "assente dall'ufficio", "assenza dall'ufficio", "assenza:",
    # Portuguese
    "resposta automática", "resposta automatica", "fora do escritório", "fora do escritorio", "ausência do escritório",
    "ausência temporária",
    # Dutch
    "automatisch antwoord", "afwezigheidsbericht", "afwezigheid:", "afwezig:", "niet aanwezig", "buiten kantoor",
    "niet op kantoor",
    # Polish
    "automatyczna odpowiedź", "automatyczna odpowiedz", "odpowiedź automatyczna", "odpowiedz automatyczna",
    "poza biurem", "nieobecność", "nieobecny",
    # Swedish, Danish, Norwegian
    "autosvar", "automatiskt svar", "automatisk svar", "ej på kontoret", "inte på kontoret", "ikke på kontoret",
    "fraværende", "frånvaro", "fraværsmelding", "ikke til stede",
    # Finnish
    "automaattinen vastaus", "poissa toimistosta", "poissaoloilmoitus",
    # Czech
    "automatická odpověď", "automaticka odpoved", "mimo kancelář", "mimo kancelar",
)  # fmt: skip
_ABSENT = re.compile(rf"\W*(?:{'|'.join(map(re.escape, _BEGINNINGS))})(?!\w)")


def is_absence_subject(subject: str) -> bool:
    """Whether a subject begins as Exchange, Notes, Gmail and others begin their absence notes, in twelve languages.

    Only the very beginning counts: "Re: Out of office: hello" is a person's answer to such a note.
    """
    plain = " ".join(subject.casefold().split())
    return _ABSENT.match(plain) is not None or plain.rstrip(" .!") == "ooo"
