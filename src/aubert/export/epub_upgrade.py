"""An EPUB 2 as an EPUB 3: the package, the contents, and what HTML 5 took out of pages.

EPUB 3.3 (W3C), "Package document", "Navigation document"; HTML Standard, "Obsolete features":
what these no longer allow is written in the way that they name instead.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator, Mapping

from lxml import etree

from aubert.export.epub_overlay import relative_href
from aubert.export.epub_zip import serialised
from aubert.text.epub import NS, Epub
from aubert.text.markup import XHTML, local_name

DOCTYPE = "<!DOCTYPE html>"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_NCX = "application/x-dtbncx+xml"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_CENTRED = "margin-left: auto; margin-right: auto"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

# Element -> what it is now, and its style.
_ELEMENTS = {
    "acronym": ("abbr", ""),
    "big": ("span", "font-size: larger"),
    "center": ("div", "text-align: center"),
    "dir": ("ul", ""),
    "font": ("span", ""),
    "strike": ("s", ""),
    "tt": ("span", "font-family: monospace"),
}
# Attribute -> the style that does the same. {0}: its value, {1}: as a length
_STYLES = {
    "align": "text-align: {0}",
    "bgcolor": "background-color: {0}",
    "border": "border: {1} solid",
    "cellspacing": "border-spacing: {1}",
    "clear": "clear: {0}",
    "color": "color: {0}",
    "face": "font-family: {0}",
    "height": "height: {1}",
    "hspace": "margin-left: {1}; margin-right: {1}",
    "nowrap": "white-space: nowrap",
    "text": "color: {0}",
    "valign": "vertical-align: {0}",
    "vspace": "margin-top: {1}; margin-bottom: {1}",
    "width": "width: {1}",
}
# Attributes that do nothing any more.
_GONE = (
    "alink", "axis", "background", "cellpadding", "char", "charoff", "charset", "compact", "frame",
    "language", "link", "longdesc", "marginheight", "marginwidth", "noshade", "profile", "rev",
    "rules", "scheme", "scope", "size", "summary", "version", "vlink",
)  # fmt: skip
# Elements that still have attributes of these names.
_KEPT = {
    "width": ("canvas", "embed", "iframe", "img", "input", "object", "video"),
    "height": ("canvas", "embed", "iframe", "img", "input", "object", "video"),
    "charset": ("meta",),
    "scope": ("th",),
    "size": ("input", "select"),
}
_FLOATS = ("img", "object", "table")  # that `align` moves, not their text
_PROPERTIES = {"svg": "svg", "math": "mathml", "script": "scripted"}  # by what a page holds


def upgraded(epub: Epub, roots: Mapping[str, etree._Element]) -> dict[str, bytes]:
    """Makes an EPUB 3 of an EPUB 2: changes its package and its pages, and returns the files that
    are new or other than they were. roots: of pages that are parsed already"""
    changed = {}
    for item in epub.items.values():
        if "html" in item.media_type and item.path in epub:
            root = roots.get(item.path)
            if root is None:
                root = epub.parse(item.path)
            _upgrade_page(root, item.element)
            changed[item.path] = serialised(root, DOCTYPE)
    path = posixpath.join(posixpath.dirname(epub.package_path), "nav.xhtml")
    while path in epub:
        path = posixpath.join(posixpath.dirname(path), f"epub3-{posixpath.basename(path)}")
    changed[path] = _nav(epub, path)
    _upgrade_package(epub, path)
    return changed


# --- pages


def _upgrade_page(root: etree._Element, item: etree._Element) -> None:
    """Changes a page of an EPUB 2 into one of an EPUB 3, and its item in the manifest."""
    for element in list(root.iter(f"{{{XHTML}}}*")):
        tag = local_name(element)
        # The encoding is XML's own to tell.
        if tag in ("basefont", "isindex") or (tag == "meta" and element.get("http-equiv")):
            _remove(element)
            continue
        styles = list(_styles(element, tag))
        if tag in _ELEMENTS:
            name, style = _ELEMENTS[tag]
            element.tag = f"{{{XHTML}}}{name}"
            styles += filter(None, [style])
        if tag == "a" and (name := element.attrib.pop("name", None)):
            element.set("id", element.get("id") or name)
        if tag in ("ul", "li"):
            element.attrib.pop("type", None)
        if styles:
            own = element.get("style", "").strip().rstrip(";")
            element.set("style", "; ".join(filter(None, [*styles, own])))
    if (language := root.get(_LANG)) and not root.get("lang"):
        root.set("lang", language)
    item.set("media-type", "application/xhtml+xml")
    holds = {local_name(element) for element in root.iter()}
    if properties := [name for tag, name in _PROPERTIES.items() if tag in holds]:
        item.set("properties", " ".join(properties))


def _styles(element: etree._Element, tag: str) -> Iterator[str]:
    """Takes obsolete attributes from the element; yields the styles that do the same."""
    for name in [name for name in element.attrib if name in _STYLES or name in _GONE]:
        value = element.get(name)
        if tag in _KEPT.get(name, ()) and (value.isdigit() or name == "scope"):
            continue
        del element.attrib[name]
        value = re.sub(r"[;{}\"\\]", "", value).strip()
        style = _STYLES.get(name) if value else None
        if name == "align" and tag in _FLOATS:
            is_side = value.lower() in ("left", "right")
            is_centred = tag == "table" and value.lower() in ("center", "middle")
            style = "float: {0}" if is_side else _CENTRED if is_centred else None
        if name == "clear" and value.lower() == "all":
            value = "both"
        if style:
            yield style.format(value, f"{value}px" if value.isdigit() else value)


def _remove(element: etree._Element) -> None:
    """Takes an element out, and leaves the text behind it."""
    above, before = element.getparent(), element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        above.text = (above.text or "") + (element.tail or "")
    above.remove(element)


# --- the package


def _upgrade_package(epub: Epub, nav_path: str) -> None:
    """Makes an EPUB 3's of the package document. nav_path: the navigation's name in the EPUB"""
    package = epub.package
    package.set("version", "3.0")
    metadata = package.find("opf:metadata", NS)
    for wrapper in metadata.xpath("opf:dc-metadata | opf:x-metadata", namespaces=NS):
        metadata.extend(list(wrapper))
        metadata.remove(wrapper)
    _upgrade_metadata(package, metadata)
    for tours in package.findall("opf:tours", NS):
        package.remove(tours)
    manifest = package.find("opf:manifest", NS)
    for item in manifest.findall("opf:item", NS):
        for name in ("required-namespace", "required-modules", "fallback-style"):
            item.attrib.pop(name, None)
    for cover in metadata.xpath("opf:meta[@name='cover']", namespaces=NS):
        item = epub.items.get(cover.get("content", ""))
        if item and item.media_type.startswith("image/"):
            item.element.set("properties", "cover-image")
    etree.SubElement(manifest, f"{_OPF}item", {
        "id": _free_id(package, "nav"),
        "href": relative_href(nav_path, epub.package_path),
        "media-type": "application/xhtml+xml",
        "properties": "nav",
    })  # fmt: skip


def _upgrade_metadata(package: etree._Element, metadata: etree._Element) -> None:
    """opf's attributes of Dublin Core's elements as elements that refine them."""
    for element in metadata.findall(f"{_DC}*"):
        stated = {name: element.attrib.pop(f"{_OPF}{name}", None)
                  for name in ("role", "file-as", "scheme", "event")}  # fmt: skip
        element.attrib.pop(_XSI_TYPE, None)
        # An EPUB 3 has one date, of its publication.
        if not (element.text or "").strip() or stated["event"] not in (None, "publication"):
            metadata.remove(element)
            continue
        for name in ("role", "file-as"):
            if stated[name]:
                _refine(package, element, name, stated[name])
    for extra in metadata.findall(f"{_DC}date")[1:]:
        metadata.remove(extra)
    for meta in metadata.findall("opf:meta", NS):
        if meta.get("property") is None and not (meta.get("name") and meta.get("content")):
            metadata.remove(meta)


def _refine(package: etree._Element, element: etree._Element, name: str, value: str) -> None:
    if not element.get("id"):
        element.set("id", _free_id(package, "of"))
    attributes = {"refines": f"#{element.get('id')}", "property": name}
    if name == "role":
        attributes["scheme"] = "marc:relators"
    meta = etree.Element(f"{_OPF}meta", attributes)
    meta.text = value
    element.addnext(meta)


def _free_id(package: etree._Element, name: str) -> str:
    ids = {element.get("id") for element in package.iter()}
    return next(one for one in (f"{name}{n}" for n in range(1, 10**9)) if one not in ids)


# --- the contents


def _nav(epub: Epub, path: str) -> bytes:
    """The navigation document, from the NCX of an EPUB 2, or from its pages. path: its name"""
    entries = _from_ncx(epub, path) or "".join(
        _entry(relative_href(item.path, path), item.path.rpartition("/")[2]) + "</li>"
        for item in epub.spine
    )
    titles = epub.metadata("title")
    title = html.escape(" ".join((titles[0].text if titles else epub.path.stem).split()))
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{DOCTYPE}\n<html xmlns="{XHTML}" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body>'
        f'<nav epub:type="toc" id="toc"><h1>{title}</h1><ol>{entries}</ol></nav></body></html>\n'
    ).encode()


def _from_ncx(epub: Epub, path: str) -> str:
    ncx = next((one for one in epub.items.values() if one.media_type == _NCX), None)
    if ncx is None or ncx.path not in epub:
        return ""
    points = epub.parse(ncx.path).find("{*}navMap")
    return "" if points is None else "".join(_points(epub, points, ncx.path, path))


def _points(epub: Epub, above: etree._Element, ncx: str, path: str) -> Iterator[str]:
    for point in above.iterfind("{*}navPoint"):
        label, content = point.find("{*}navLabel"), point.find("{*}content")
        source = content.get("src", "") if content is not None else ""
        target = epub.resolve(source, ncx)
        inside = "".join(_points(epub, point, ncx, path))
        if target not in epub:
            yield inside
            continue
        text = " ".join("".join(label.itertext()).split()) if label is not None else ""
        place = source.partition("#")[2]
        address = relative_href(target, path) + (f"#{place}" if place else "")
        yield _entry(address, text or target.rpartition("/")[2])
        yield (f"<ol>{inside}</ol>" if inside else "") + "</li>"


def _entry(address: str, text: str) -> str:
    return f'<li><a href="{html.escape(address)}">{html.escape(text)}</a>'
