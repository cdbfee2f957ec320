"""XML files that somebody else wrote: parsed without what they could make a parser fetch or unfold."""

import gzip

from lxml import etree

from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import read_packed, why_unreadable


def read_xml(path, expected):
    """(root element, []) of a file, which may be compressed (gzip), or (None, [Problem])."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=False)
    try:
        root = etree.fromstring(read_packed(path).encode(), parser)
    except etree.XMLSyntaxError as error:
        line = (error.position or (0,))[0]
        return None, [Problem(str(path), line or 0, f"no XML ({error.msg})", f"expected {expected}")]
    except (OSError, ValueError, EOFError, gzip.zlib.error) as error:
        return None, [Problem(str(path), 0, why_unreadable(error), f"expected {expected}")]
    if root.getroottree().docinfo.doctype:
        # Entities of its own could be texts that are not here.
        return None, [Problem(str(path), 1, "a DOCTYPE", f"expected {expected}, which has none")]
    return root, []


def xml_text(root):
    """The text of a file with this root element, indented."""
    etree.indent(root, "    ")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True).decode() + "\n"
