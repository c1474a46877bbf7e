"""EPUBs of a few lines, as other programs write them."""

from __future__ import annotations

import html
import zipfile
from collections.abc import Mapping
from pathlib import Path

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""
OLD_ID = "urn:uuid:7b1c2a34-0000-4000-8000-000000000001"
STYLE = ".dropcap { float: left; font-size: 3em; }\n"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "f8cf500f0003860180a4b9b2c50000000049454e44ae426082"
)


def page(body: str, title: str = "A page") -> str:
    """A page of an EPUB 3. body: XHTML"""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
        f'lang="en-GB" xml:lang="en-GB">\n<head><title>{title}</title>'
        '<link rel="stylesheet" type="text/css" href="../style.css"/></head>\n'
        f"<body>{body}</body>\n</html>"
    )


def write_epub(
    path: Path,
    pages: Mapping[str, str],
    *,
    title: str = "The Tiny Book",
    authors: tuple[str, ...] = ("No Body",),
    more: Mapping[str, str | bytes] | None = None,
    metadata: str = "",
    language: str = "en-GB",
) -> Path:
    """An EPUB 3 of pages (name below OEBPS/text -> XHTML), in this order, with a style, a
    picture and a cover. more: other files, by their whole names"""
    items = [
        f'<item id="page{n}" href="text/{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(pages)
    ]
    creators = "".join(f"<dc:creator>{html.escape(name)}</dc:creator>" for name in authors)
    package = f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:isbn:9780000000000</dc:identifier>
<dc:title>{html.escape(title)}</dc:title>{creators}<dc:language>{language}</dc:language>
<meta property="dcterms:modified">2020-01-01T00:00:00Z</meta>{metadata}
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="style" href="style.css" media-type="text/css"/>
<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>
{"".join(items)}
</manifest>
<spine>{"".join(f'<itemref idref="page{n}"/>' for n in range(len(pages)))}</spine>
</package>"""
    links = "".join(f'<li><a href="text/{name}">{name}</a></li>' for name in pages)
    nav = page(f'<nav epub:type="toc"><ol>{links}</ol></nav>').replace("../style", "style")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        files = {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": package,
            "OEBPS/nav.xhtml": nav,
            "OEBPS/style.css": STYLE,
            "OEBPS/cover.png": PIXEL,
            **{f"OEBPS/text/{name}": text for name, text in pages.items()},
            **(more or {}),
        }
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_epub2(path: Path, pages: Mapping[str, str], *, wrapped: bool = False) -> Path:
    """An EPUB 2 as converters write it. pages: name -> the body of an XHTML 1.1 page; wrapped:
    its metadata, as in the first packages"""
    start, end = ("<dc-metadata>", "</dc-metadata>") if wrapped else ("", "")
    items = "".join(
        f'<item id="p{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(pages)
    )
    points = "".join(
        f'<navPoint id="n{n}" playOrder="{n + 1}"><navLabel><text>Chapter {n + 1} &amp; on</text>'
        f'</navLabel><content src="{name}"/></navPoint>'
        for n, name in enumerate(pages)
    )
    package = f"""<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="uid">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
{start}<dc:title>The Old Book</dc:title>
<dc:creator opf:role="aut" opf:file-as="Body, No">No Body</dc:creator>
<dc:contributor opf:role="bkp">a converter</dc:contributor>
<dc:language>en</dc:language>
<dc:identifier id="uid" opf:scheme="uuid">{OLD_ID}</dc:identifier>
<dc:date opf:event="publication">1901</dc:date>
<dc:date opf:event="modification">2010-01-01</dc:date>{end}
<meta name="cover" content="cover"/>
</metadata>
<manifest><item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="cover" href="cover.png" media-type="image/png"/>{items}</manifest>
<spine toc="ncx">{"".join(f'<itemref idref="p{n}"/>' for n in range(len(pages)))}</spine>
<guide><reference type="text" title="Start" href="{next(iter(pages))}"/></guide>
</package>"""
    ncx = f"""<?xml version="1.0" encoding="UTF-8"?>
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1">
<head><meta name="dtb:uid" content="{OLD_ID}"/></head>
<docTitle><text>The Old Book</text></docTitle><navMap>{points}</navMap></ncx>"""
    heads = (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" '
        '"http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head>'
        '<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>'
        "<title>Old</title></head><body>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER.replace("OEBPS/", ""))
        archive.writestr("content.opf", package)
        archive.writestr("toc.ncx", ncx)
        archive.writestr("cover.png", PIXEL)
        for name, body in pages.items():
            archive.writestr(name, f"{heads}{body}</body></html>")
    return path
