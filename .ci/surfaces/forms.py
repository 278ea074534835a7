"""What Schemathesis cannot know of the surfaces by itself."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    """One JSON value a line; a document that is no array is one line."""
    import json

    lines = value if isinstance(value, list) else [value]
    return {"data": "".join(json.dumps(line) + "\n" for line in lines).encode()}


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    """The gateway cuts a path at a question mark, encoded or not: what is behind it asks for something else."""
    return not any("?" in str(value) for value in (path_parameters or {}).values())


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """A signature is no secret to be sent: one that is wrong in form is a bad request, as the product has it."""
    raw_schema["security"] = [way for way in raw_schema.get("security", []) if "signature" not in way]
