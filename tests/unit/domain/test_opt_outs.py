"""An answer that says nothing but "no more mail", in eight languages; and answers that only speak of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.opt_outs import OWN_TEXT_CHARACTERS_MAX, only_opts_out

OPT_OUTS = [
    "STOP",
    "stop.",
    "Unsubscribe",
    "unsubscribe me",
    "Please remove me from your list.",
    "Please unsubscribe me from this mailing list. Thanks, Bob Miller",
    "Remove",
    "Take me off your list!",
    "Hi Ann,\n\nplease remove me from your mailing list.\n\nKind regards\nBob Miller\nCEO",
    "Do not email me again.",
    "no more emails please",
    "I don't want to receive any more emails",
    "OPT OUT",
    "Opt-out please",
    "UNSUBSCRIBE!!!",
    "Stop emailing me",
    "Stop sending me emails",
    "Bitte nehmen Sie mich aus Ihrem Verteiler, ich moechte keine weiteren E-Mails.",
    "Bitte nehmen Sie mich aus Ihrem Verteiler, ich möchte keine weiteren E-Mails.",
    "Abmelden",
    "Bitte löschen Sie meine Adresse aus Ihrem Verteiler. Danke",
    "Ich möchte keine Mails mehr erhalten",
    "Keine weiteren Mails bitte",
    "Abmeldung",
    "Merci de me retirer de votre liste, je ne souhaite plus recevoir vos messages.",
    "Désinscription",
    "Veuillez me désabonner",
    "Se désinscrire",
    "Por favor, denme de baja, no quiero recibir más correos.",
    "Baja",
    "Quiero darme de baja de su lista",
    "Vi prego di cancellarmi dalla vostra lista, non desidero altre email.",
    "Cancellatemi dalla mailing list",
    "Por favor, remova-me da sua lista.",
    "Não quero mais receber seus e-mails",
    "Afmelden aub",
    "Graag uitschrijven",
    "Ik wil geen mails meer ontvangen",
    "Proszę wypisać mnie z listy",
    "Nie chcę otrzymywać więcej wiadomości",
    "Please remove me from your list and do not write again.",
    "Stop\n\nSent from my iPhone",
    "remove me",
    "Please stop",
]
OTHERS = [
    "Count me in, this has to stop!",
    "Tell me more.",
    "Stop by on Monday!",
    "Please remove the second item from the offer.",
    "I don't want to miss this",
    "Unsubscribe rates are our problem, how can you help?",
    "not interested",
    "No thanks",
    "Please don't stop",
    "don't remove me from the list",
    "Stop. I would like to talk first",
    "stop, call me",
    "Thanks",
    "",
    "Yes please send more emails",
    "Do you want me to unsubscribe?",
    "How do I remove my data from the list of attendees we discussed",
    "Don't unsubscribe me",
    "please remove me from the list for the webinar on May 3, I will come in June",
    "I want to stop all my subscriptions with your competitor",
    "Remove it from the list and send me the new offer",
    "Stop the other campaign, I want this one",
    "Bitte löschen Sie die alte Adresse und schreiben Sie an meine neue: a",
    "Do not unsubscribe me",
    "Please do not remove me",
    "Please send this list",
    "stop sending this list to Tom",
    "Never stop sending these",
    "I want to unsubscribe but first tell me the price",
    "contact me",
    "Delete the first and call",
    "Stop our subscription and start a bigger one",
    "Take me off hold",
    "stop all of it? no, it is great",
    "Please call off the mailing, and contact me",
    "Bitte senden Sie mir keine PDF",
    "Could you stop by?",
]


@pytest.mark.parametrize("text", OPT_OUTS)
def test_an_answer_that_says_nothing_else_opts_out(text: str) -> None:
    assert only_opts_out(text)


@pytest.mark.parametrize("text", OTHERS)
def test_an_answer_that_only_speaks_of_it_does_not(text: str) -> None:
    assert not only_opts_out(text)


@given(st.sampled_from(OPT_OUTS), st.sampled_from(["Call me on Monday.", "What does it cost?", "Ich habe Interesse."]))
def test_an_opt_out_beside_anything_else_is_for_a_person_to_read(text: str, more: str) -> None:
    assert not only_opts_out(f"{more}\n{text}")


@given(st.text())
def test_any_text_is_read_without_an_accident(text: str) -> None:
    assert only_opts_out(text) in {True, False}


@pytest.mark.parametrize(
    "word", ["stop ", "please ", "remove me ", "do not ", "geen meer ", "nie chce ", "e mail ", "a"]
)
def test_no_text_takes_long(word: str) -> None:
    began = time.perf_counter()
    only_opts_out((word * OWN_TEXT_CHARACTERS_MAX)[: OWN_TEXT_CHARACTERS_MAX - 1] + "!")
    assert time.perf_counter() - began < 0.5
