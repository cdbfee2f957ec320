#!/usr/bin/env bash
# Guess: pympi reads an ELAN document (.eaf) and writes it again as it was, and knows when its annotations are.
# Found: annotations lose their references to entries of a vocabulary (CVE_REF) and to categories (EXT_REF), by which ELAN
# knows which entry they are; time slots without a time, which ELAN spreads evenly, have none; and every part of a symbolic subdivision gets the whole time of the annotation that is divided.
# Tried: pympi-ling 1.71, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pympi-ling==1.71
cat > "$folder/a.eaf" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-12-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
    <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="3000"/>
  </TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="gesture" TIER_ID="gestures"><ANNOTATION>
    <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" CVE_REF="c1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE>hold</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
  <TIER LINGUISTIC_TYPE_REF="timesub" PARENT_REF="gestures" TIER_ID="parts"><ANNOTATION>
    <ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
      <ANNOTATION_VALUE>first</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION><ANNOTATION>
    <ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE>second</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
  <TIER LINGUISTIC_TYPE_REF="symsub" PARENT_REF="gestures" TIER_ID="words"><ANNOTATION>
    <REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a1">
      <ANNOTATION_VALUE>one</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION><ANNOTATION>
    <REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="a4">
      <ANNOTATION_VALUE>two</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
  <LINGUISTIC_TYPE CONTROLLED_VOCABULARY_REF="v" LINGUISTIC_TYPE_ID="gesture" TIME_ALIGNABLE="true"/>
  <LINGUISTIC_TYPE CONSTRAINTS="Time_Subdivision" LINGUISTIC_TYPE_ID="timesub" TIME_ALIGNABLE="true"/>
  <LINGUISTIC_TYPE CONSTRAINTS="Symbolic_Subdivision" LINGUISTIC_TYPE_ID="symsub" TIME_ALIGNABLE="false"/>
  <LANGUAGE LANG_ID="und"/>
  <CONSTRAINT DESCRIPTION="a" STEREOTYPE="Time_Subdivision"/>
  <CONSTRAINT DESCRIPTION="b" STEREOTYPE="Symbolic_Subdivision"/>
  <CONTROLLED_VOCABULARY CV_ID="v"><DESCRIPTION LANG_REF="und"/>
    <CV_ENTRY_ML CVE_ID="c1"><CVE_VALUE LANG_REF="und">hold</CVE_VALUE></CV_ENTRY_ML></CONTROLLED_VOCABULARY>
</ANNOTATION_DOCUMENT>
XML
cat > "$folder/probe.py" <<'PY'
import sys

import pympi

document = pympi.Eaf(sys.argv[1])
document.to_file(sys.argv[2])
before, after = (open(path, encoding="utf-8").read().count("CVE_REF") for path in sys.argv[1:3])
words = [span[:2] for span in document.get_annotation_data_for_tier("words")]
slots = document.timeslots
print(f"CVE_REF: {before} before, {after} after; words {words}; slots {slots}")
assert (before, after) == (1, 0)
assert words == [(1000, 3000), (1000, 3000)]
assert slots["ts2"] is None
PY
"$folder/venv/bin/python" "$folder/probe.py" "$folder/a.eaf" "$folder/b.eaf"
