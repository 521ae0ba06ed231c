"""Which column of a lead file holds what: by its name, and where names say nothing, by its content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leadmill.domain.countries import country_code, folded
from leadmill.domain.lead_words import known_basis, time_zone_name


class Field(StrEnum):
    """What Leadmill knows of a lead; every other column is kept under its own name in the lead's attributes."""

    EMAIL = "email"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    COMPANY = "company"
    JOB_TITLE = "job_title"
    INDUSTRY = "industry"
    CATEGORY = "category"
    EMPLOYEE_COUNT = "employee_count"
    PHONE = "phone"
    WEBSITE = "website"
    COUNTRY = "country"
    REGION = "region"
    CITY = "city"
    TIME_ZONE = "time_zone"
    SOURCE = "source"
    LEGAL_BASIS = "legal_basis"
    CONSENT_AT = "consent_at"
    STATUS = "status"
    OPTED_OUT = "opted_out"


# Column names per field, best first, separated by commas. English, German, French, Spanish, Italian, Portuguese, Dutch
# and Polish, and the exports of Mailchimp, HubSpot, Salesforce, Apollo, Pipedrive, LinkedIn and Brevo.
_NAMES: Mapping[Field, str] = {
    Field.EMAIL: "email, email address, e-mail, e mail address, work email, business email, contact email, "
    "email 1, primary email, person email, mail, mail address, email id, email addr, subscriber, e-mail-adresse, "
    "emailadresse, mailadresse, adresse email, adresse e-mail, adresse mail, courriel, adresse electronique, "
    "correo, correo electronico, direccion de correo, direccion de correo electronico, indirizzo email, "
    "indirizzo e-mail, posta elettronica, endereco de email, correio eletronico, e-mailadres, adres email, "
    "adres e-mail, poczta, secondary email, personal email",
    Field.FIRST_NAME: "first name, firstname, fname, given name, forename, name first, vorname, prenom, nombre, "
    "primer nombre, nome, primeiro nome, voornaam, imie",
    Field.LAST_NAME: "last name, lastname, lname, surname, family name, name last, second name, nachname, "
    "familienname, nom, nom de famille, apellido, apellidos, cognome, sobrenome, apelido, achternaam, nazwisko",
    Field.FULL_NAME: "full name, fullname, name, contact name, contact, person, lead name, display name, "
    "nom complet, nombre completo, nome completo, nome e cognome, volledige naam, imie i nazwisko, "
    "vor- und nachname, ansprechpartner",
    Field.COMPANY: "company, company name, organization, organisation, organization name, organisation name, "
    "account, account name, employer, business, business name, associated company, current company, firma, "
    "unternehmen, firmenname, entreprise, societe, empresa, compania, azienda, societa, ditta, bedrijf, "
    "bedrijfsnaam, nazwa firmy",
    Field.JOB_TITLE: "job title, title, jobtitle, position, role, job, job role, designation, function, headline, "
    "current position, berufsbezeichnung, stelle, funktion, poste, fonction, cargo, puesto, ruolo, posizione, "
    "qualifica, funcao, functie, functietitel, stanowisko",
    Field.INDUSTRY: "industry, sector, branche, industrie, secteur, secteur d'activite, sector de actividad, "
    "industria, settore, setor, bransche, branza, company industry, vertical",
    Field.CATEGORY: "category, segment, lead category, list, lead segment, kategorie, categorie, categoria, kategoria",
    Field.EMPLOYEE_COUNT: "employee count, employees, number of employees, no of employees, company size, "
    "headcount, num employees, employee range, company headcount, staff, size, mitarbeiter, mitarbeiterzahl, "
    "anzahl mitarbeiter, effectif, nombre d'employes, nombre de salaries, empleados, numero de empleados, "
    "dipendenti, numero dipendenti, funcionarios, numero de funcionarios, medewerkers, aantal medewerkers, "
    "liczba pracownikow",
    Field.PHONE: "phone, phone number, work phone, work direct phone, mobile phone, mobile, telephone, tel, "
    "telephone number, corporate phone, other phone, home phone, cell, cell phone, sms, telefon, telefonnummer, "
    "handy, telefone, telefono, numero de telephone, portable, celular, movil, cellulare, telefoon, "
    "telefoonnummer, numer telefonu",
    Field.WEBSITE: "website, website url, web site, web, url, homepage, company website, domain, "
    "company domain name, company domain, webseite, site web, site internet, sitio web, pagina web, sito web, "
    "sito, site, strona www",
    Field.COUNTRY: "country, country code, country region, country or region, cc, country name, mailing country, "
    "country iso, land, laendercode, landescode, pays, code pays, pais, paese, nazione, kraj",
    Field.REGION: "region, state, state region, province, state or region, state province, mailing state, "
    "mailing state province, county, bundesland, departement, provincia, estado, comunidad autonoma, regione, "
    "provincie, wojewodztwo",
    Field.CITY: "city, town, mailing city, locality, stadt, ort, ville, ciudad, poblacion, citta, cidade, stad, "
    "plaats, woonplaats, miasto",
    Field.TIME_ZONE: "time zone, timezone, tz, tz name, iana time zone, zeitzone, fuseau horaire, zona horaria, "
    "fuso orario, fuso horario, tijdzone, strefa czasowa",
    Field.SOURCE: "source, lead source, original source, contact source, origin, utm source, quelle, herkunft, "
    "origine, fuente, origen, fonte, origem, bron, zrodlo",
    Field.LEGAL_BASIS: "legal basis, lawful basis, legal basis for processing contact's data, "
    "legal basis for processing contacts data, consent, consent basis, consent type, gdpr basis, gdpr, opt in, "
    "optin, opt in status, consent status, rechtsgrundlage, einwilligung, base legale, consentement, base legal, "
    "base juridica, consentimiento, base giuridica, consenso, consentimento, rechtsgrond, toestemming, "
    "podstawa prawna, zgoda",
    Field.CONSENT_AT: "consent at, consent time, consent date, consented at, consent timestamp, confirm time, "
    "optin time, opt in time, opt in date, optin date, opt in timestamp, subscribed at, subscription date, "
    "date subscribed, einwilligung am, datum der einwilligung, date du consentement, fecha de consentimiento, "
    "data consenso, data do consentimento, datum toestemming, data zgody",
    Field.STATUS: "status, subscription status, email status, member status, subscriber status, contact status, "
    "email marketing status, statut, estado de suscripcion, stato",
    Field.OPTED_OUT: "opted out, opt out, optout, email opt out, has opted out of email, hasoptedoutofemail, "
    "unsubscribed, unsubscribed from all email, unsubscribed at, unsub time, unsubscribe date, unsubscribe time, "
    "do not email, do not contact, do not mail, dnc, is unsubscribed, email blacklisted, blacklisted, clean time, "
    "invalid email address, opt out date, abgemeldet, abgemeldet am, desabonne, desinscrit, dado de baja, "
    "cancelado, disiscritto, descadastrado, uitgeschreven, wypisany",
}
# Fields that may be filled from several columns, each row from the first that holds something: Mailchimp has the time
# of opting in and of confirming, Apollo five kinds of phone. An opt-out in any of its columns counts.
_SEVERAL = frozenset({Field.PHONE, Field.CONSENT_AT, Field.OPTED_OUT, Field.STATUS})

_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,24}")
_WEBSITE = re.compile(r"(https?://|www\.)\S+", re.IGNORECASE)
_CELL_START = 500
_MOSTLY = 0.8
_MOSTLY_ADDRESSES = 0.6
_ENOUGH_VALUES = 3


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Fields with the columns (0-based) that fill them, best first; the other columns become attributes."""

    headers: tuple[str, ...]
    columns: Mapping[Field, tuple[int, ...]]

    def has(self, field: Field) -> bool:
        """Whether some column fills the field."""
        return field in self.columns

    @property
    def unmapped(self) -> tuple[int, ...]:
        """Columns that fill no field."""
        used = {index for indexes in self.columns.values() for index in indexes}
        return tuple(index for index in range(len(self.headers)) if index not in used)

    def for_people(self) -> dict[str, list[str]]:
        """Fields with the names of their columns, as the ledger keeps it."""
        return {field.value: [self.headers[i] for i in indexes] for field, indexes in self.columns.items()}


def field_rank(header: str) -> tuple[Field, int] | None:
    """The field that a column of this name fills, and how well (0 is best); None for an unknown name."""
    return _RANKS.get(folded(header))


def looks_like_address(value: str) -> bool:
    """Whether a cell reads like an e-mail address; the row rules judge it in full later."""
    # Cut first: on a long text without an @ the search would look ahead from every letter.
    return "@" in value[:_CELL_START] and _ADDRESS.search(value[:_CELL_START]) is not None


def map_columns(headers: Sequence[str], samples: Sequence[Sequence[str]]) -> ColumnMapping:
    """Map columns to fields.

    Args:
        headers: One name per column; made-up names where the file has none.
        samples: For each column, non-blank values of its first rows.

    Returns:
        The mapping. A name decides before content does, but for the e-mail column: a column that is called e-mail
        and holds no address gives way to one that mostly holds addresses.
    """
    candidates: dict[Field, list[tuple[int, int]]] = {}
    for index, header in enumerate(headers):
        known = field_rank(header)
        if known is not None:
            candidates.setdefault(known[0], []).append((known[1], index))
    columns: dict[Field, tuple[int, ...]] = {}
    for field, ranked in candidates.items():
        indexes = tuple(index for _, index in sorted(ranked))
        columns[field] = indexes if field in _SEVERAL else indexes[:1]
    if Field.FIRST_NAME in columns or Field.LAST_NAME in columns:
        columns.pop(Field.FULL_NAME, None)
    _settle_email(columns, candidates.get(Field.EMAIL, []), samples)
    _map_by_content(columns, headers, samples)
    return ColumnMapping(tuple(headers), columns)


def _settle_email(
    columns: dict[Field, tuple[int, ...]], named: Sequence[tuple[int, int]], samples: Sequence[Sequence[str]]
) -> None:
    shares = [_share(looks_like_address, values) for values in samples]
    named_with_addresses = [index for _, index in sorted(named) if shares[index] > 0]
    by_content = max(range(len(samples)), key=lambda index: shares[index], default=0)
    if named_with_addresses:
        columns[Field.EMAIL] = (named_with_addresses[0],)
    elif samples and shares[by_content] >= _MOSTLY_ADDRESSES:
        for field in [field for field, indexes in columns.items() if by_content in indexes]:
            del columns[field]
        columns[Field.EMAIL] = (by_content,)


def _map_by_content(
    columns: dict[Field, tuple[int, ...]], headers: Sequence[str], samples: Sequence[Sequence[str]]
) -> None:
    used = {index for indexes in columns.values() for index in indexes}
    for field, test in _CONTENT_TESTS.items():
        if field in columns:
            continue
        for index in range(len(headers)):
            values = samples[index]
            if index not in used and len(values) >= _ENOUGH_VALUES and _share(test, values) >= _MOSTLY:
                columns[field] = (index,)
                used.add(index)
                break


def _share(test: Callable[[str], bool], values: Sequence[str]) -> float:
    return sum(map(test, values)) / len(values) if values else 0.0


def _rank_names() -> dict[str, tuple[Field, int]]:
    ranks: dict[str, tuple[Field, int]] = {}
    for field, names in _NAMES.items():
        for rank, name in enumerate(names.split(",")):
            ranks.setdefault(folded(name), (field, rank))
    return ranks


_RANKS = _rank_names()
_CONTENT_TESTS: Mapping[Field, Callable[[str], bool]] = {
    Field.TIME_ZONE: lambda value: "/" in value and time_zone_name(value) is not None,
    Field.COUNTRY: lambda value: country_code(value) is not None,
    Field.LEGAL_BASIS: known_basis,
    Field.WEBSITE: lambda value: _WEBSITE.fullmatch(value) is not None,
    Field.PHONE: lambda value: value.startswith("+") and _PHONE.fullmatch(value) is not None,
}
