"""The site that MkDocs builds of docs/: strictly, whole, and without anything from elsewhere."""

import html.parser
import importlib.util
import os
import re
import subprocess
import sys

import pytest

from memkit import cli, proxies, records
from tests.docs import pages

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    pytest.importorskip("material", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=pages.ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


class _Loads(html.parser.HTMLParser):
    """Collects the addresses that a browser fetches for a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "link" and attrs["rel"] != "canonical":
            self.found.append(attrs["href"])
        elif tag in LOADED and LOADED[tag] in attrs:
            self.found.append(attrs[LOADED[tag]])


@pytest.mark.slow
def test_pages_load_only_files_of_the_site(site):
    files = list(site.rglob("*.html"))
    assert len(files) > len(list((pages.ROOT / "docs").rglob("*.md")))
    for file in files:
        parser = _Loads()
        parser.feed(file.read_text())
        assert parser.found
        for address in parser.found:
            if file.name == "404.html":  # The one page that any address can show.
                assert not re.match("[a-z]+:|//", address), (file, address)
            elif not address.startswith("data:"):
                assert (file.parent / address.partition("?")[0]).resolve().exists(), (file, address)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"@import|url\(['\"]?(https?:|//)", sheet.read_text()), sheet


@pytest.mark.slow
def test_search_needs_neither_server_nor_network(site, browser):
    page, requests, errors = browser.new_page(), [], []
    page.set_default_timeout(0)
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.get_by_placeholder("Search").click()
    page.keyboard.type("Newcombe")
    page.wait_for_selector(".md-search-result__item")
    results = page.locator(".md-search-result__item").all_inner_texts()
    page.close()
    assert any("Methods" in text for text in results)
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.slow
def test_generated_parts_hold_what_the_code_has(site):
    commands = (site / "cli.html").read_text()
    for verb in cli.VERBS:
        assert f'id="memkit-{verb}"' in commands
    assert "--workdir=..." in commands
    files = (site / "files.html").read_text()
    for name in (*records.SCHEMA, *records.INFO):
        assert f"<code>{name}</code>" in files
    methods = (site / "methods.html").read_text()
    for name in proxies.PROXIES:
        assert f"<td>{proxies.label(name)}</td>" in methods
    configs = (site / "configs.html").read_text()
    for path in (pages.ROOT / "configs").glob("[a-z]*.py"):
        assert (f'id="{path.stem}"' in configs) == (path.stem != "common")
    estimators = (site / "api" / "estimators.html").read_text()
    assert 'id="memkit.estimators.influence.pairs"' in estimators
    for page in site.rglob("*.html"):
        assert "generated:" not in page.read_text(), page


def test_a_mark_that_nothing_fills_is_an_error():
    spec = importlib.util.spec_from_file_location("hooks", pages.ROOT / "docs" / "hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    assert hooks.on_page_markdown("a\n<!-- generated: names -->\n").startswith("a\n| field |")
    with pytest.raises(KeyError, match="nothing"):
        hooks.on_page_markdown("<!-- generated: nothing -->")


def _anchors(text):
    """Returns the anchors that GitHub gives the headings: no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_links_of_the_readme_lead_to_files_and_headings():
    text = (pages.ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", text)
    of_project = [link for link in map("".join, links) if not link.startswith("https://")]
    assert len(of_project) > 5
    for link in of_project:
        path, _, anchor = link.partition("#")
        target = pages.ROOT / path
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target.read_text()), link


def test_pictures_are_shown_and_small():
    texts = [page.read_text() for page in pages.PAGES]
    shown = {name for text in texts for name in re.findall(r"images/(\w+\.png)", text)}
    files = list((pages.ROOT / "docs" / "images").iterdir())
    assert {file.name for file in files} == shown
    for file in files:
        assert file.stat().st_size < 50_000, file
