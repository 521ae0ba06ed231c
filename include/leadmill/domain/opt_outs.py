"""Is a person's answer nothing but the wish to get no more mail?

An objection needs no link and no form (GDPR art. 21; CAN-SPAM, 16 CFR 316.5: a reply is enough), so such an answer
suppresses at once. Only whole answers count: every sentence must say it, or be a greeting, a thank-you or a closing. A
longer answer that speaks of it among other things is for a person to read.
"""

# ruff: noqa: ISC004, E501 - a phrase is longer than a line, and a list of words is easier to read unbroken

from __future__ import annotations

import re
import unicodedata

OWN_TEXT_CHARACTERS_MAX = 400
"""Whoever writes more says more than that. Our choice."""

_NAME_WORDS_MAX = 6  # of a line below a closing: a name, perhaps a role
_CLAUSES_MAX = 12

_MAIL = r"(?:e ?mails?|mails?|messages?|newsletters?|mailings?|spam|contact|communications?)"
_EN = (
    rf"(?:(?:i|we) (?:want|wish|would like|d like|ask) (?:you )?to |kindly |please |pls |plz |just |can you |could you )*"
    rf"(?:stop|unsubscribe|unsubscribed|opt ?out|optout|remove|delete|take me off|take us off|unsub)"
    rf"(?: (?:me|us|my (?:address|e ?mail|e ?mail address|name|data)|this (?:address|e ?mail)|this {_MAIL}|these {_MAIL}|{_MAIL}"
    rf"|all|it|now|immediately|sending|mailing|writing|emailing|contacting|spamming|to|the|your|our|any|more|further|from|of|off"
    rf"|out|mail|mailing|list|lists|distribution|database|subscription|please|pls|at once|again|and|list s))*",
    rf"(?:please |kindly )?(?:do not|don t|dont|never) (?:ever )?(?:write|e ?mail|mail|contact|send|message|bother|spam)"
    rf"(?: (?:to|me|us|any|more|further|this|these|{_MAIL}|again|anymore|please|ever))*",
    rf"no (?:more|further) {_MAIL}(?: please| from you| to me)*",
    rf"(?:i|we) (?:do not|don t|dont|no longer) (?:want|wish)(?: to)?(?: (?:get|receive|any|more|further|your|these|such|{_MAIL}"
    rf"|from you|anymore|be contacted|hear from you))+",
    r"(?:i|we) want (?:out|off)(?: (?:of|this|your|the|mailing|list))*",
)
_DE_MAIL = r"(?:e ?mails?|mails?|nachrichten|newsletter|werbung|werbemails?|post|zusendungen|informationen)"
_DE = (
    r"(?:bitte |ich moechte |ich will )*(?:abmelden|abbestellen|austragen|loeschen|entfernen|stopp|stoppen|abmeldung"
    r"|abbestellung|newsletter abmelden|newsletter abbestellen)"
    r"(?: (?:bitte|sie|mich|uns|meine|adresse|e ?mail ?adresse|mailadresse|daten|den|der|die|dem|ihrem|ihren|eurem|euren|diesem"
    r"|aus|vom|von|verteiler|liste|mailingliste|newsletter|datenbank|sofort|umgehend|alle))*",
    r"(?:bitte )?(?:nehmen|streichen|loeschen|entfernen|tragen|melden|nehmt|streicht|loescht|entfernt|tragt|meldet|nimm"
    r"|loesch|entfern)(?: (?:sie|mich|uns|meine|unsere|adresse|e ?mail ?adresse|mailadresse|daten|bitte|von|aus|vom|den|der"
    r"|die|dem|ihrem|ihrer|ihren|eurem|eurer|deinem|diesem|dieser|verteiler|verteilerliste|liste|mailingliste|newsletter"
    r"|datenbank|sofort|umgehend|raus|heraus|ab|aus|wieder))+",
    rf"(?:bitte )?(?:ich |wir )?(?:moechte|will|wuensche|wollen|moechten|wuenschen) (?:ich |wir )?(?:bitte )?(?:keine|keinen)"
    rf"(?: (?:weiteren|weitere|mehr|ihrer|solche|{_DE_MAIL}|kontakt|von|ihnen|euch|erhalten|bekommen))+",
    rf"(?:bitte )?(?:schicken|senden|schickt|sendet|schreiben|schreibt) (?:sie )?(?:mir |uns )?(?:bitte )?(?:keine|nicht)"
    rf"(?: (?:weiteren|weitere|mehr|wieder|{_DE_MAIL}|an|mich|mir))*",
    r"(?:bitte )?(?:mich |uns |meine adresse )?(?:bitte )?(?:aus|von|vom)(?: (?:dem|der|ihrem|ihrer|eurem|eurer|diesem|dieser))?"
    r" (?:verteiler|verteilerliste|liste|mailingliste|newsletter|datenbank)(?: (?:bitte|mich|sofort|umgehend))*"
    r" (?:loeschen|entfernen|streichen|austragen|nehmen|abmelden|raus|herausnehmen)(?: bitte)?",
    rf"(?:bitte )?keine (?:weiteren |weitere )?{_DE_MAIL}(?: mehr)?(?: bitte)?",
)
_FR = (
    r"(?:merci de |merci de bien vouloir |veuillez |je souhaite |je veux |je voudrais |priere de |svp )*"
    r"(?:(?:me|m|se|nous) )?(?:desabonner|desinscrire|desinscrivez|desabonnez|desabonnement|desinscription|retirer|retirez"
    r"|supprimer|supprimez|enlever|enlevez|stop|arretez|rayez)"
    r"(?: (?:me|moi|nous|mon|adresse|e ?mail|mail|de|des|du|la|les|l|d|votre|vos|cette|liste|listes|diffusion|base|donnees"
    r"|newsletter|mails|e ?mails|messages|m|envoyer|svp|s il vous plait|merci|immediatement))*",
    r"(?:merci de )?(?:je |nous )?(?:ne )?(?:souhaite|souhaitons|veux|voulons|desire|desirons) (?:plus|pas)"
    r"(?: (?:recevoir|de|d|vos|ces|messages|e ?mails|mails|newsletter|newsletters|votre|la|part|etre|contacte|contactee))+",
    r"(?:merci de |veuillez )?ne (?:plus|pas) (?:me|m|nous) (?:contacter|ecrire|envoyer|solliciter)"
    r"(?: (?:de|d|vos|messages|e ?mails|mails|svp))*",
    r"plus (?:de |d )(?:messages|e ?mails|mails|newsletters?)(?: svp| merci)?",
)
_ES = (
    r"(?:por favor |favor de |quiero |quisiera |deseo |solicito )*(?:dar(?:me|nos)? de baja|denme de baja|deme de baja"
    r"|dadme de baja|dame de baja|baja|darse de baja|eliminar(?:me)?|elimin[ae](?:n|d)?me|borr[ae](?:n|d)?me|borrar(?:me)?"
    r"|quit[ae](?:n|d)?me|quiten(?:me)?|saquenme|cancelar(?: la)? suscripcion|desuscribir(?:me)?|stop)"
    r"(?: (?:de|la|su|sus|esta|lista|listas|correo|correos|base|datos|boletin|newsletter|distribucion|por favor|ya|mi"
    r"|direccion|inmediatamente))*",
    r"(?:por favor )?no (?:quiero|deseo|queremos|deseamos)(?: (?:recibir|mas|sus|estos|correos|e ?mails|mails|mensajes"
    r"|publicidad|boletines|newsletter))+",
    r"(?:por favor )?no (?:me|nos) (?:escriban|escriba|envien|envie|manden|mande|contacten|contacte)"
    r"(?: (?:mas|correos|e ?mails|mensajes|por favor))*",
    r"no mas (?:correos|e ?mails|mails|mensajes)(?: por favor)?",
)
_IT = (
    r"(?:per favore |per cortesia |vi prego di |la prego di |prego di |vorrei |voglio |desidero |chiedo di )*"
    r"(?:cancellar(?:mi|ci)|cancellatemi|cancellami|mi cancelli|cancellazione|disiscriver(?:mi|ci)|disiscrivetemi|disiscrivimi"
    r"|disiscrizione|rimuover(?:mi|ci)|rimuovetemi|rimuovimi|eliminatemi|toglietemi|togliermi|annulla iscrizione|stop|basta)"
    r"(?: (?:dalla|dalle|dal|dai|la|il|mio|mia|indirizzo|vostra|vostre|vostro|sua|questa|lista|liste|mailing|list|distribuzione"
    r"|newsletter|database|subito|per favore|grazie|e ?mail|mail))*",
    r"non (?:desidero|voglio|vogliamo|desideriamo)(?: (?:ricevere|piu|altre|altri|vostre|vostri|le|e ?mail|mail|messaggi"
    r"|comunicazioni|newsletter))+",
    r"(?:per favore )?non (?:scrivetemi|scrivermi|inviatemi|contattatemi|mandatemi)(?: (?:piu|altre|e ?mail|mail|messaggi))*",
)
_PT = (
    r"(?:por favor |quero |gostaria de |solicito |favor )*(?:remov(?:er|am|a)(?: me)?|remova me|removam me|retir(?:ar|em|e)(?: me)?"
    r"|descadastr(?:ar|em|e)(?: me)?|descadastro|cancel(?:ar|em|e)(?: a)?(?: minha)? (?:inscricao|assinatura|subscricao)"
    r"|exclu(?:ir|am|a)(?: me)?|me (?:remova|retire|exclua|descadastre)(?:m)?|sair da lista|parem|pare|stop)"
    r"(?: (?:da|das|de|do|sua|suas|desta|lista|listas|e ?mails|e ?mail|mails|mensagens|meu|base|dados|mailing|newsletter"
    r"|enviar|mandar|por favor))*",
    r"nao (?:quero|desejo|queremos)(?: (?:mais|receber|seus|esses|e ?mails|mails|mensagens|newsletter))+",
    r"nao (?:me )?(?:enviem|envie|mandem|mande|escrevam|escreva|contactem|contatem)(?: (?:mais|e ?mails|mensagens|me))*",
)
_NL = (
    r"(?:graag |gelieve |ik wil |ik wil me |ik wil mij |aub )*(?:afmelden|uitschrijven|uitschrijving|afmelding|verwijderen"
    r"|verwijder|schrijf|meld|haal|stop|stoppen|opzeggen)"
    r"(?: (?:me|mij|ons|mijn|adres|e ?mailadres|mailadres|gegevens|uit|van|voor|de|het|deze|dit|jullie|uw|lijst|mailinglijst"
    r"|verzendlijst|maillijst|nieuwsbrief|bestand|database|af|aub|alstublieft|direct|graag|met|mailen|mails|e ?mails))*",
    r"(?:graag |gelieve )?(?:geen|niet) (?:(?:verdere|meer|e ?mails|mails|berichten|nieuwsbrieven|mailen|contact|aub|sturen|graag) ?)+",
    r"(?:ik|wij) (?:wil|wens|willen|wensen) geen(?: (?:verdere|meer|e ?mails|mails|berichten|ontvangen|van|jullie|u))+",
)
_PL = (
    r"(?:prosze |prosze o |chce |poprosze o )*(?:wypisac|wypisanie|wypisz|wypiszcie|wypisz mnie|wypisuje|usunac|usuniecie|usuncie"
    r"|usun|rezygnuje|rezygnacja|wyrejestrowac|wyrejestrowanie|stop|przestancie pisac)"
    r"(?: (?:mnie|nas|sie|mojego|moj|adresu|adres|e ?mail|mailowego|z|tej|waszej|panstwa|listy|bazy|danych|mailingowej|newslettera"
    r"|subskrypcji|prosze|natychmiast))*",
    r"nie (?:chce|zycze sobie|chcemy|zyczymy sobie)(?: (?:otrzymywac|dostawac|wiecej|zadnych|waszych|dalszych|tych|maili|e ?maili"
    r"|wiadomosci|newslettera))+",
    r"(?:prosze )?nie (?:pisac|pisz|piszcie|wysylac|wysylajcie|kontaktowac)(?: (?:do|mnie|wiecej|sie|ze|mna|maili|wiadomosci))*",
)
_OPT_OUT = re.compile("|".join(f"(?:{text})" for group in (_EN, _DE, _FR, _ES, _IT, _PT, _NL, _PL) for text in group))
"""English, German, French, Spanish, Italian, Portuguese, Dutch, Polish; lower case, without accents and punctuation."""

_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|hallo|guten (?:tag|morgen|abend)|sehr geehrte[rs]?|liebe[rs]?|moin|servus|bonjour|bonsoir|salut"
    r"|cher|chere|madame|monsieur|hola|buenos dias|buenas(?: tardes)?|estimad[oa]s?|ciao|salve|buongiorno|gentile|egregio"
    r"|ola|bom dia|boa tarde|prezad[oa]s?|beste|geachte|dag|dzien dobry|szanown[aiy]|czesc|witam)(?: [\w-]+){0,4}"
)
_THANKS = re.compile(
    r"(?:many |vielen |herzlichen |merci |muchas |mille |muito |hartelijk )?(?:no )?"
    r"(?:thanks|thank you|thx|ty|danke|dank|merci|merci beaucoup|gracias|grazie|obrigad[oa]|bedankt|dank u|dank je|dziekuje"
    r"|please|bitte|svp|por favor|per favore|aub|prosze)(?: (?:you|a lot|very much|schoen|im voraus|d avance|beaucoup|sehr))*"
)
_CLOSING = re.compile(
    r"(?:(?:kind|best|warm|many)? ?regards|best(?: wishes)?|cheers|sincerely|yours(?: \w+)?|thanks|thank you|mfg|lg|vg|gruss|gruesse"
    r"|(?:mit )?(?:freundlichen?|besten?|viele|herzliche|liebe|schoene) gru(?:ss|esse|essen)|cordialement|bien a vous"
    r"|(?:bien )?cordialement|salutations|saludos|un saludo|atentamente|cordiali saluti|distinti saluti|saluti|atenciosamente"
    r"|cumprimentos|abracos?|met vriendelijke groet(?:en)?|mvg|groet(?:en|jes)?|pozdrawiam|z powazaniem|danke|merci|gracias"
    r"|grazie|obrigad[oa]|dziekuje|bedankt)"
)
_DEVICE = re.compile(
    r"(?:sent|gesendet|envoye|enviado|inviato|verzonden|wyslan[eo]|verstuurd|get outlook|von meinem|vom meinem|desde mi|da "
    r"iphone|mobile)\b.*"
)
_BREAKS = re.compile(r"[.,;:!?\n\r\t()\u2026|]+|\s[-\u2013\u2014]+\s|\s(?:and|und|et|y|e|en|i|but|aber)\s")
_SPECIAL = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe"})


def only_opts_out(own_text: str) -> bool:
    """Whether an answer, without what it quotes, says nothing else than that no more mail is wanted."""
    if len(own_text) > OWN_TEXT_CHARACTERS_MAX:
        return False
    clauses = _clauses(own_text)
    if not clauses or len(clauses) > _CLAUSES_MAX:
        return False
    has_said, is_closed = False, False
    for clause in clauses:
        if _OPT_OUT.fullmatch(clause):
            has_said = True
        elif _CLOSING.fullmatch(clause) or _THANKS.fullmatch(clause):
            is_closed = is_closed or has_said
        elif _DEVICE.fullmatch(clause) or (is_closed and len(clause.split()) <= _NAME_WORDS_MAX):
            continue  # a name below the closing
        elif has_said or not _GREETING.fullmatch(clause):
            return False
    return has_said


def _clauses(text: str) -> list[str]:
    """Sentences and their parts, in plain lower-case letters."""
    parts = _BREAKS.split(text.casefold())
    return [plain for part in parts if (plain := _plain(part))]


def _plain(text: str) -> str:
    spelt = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_SPECIAL))
    kept = "".join(c for c in spelt if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w]+", " ", kept).split())
