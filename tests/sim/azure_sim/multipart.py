"""Reads multipart/form-data: the parts with their names and bytes."""

import hashlib
from email.parser import BytesHeaderParser


class Part:
    def __init__(self, head, data):
        headers = BytesHeaderParser().parsebytes(head)
        self.name = headers.get_param("name", header="content-disposition")
        self.filename = headers.get_filename()
        self.type = headers.get_content_type()
        self.data = data

    def report(self):
        return {
            "name": self.name,
            "filename": self.filename,
            "type": self.type,
            "size": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
        }


def parse(content_type, body):
    """The parts in order, or ValueError."""
    head = BytesHeaderParser().parsebytes(
        b"Content-Type: " + (content_type or "").encode("latin-1") + b"\r\n\r\n"
    )
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise ValueError("not multipart/form-data")
    mark = b"--" + boundary.encode("latin-1")
    sections = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise ValueError("the last boundary is missing")
    parts = []
    for section in sections[1:-1]:
        head, found, data = section.lstrip(b" \t")[2:].partition(b"\r\n\r\n")
        if not found:
            raise ValueError("a part without a head")
        parts.append(Part(head, data))
    return parts
