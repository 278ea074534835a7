"""Reads the file of a data export back with readers that are not ours and compares it, record by record, with what was loaded.

Arguments: the file, its format, the loaded records (a JSON object a line), the fields that were asked for (a JSON array; an empty one
means the default, given by the next argument), the names that the default has. Prints how many records there are.
"""
import csv
import io
import json
import sys
import xml.etree.ElementTree as xml
import zipfile
from datetime import datetime
from decimal import Decimal

path, kind, loaded, fields, default = sys.argv[1:]
fields = json.loads(fields) or json.loads(default)
BUILT_IN = {"id": "_id", "createdTime": "created", "updatedTime": "updated"}
# A time of creation is not loaded: that it is one is all that can be said.
TIME, MISSING = object(), object()
exact = {"parse_int": Decimal, "parse_float": Decimal}


def value_of(record, field):
    """What a field leads to: through an array, what it finds in each of its objects."""
    if field in ("createdTime", "updatedTime"):
        return TIME
    return found(record, [BUILT_IN.get(field, field)] if "/" not in field else field.split("/"))


def found(value, names):
    for at, name in enumerate(names):
        if isinstance(value, list):
            inner = [found(item, names[at:]) for item in value]
            # So that what is found in the items by one field stands at the places of what another one finds.
            return [None if item is MISSING else item for item in inner]
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def nested(record):
    """The fields of a record as a document, called as they were asked for."""
    out = {}
    for field in fields:
        value = value_of(record, field)
        if value is MISSING:
            continue
        head, _, inside = field.partition("/")
        if inside and isinstance(record.get(head), list):
            items = out.setdefault(head, [{} for _ in record[head]])
            for place, item in zip(items, record[head]):
                if inside in item:
                    place[inside] = item[inside]
        elif inside:
            out.setdefault(head, {})[inside] = value
        else:
            out[head] = value
    return out


def is_time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).year >= 2026


def same(got, expected):
    if expected is TIME:
        return is_time(got)
    if isinstance(expected, dict):
        return list(got) == list(expected) and all(same(got[key], value) for key, value in expected.items())
    return type(got) is type(expected) and got == expected


def is_cell(cell, value):
    if value is TIME:
        return is_time(cell)
    if value is MISSING or value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if isinstance(value, Decimal):
        return Decimal(cell) == value
    if isinstance(value, str):
        # What a spreadsheet would take for a formula has an apostrophe in front.
        return cell == ("'" + value if value[:1] in tuple("=+-@\t\r\n") else value)
    return json.loads(cell, **exact) == value


def is_element(element, value):
    nil = element.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"
    text = element.text or ""
    if value is None or nil:
        return value is None and nil and not len(element) and text == ""
    if isinstance(value, dict):
        names = [child.tag for child in element]
        return names == list(value) and all(is_element(child, value[child.tag]) for child in element)
    if isinstance(value, list):
        tags = {child.tag for child in element}
        return len(element) == len(value) and tags <= {"item"} and all(map(is_element, element, value))
    if len(element):
        return False
    if value is TIME:
        return is_time(text)
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    return Decimal(text) == value if isinstance(value, Decimal) else text == value


def as_printed(value, name=""):
    """Names and texts of a document's rows."""
    if isinstance(value, dict) and value:
        for key, member in value.items():
            yield from as_printed(member, f"{name}/{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for number, item in enumerate(value, 1):
            yield from as_printed(item, f"{name}/{number}")
    elif isinstance(value, list) and value:
        yield name, "".join(printed(item) for item in value)
    else:
        yield name, printed(value)


def printed(value):
    if value is TIME:
        return TIME
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # Lines of a text are lines of its cell, which is read back without their ends.
        return value.replace("\n", "").replace("\r", "").replace("\t", " ")
    return {"[]": "[]", "{}": "{}"}[json.dumps(value)] if isinstance(value, (list, dict)) else str(value)


def rows_of(document):
    """Titles and rows of a PDF's pages: what stands in the left column of a table, and beside it in the right one."""
    import pypdf

    reader = pypdf.PdfReader(io.BytesIO(document))
    rows, count = [], len(reader.pages)
    for number, page in enumerate(reader.pages, 1):
        texts = []

        def visit(text, _cm, matrix, _font, size):
            if text.strip("\n"):
                texts.append((round(matrix[4]), text.strip("\n")))

        page.extract_text(visitor_text=visit)
        # What stands beside something on its line comes with a blank in front.
        words = [text.removeprefix(" ") for _, text in texts]
        assert words[-1] == f"Page {number} of {count}", words[-1]
        head = 1 if number == 1 else 0
        assert words[head : head + 2] == ["Property", "Value"], words
        left, right = texts[head][0], texts[head + 1][0]
        if number == 1:
            assert words[0] == reader.metadata.title[:60]
        places = [x for x, _ in texts]
        rows.extend((place == left, text) for place, text in zip(places[head + 2 : -1], words[head + 2 : -1]))
        assert set(places[head:-1]) == {left, right}
    return reader.metadata.title, rows


with open(loaded, encoding="utf-8") as lines:
    records = {record["_id"]: record for record in (json.loads(line, **exact) for line in lines)}
with open(path, "rb") as file:
    content = file.read()
text = None if kind == "pdf" else content.decode("utf-8")
seen = set()


def take(id):
    assert id not in seen, f"{id} is there twice"
    seen.add(id)
    return records[id]


if kind == "csv":
    assert text.startswith(",".join(fields) + "\r\n"), text[:200]
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        record = take(row[fields.index("id")])
        assert len(row) == len(fields), row
        for field, cell in zip(fields, row):
            assert is_cell(cell, value_of(record, field)), (field, cell, record)
elif kind == "detailed-csv":
    rows = csv.reader(io.StringIO(text, newline=""))
    header, lines_of = next(rows), {}
    for row in rows:
        lines_of.setdefault(row[header.index("id")], []).append(row)
    heads = list(dict.fromkeys(name.split("/")[0] for name in header))
    arrays = [head for head in heads if head in ("lines", "tags")]
    for id, rows in lines_of.items():
        record = take(id)
        # Arrays take turns: on the line of an item the others are empty.
        alone = {**record, **{array: [] for array in arrays}}
        expected = [{**alone, array: [item]} for array in arrays for item in record[array]] or [alone]
        assert len(rows) == len(expected), id
        for row, around in zip(rows, expected):
            for field, cell in zip(header, row):
                value = value_of(around, field)
                if field.split("/")[0] in arrays:
                    value = value[0] if value else MISSING
                assert is_cell(cell, value), (field, cell, around)
    for field in fields:
        assert any(name == field or name.startswith(field + "/") for name in header), (field, header)
    declared = [name for name in header if name != "extra"]
    assert not any(type(value_of(record, name)) is dict for name in declared for record in records.values()), header
elif kind == "json":
    for document in json.loads(text, **exact):
        record = take(document["id"])
        assert same(document, nested(record)), (document, nested(record))
elif kind == "json-api":
    for resource in json.loads(text, **exact):
        assert list(resource) == ["type", "id", "attributes", "relationships"] and resource["type"] == "invoices"
        record = take(resource["id"])
        expected = nested(record)
        assert expected.pop("id") == resource["id"]
        linked = {}
        if "customer" in expected:
            customer = expected.pop("customer")
            linked["customer"] = {"data": customer and {"type": "customers", "id": customer}}
        assert same(resource["attributes"], expected), (resource["attributes"], expected)
        assert resource["relationships"] == linked, resource
elif kind == "xml":
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<invoices'), text[:100]
    root = xml.fromstring(content)
    assert root.tag == "invoices"
    for element in root:
        assert element.tag == "invoice"
        record = take(element.find("id").text)
        assert is_element(element, nested(record)), (xml.tostring(element), nested(record))
else:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if not name.endswith(".pdf"):
                continue
            title, rows = rows_of(archive.read(name))
            kind_of, id = title.split(" ", 1)
            assert kind_of == "Invoice"
            expected, got, at = list(as_printed(nested(take(id)))), [], 0
            for name, value in expected:
                texts = {True: "", False: ""}
                # Each row's name comes first, cut into lines as its value is.
                while texts[True] != name:
                    texts[True], at = texts[True] + rows[at][1], at + 1
                while at < len(rows) and not rows[at][0]:
                    texts[False], at = texts[False] + rows[at][1], at + 1
                got.append((name, texts[False]))
            assert at == len(rows), (rows, expected)
            for (name, value), (_, text) in zip(expected, got):
                assert is_time(text) if value is TIME else text == value, (id, name, text, value)
assert seen == records.keys(), (len(seen), len(records))
print(len(seen))
