"""As much of XML Schema as the description of CAP 1.2 uses: sequences with counts, enumerations, patterns of texts."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

XS = "{http://www.w3.org/2001/XMLSchema}"


class Schema:
    """A schema, read from its file."""

    def __init__(self, path: Path) -> None:
        root = ET.parse(path).getroot()  # noqa: S314  # a file of ours
        self._space = root.get("targetNamespace", "")
        self._top = {one.get("name", ""): one for one in root.findall(f"{XS}element")}

    def faults(self, element: ET.Element) -> list[str]:
        """Everything in a document that the schema does not allow."""
        name = element.tag.removeprefix(f"{{{self._space}}}")
        return self._element(element, self._top[name], name) if name in self._top else [f"{name}: not known"]

    def _element(self, element: ET.Element, rule: ET.Element, where: str) -> list[str]:
        sequence = rule.find(f"{XS}complexType/{XS}sequence")
        if sequence is None:
            return [f"{where}: has parts"] if len(element) else self._text(element.text or "", rule, where)
        found, children = [], list(element)
        for part in sequence.findall(f"{XS}element"):
            name = part.get("name") or part.get("ref", "").partition(":")[2]
            told = self._top[name] if part.get("ref") else part
            count = 0
            while children and children[0].tag == f"{{{self._space}}}{name}":
                found += self._element(children.pop(0), told, f"{where}/{name}")
                count += 1
            most = part.get("maxOccurs", "1")
            if count < int(part.get("minOccurs", "1")) or (most != "unbounded" and count > int(most)):
                found.append(f"{where}/{name}: {count} times")
        return found + [f"{where}: {child.tag} does not belong here" for child in children]

    def _text(self, text: str, rule: ET.Element, where: str) -> list[str]:
        restriction = rule.find(f"{XS}simpleType/{XS}restriction")
        found = []
        if restriction is not None:
            words = [one.get("value") for one in restriction.findall(f"{XS}enumeration")]
            if words and text not in words:
                found.append(f"{where}: {text!r} is not of the list")
            pattern = restriction.find(f"{XS}pattern")
            if pattern is not None and not re.fullmatch(pattern.get("value", ""), text, re.ASCII):
                found.append(f"{where}: {text!r} has another form")
            if restriction.get("base") == "xs:dateTime":
                datetime.fromisoformat(text)
        if rule.get("type") == "xs:language" and not re.fullmatch(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*", text):
            found.append(f"{where}: {text!r} is no language")
        return found
