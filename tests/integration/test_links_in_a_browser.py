"""Tracked links against a real browser: whatever an author writes, a click leads where it led without tracking."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadmill.domain.send_references import LinkKind, send_id_of_token, unsubscribe_url
from tests.unit.test_content import EDGE, FOOTER, KEY, compiled, render

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

PAGE = ('<!doctype html><html><head><meta charset="utf-8"></head><body>', "</body></html>")
TEXT = "{{ postal_address }} {{ unsubscribe_url }}"
WRITTEN_FOOTER = FOOTER.replace("{{ postal_address }}", "Main Street 1<br>10115 Berlin").replace(
    "{{ unsubscribe_url }}", unsubscribe_url(EDGE, 42, KEY)
)
LINKS = """html => {
    const opened = url => { try { return new URL(url).href } catch { return null } }
    const page = new DOMParser().parseFromString(html, 'text/html')
    return [...page.querySelectorAll('a[href], area[href]')].map(link => {
        const url = opened(link.getAttribute('href'))
        const target = url && url.startsWith('https://edge.acme.test/c/') ? new URL(url).searchParams.get('u') : null
        return {url, target, leads: target === null ? url : opened(target)}
    })
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser.new_page()
        browser.close()


URLS = st.lists(
    st.sampled_from(
        [
            *(
                "https://one.test",
                "http://two.test/",
                "HTTPS://Three.test/p",
                "https:",
                "//",
                "/",
                "\\",
                "mailto:a@b.test",
            ),
            *(
                "?",
                "&",
                "=",
                "#",
                ";",
                "id=1",
                "&section=2",
                "&copy=3",
                "&param",
                "&notit;",
                "&lt",
                "&amp;",
                "&amp",
                "&para",
            ),
            *("&#38;", "&#x26", "&#104;ttps://four.test", "&Tab;", "&NewLine;", "&colon;", "&sol;", "&#0;", "&#128;"),
            *(
                " ",
                "\t",
                "\n",
                "\r\n",
                "\x0c",
                "\xa0",
                "\x01",
                "%20",
                "%",
                "+",
                "ü",
                "日",
                "bücher.test",
                "javascript:1",
            ),
            *("a", "B", "1", "@", ":8080", "[", "|", "~", "<", ">"),
        ]
    ),
    max_size=8,
).map("".join)
LINKED = st.builds(
    lambda begin, url, end: f"{begin}{url}{end}",
    st.sampled_from(
        [
            *(
                '<a href="',
                "<a href='",
                "<a href=",
                '<A HREF = "',
                '<area href="',
                "<a\nhref\t=\n'",
                '<a/href="',
                "<a =",
            ),
            *(
                '<a class="x y"href="',
                '<a title="a > b" href="',
                "<a title=it's href=\"",
                '<a hrefx href="',
                '<a href href="',
            ),
            *(
                '<a href="https://first.test" href="',
                '<a href="" href="',
                '<!-- <a href="',
                "<p title=\"<a href='",
                '<a:b href="',
            ),
            *(
                '<a\xa0href="',
                '<b href="',
                '<a x=y/href="',
                "<a x= href='",
                '<a "x" href="',
                '<a<b href="',
                '<a x="y href="',
            ),
        ]
    ),
    URLS,
    st.sampled_from(['">', "'>", ">", '" target=_blank>', '"', "' x>", "-->", '"/>', " >", "'\">"]),
)


@given(
    html=st.lists(st.one_of(LINKED, LINKED, URLS, st.sampled_from(["</a>", "<p>", "x", '"', "'"])), max_size=4).map(
        "".join
    )
)
@example('<a href="https://shop.test/?id=1&section=2&region=EU&copy=3">')
@example('<a href="\n https://one.test/a b\tc ">')
@example("<a href=https://one.test/?a=1&lt=2>")
@example("<img src=\"https://one.test/?<a href='https://two.test'>\">")
@settings(max_examples=400, deadline=None)
def test_a_click_leads_where_the_author_s_link_led(page: Page, html: str) -> None:
    written = page.evaluate(LINKS, f"{html}{WRITTEN_FOOTER}".join(PAGE))
    tracked = page.evaluate(LINKS, render(compiled(html, body_text=TEXT)).html)
    assert [link["leads"] for link in tracked] == [link["leads"] for link in written]
    for link in tracked:
        if link["target"] is not None:
            token = urlsplit(link["url"]).path.rpartition("/")[2]
            assert send_id_of_token(LinkKind.CLICK, token, KEY, url=link["target"]) == 42


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://one.test/?a=1&section=2">',
        "<a href=https://one.test/?a=1>",
        "<A HREF = ' https://one.test/ '>",
        '<a/href="&#104;ttps://one.test/">',
        '<a class="x"href="https:\\\\one.test\\a">',
        '<area href="HTTPS://one.test">',
        '<a title="{{ company }}" href="https://one.test/?c={{ company }}">',
    ],
)
def test_every_way_to_write_a_web_link_is_tracked(page: Page, html: str) -> None:
    first = page.evaluate(LINKS, render(compiled(html), company="Acme & Co").html)[0]
    assert first["target"]


@given(company=st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=20))
@settings(max_examples=150, deadline=None)
def test_a_value_in_a_query_arrives_whole_whatever_it_holds(page: Page, company: str) -> None:
    html = render(compiled('<a href="https://one.test/?c={{ company }}&id=1#end">x</a>'), company=company).html
    url = page.evaluate(LINKS, html)[0]["leads"]
    found: dict[str, Any] = page.evaluate("url => Object.fromEntries(new URL(url).searchParams)", url)
    assert found == {"c": company, "id": "1"}
    assert url.endswith("#end")


@pytest.mark.parametrize("behind", ["", "?lang=de", "#now", "?c={{ company }}", " "])
def test_the_unsubscribe_link_is_never_tracked_whatever_stands_behind_it(page: Page, behind: str) -> None:
    html = render(compiled(f'<a href="{{{{ unsubscribe_url }}}}{behind}">x</a>'), company="A & B").html
    first = page.evaluate(LINKS, html)[0]
    assert first["target"] is None
    assert first["url"].startswith(unsubscribe_url(EDGE, 42, KEY))
