"""Pages for people: plain ones, made here, without scripts."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from starlette.responses import HTMLResponse

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: the style sheet of this service, and nothing else."""

_LINKS = (("/dfview", "Dataflows"), ("/api", "API"), ("/dfview/help", "DfAnalyzer's messages"))


def text(value: object) -> str:
    """A value as text of a page or of an attribute: nothing in it is a tag."""
    return escape(str(value))


def style() -> str:
    """The style sheet."""
    return files("dlprov.service").joinpath("style.css").read_text(encoding="utf-8")


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A page with its frame. ``title`` is a text, ``body`` is HTML."""
    links = "".join(f'<a href="{path}">{text(name)}</a>' for path, name in _LINKS)
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title)}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><a class="name" href="/">dlprov</a><nav>{links}</nav></header>
<main>
{body}
</main>
</body>
</html>
""",
        status,
        {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table. ``head`` are texts, the cells of ``rows`` are HTML."""
    titles = "".join(f"<th>{text(title)}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"
