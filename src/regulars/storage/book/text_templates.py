"""Templates of text messages that a program keeps here: every version as it was saved, none ever changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import text_templates


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTemplate:
    """One version of a template."""

    number: int
    version: int                             # from 1
    name: str
    content: str
    about: str                               # JSON: description, category
    saved_at: datetime                       # aware
    saved_by: str


@dataclass(frozen=True, slots=True)
class TextTemplateBook:
    """Templates by number and version."""

    database: Database

    def save(self, template: TextTemplate) -> TextTemplate:
        """Add a template (number 0), or the next version of one, and return it as it stands."""
        t = text_templates.c
        with self.database.writing() as connection:
            number = template.number or self.database.next_number(connection, "text_templates")
            last = connection.execute(
                sa.select(sa.func.max(t.version)).where(t.tenant == self.database.tenant, t.number == number)
            ).scalar()
            values = {name: getattr(template, name) for name in TextTemplate.__slots__}
            values |= {"number": number, "version": (last or 0) + 1}
            connection.execute(sa.insert(text_templates).values(tenant=self.database.tenant, **values))
        return TextTemplate(**values)

    def versions(self, number: int) -> list[TextTemplate]:
        """Return every version of a template, the newest first; none where there is no such template."""
        return sorted(self._found(text_templates.c.number == number), key=lambda one: -one.version)

    def latest(self) -> list[TextTemplate]:
        """Return the newest version of every template, by number."""
        newest = {one.number: one for one in sorted(self._found(), key=lambda one: one.version)}
        return [newest[number] for number in sorted(newest)]

    def _found(self, *where: sa.ColumnElement[bool]) -> list[TextTemplate]:
        t = text_templates.c
        query = sa.select(*(t[name] for name in TextTemplate.__slots__)).where(t.tenant == self.database.tenant, *where)
        with self.database.reading() as connection:
            return [TextTemplate(**row) for row in connection.execute(query).mappings()]
