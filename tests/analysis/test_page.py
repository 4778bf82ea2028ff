from html.parser import HTMLParser

from cgt.analysis.tables import write_tables
from cgt.analysis.tables.page import page

TEXT = """**Best & worst**, for *n* < 3
on two lines

| Dataset | Score |
| --- | ---: |
| A | **1 ± 2** |
| A | 3 |
| B | – |

The end.
"""


class Outline(HTMLParser):
    """Open tags, and whether every tag that has to be closed is."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_paragraphs_and_tables_are_read():
    text = page(TEXT, "a title")
    assert "<title>a title</title>" in text
    assert "<p><strong>Best &amp; worst</strong>, for <em>n</em> &lt; 3 on two lines</p>" in text
    assert '<tr><th>Dataset</th><th class="number">Score</th></tr>' in text
    assert '<tr><td>A</td><td class="number"><strong>1 ± 2</strong></td></tr>' in text
    assert text.index("</table>") < text.index("<p>The end.</p>")


def test_rows_with_the_same_first_cell_are_one_group():
    groups = page(TEXT, "").split("<tbody>")[1:]
    assert [group.count("<tr>") for group in groups] == [2, 1]


def test_every_table_is_written_as_a_well_formed_page(summary_dir, tmp_path):
    write_tables(summary_dir, tmp_path)
    sources = list(tmp_path.glob("*.md"))
    assert sources
    for source in sources:
        text = source.with_suffix(".html").read_text(encoding="utf-8")
        outline = Outline(text)
        assert outline.open == []
        rows = [line for line in source.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
        rules = [row for row in rows if row.startswith("| ---")]
        assert outline.seen.count("tr") == len(rows) - len(rules)
        body = text.partition("</style>")[2]
        assert "*" not in body and "|" not in body
