"""Files, tables and figures of detections."""
