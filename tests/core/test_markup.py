"""The text of a release: what an author writes is what every reader sees, and nothing of it is markup but ours."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from distributor.core.markup import (
    Block,
    BlockKind,
    Entity,
    Span,
    Style,
    escape_markdown,
    from_entities,
    html,
    merge,
    parse,
    plain,
    safe_link,
    with_entities,
)
from distributor.core.text import normalise, utf16_length

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"])
    | st.sampled_from(list("*_~`[]()<>#+-.!\\&|>\"'123 აბ👮\n")),
    max_size=40,
)


def as_read(text: str) -> list[str]:
    """The lines of a text as Markdown keeps them: spaces at the edges of lines, and empty lines, mean nothing."""
    return [line.strip() for line in text.split("\n") if line.strip()]


@given(WORDS)
@example("1) first")
@example("- \n- x")
@example("# heading\n## other")
@example("> quoted")
@example("a\n---")
@example("a\n===")
@example("    indented")
@example("-")
@example("1.")
@example("&amp; &#42;")
@example("![x](y)")
@example("<b>x</b>")
@example("https://example.org/a_b_c*d*")
@example("+ plus\n+")
def test_escaped_text_parses_back_to_itself(text: str) -> None:
    text = normalise(text)
    blocks = parse(escape_markdown(text))
    assert as_read(plain(blocks)) == as_read(text)
    assert all(block.kind is BlockKind.PARAGRAPH for block in blocks)
    assert all(not span.styles and not span.href for block in blocks for span in block.spans)


TAGS = {"p", "h2", "blockquote", "ul", "ol", "li", "strong", "em", "s", "code", "a", "br"}


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")


@given(WORDS)
@example("<script>alert(1)</script>")
@example('[x](<https://a.example/"onmouseover="alert(1)>)')
@example("[x](javascript:alert(1))")
@example("<!-- x -->")
@example("**<img src=x onerror=alert(1)>**")
def test_f35_nothing_of_the_authors_is_markup(text: str) -> None:
    blocks = parse(text)
    reader = Reader()
    reader.feed(html(blocks))
    reader.close()
    for tag, attributes in reader.tags:
        assert tag in TAGS
        assert set(attributes) <= {"a": {"href"}, "ol": {"start"}}.get(tag, set())
        if tag == "a":
            assert safe_link(str(attributes["href"]))
    shown = "".join(reader.words)
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", "".join(s.text for b in blocks for s in b.spans))


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//example.org/x",
        "/relative",
        "https://",
        "http:example.org",
        "mailto:",
        "java\tscript:alert(1)",
        "ftp://example.org",
    ],
)
def test_f35_a_link_that_may_not_be_followed_keeps_its_words_and_loses_the_address(href: str) -> None:
    assert safe_link(href) == ""
    (block,) = parse(f"[words](<{href}>)")
    assert "words" in plain([block])
    assert all(not span.href for span in block.spans)
    assert "href" not in html([block])
    assert with_entities([block])[1] == ()


@pytest.mark.parametrize("tail", ["[broken", "a.ge/a\nb", "a.ge/\x00", "a.ge/\u202egpj.exe", "a.ge/ b", "a.ge/<b>"])
def test_an_address_that_hides_something_is_no_link_and_never_leaves_a_message_as_one(tail: str) -> None:
    assert safe_link(f"https://{tail}") == ""
    assert from_entities("words", [Entity("text_link", 0, 5, f"https://{tail}")]) == "words"


@pytest.mark.parametrize("href", ["https://a.ge/?a=1&copy;=2", "https://a.ge/x_(y)*z*", "https://a.ge/a%20b"])
def test_the_address_of_a_message_comes_through_unchanged(href: str) -> None:
    made = from_entities("see words", [Entity("text_link", 4, 5, href)])
    assert with_entities(parse(made)) == ("see words", (Entity("text_link", 4, 5, href),))


@pytest.mark.parametrize(
    "href", ["https://police.ge/x?a=1&b=2", "http://example.org", "mailto:press@mia.example", "tel:+995112"]
)
def test_a_link_that_may_be_followed_stays(href: str) -> None:
    (block,) = parse(f"[words](<{href}>)")
    assert [span.href for span in block.spans] == [href]
    assert unescape(html([block])) == f'<p><a href="{href}">words</a></p>'
    assert plain([block], links=True) == f"words ({href})"


def test_blocks_of_every_kind_as_text_and_as_html() -> None:
    source = "# Head\n\nOne **bold** *it* ~~no~~ `code`\nsecond line\n\n- a\n- b\n\n3. c\n4. d\n\n> quote\n"
    blocks = parse(source)
    assert plain(blocks) == "Head\n\nOne bold it no code\nsecond line\n\n• a\n• b\n3. c\n4. d\n\nquote"
    assert html(blocks) == (
        "<h2>Head</h2><p>One <strong>bold</strong> <em>it</em> <s>no</s> <code>code</code><br>second line</p>"
        '<ul><li>a</li><li>b</li></ul><ol start="3"><li>c</li><li>d</li></ol><blockquote>quote</blockquote>'
    )


def test_entities_are_counted_in_utf16_units() -> None:
    text, entities = with_entities(parse("👮 **მაშველი** [ბმული](https://police.ge)"))
    assert text == "👮 მაშველი ბმული"
    assert entities == (Entity("bold", 3, 7), Entity("text_link", 11, 5, "https://police.ge"))


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, list[Entity]]:
    """A message as Telegram gives it: paragraphs of words, entities over whole words."""
    words = draw(
        st.lists(st.sampled_from(["აბგ", "two", "👮ok", "a*b", "x_y", "[z]", "1.", "#t"]), min_size=1, max_size=8)
    )
    gaps = draw(st.lists(st.sampled_from([" ", " ", "\n", "\n\n"]), min_size=len(words), max_size=len(words)))
    text, starts = "", []
    for word, gap in zip(words, gaps, strict=True):
        starts.append((utf16_length(text), utf16_length(text + word)))
        text += word + gap
    entities = []
    for kind in ("bold", "italic", "strikethrough", "text_link"):
        if draw(st.booleans()):
            first = draw(st.integers(0, len(words) - 1))
            last = draw(st.integers(first, len(words) - 1))
            begin, end = starts[first][0], starts[last][1]
            entities.append(Entity(kind, begin, end - begin, "https://police.ge/" if kind == "text_link" else ""))
    return text, entities


def styled(text: str, entities: list[Entity] | tuple[Entity, ...]) -> list[tuple[str, frozenset[str]]]:
    """Every character that is not white, with the kinds that cover it."""
    found, at = [], 0
    for char in text:
        size = utf16_length(char)
        kinds = frozenset(e.kind for e in entities if e.offset <= at and at + size <= e.offset + e.length)
        if not char.isspace():
            found.append((char, kinds))
        at += size
    return found


@given(messages())
def test_a_message_keeps_its_styles_through_markdown(message: tuple[str, list[Entity]]) -> None:
    text, entities = message
    back, kept = with_entities(parse(from_entities(text, entities)))
    assert styled(back, kept) == styled(text, entities)


def test_a_message_with_code_keeps_its_code() -> None:
    text = "call a*b_c` now"
    back, kept = with_entities(parse(from_entities(text, [Entity("code", 5, 6)])))
    assert styled(back, kept) == styled(text, [Entity("code", 5, 6)])


@given(st.text(max_size=20), st.lists(st.tuples(st.sampled_from(["bold", "text_link", "code", "spoiler"]),
       st.integers(-3, 30), st.integers(-3, 30)), max_size=4))  # fmt: skip
def test_odd_entities_never_break_a_message(text: str, raw: list[tuple[str, int, int]]) -> None:
    assume("\x00" not in text)
    made = from_entities(text, [Entity(kind, offset, length, "https://a.b/)>(x") for kind, offset, length in raw])
    assert isinstance(html(parse(made)), str)


def test_neighbouring_entities_are_joined() -> None:
    assert merge([Entity("bold", 3, 2), Entity("bold", 0, 3), Entity("italic", 0, 5)]) == [
        Entity("bold", 0, 5),
        Entity("italic", 0, 5),
    ]


def test_styles_of_a_span_are_nested_in_one_order() -> None:
    block = Block(BlockKind.PARAGRAPH, (Span("x", frozenset({Style.ITALIC, Style.BOLD})),))
    assert html([block]) == "<p><em><strong>x</strong></em></p>"
