// Corrections of a list of segments {id, label, start, end, score, own}. Every function gives {segments, selected}, a
// new list with the id of the segment to look at, or null where it cannot be done. Segments of a video that is cut
// without a gap stay so; others (`overlapping`) are moved alone.

let lastId = 0;
const newId = () => (lastId += 1);
const byTime = (a, b) => a.start - b.start || a.end - b.end || a.id - b.id;

// What somebody corrected has no confidence of the network any more.
const corrected = (segment, changes) => ({ ...segment, ...changes, score: null, own: true });

function replaced(segments, changed) {
  const list = segments.map((segment) => changed.get(segment.id) || segment);
  return list.sort(byTime);
}

function relabelled(segments, id, label) {
  const segment = segments.find((one) => one.id === id);
  if (!segment || segment.label === label) return null;
  return { segments: replaced(segments, new Map([[id, corrected(segment, { label })]])), selected: id };
}

// Moves the start or the end of a segment to the edge of a frame, and its neighbour's with it.
function movedEdge(segments, id, side, time, frames, overlapping) {
  const place = segments.findIndex((one) => one.id === id);
  const segment = segments[place];
  if (!segment) return null;
  const neighbour = overlapping ? null : segments[place + (side === "start" ? -1 : 1)];
  if (!overlapping && !neighbour) return null;
  // Every segment keeps a frame at least.
  const [left, right] = side === "start" ? [neighbour, segment] : [segment, neighbour];
  const low = left ? edgeOf(frames, frameAt(frames, left.start) + 1) : frames.times[0];
  const high = right ? edgeOf(frames, frameFrom(frames, right.end) - 1) : frames.end;
  const edge = clamp(nearestEdge(frames, time), low, Math.max(high, low));
  if (edge === segment[side]) return null;
  const changed = new Map([[id, corrected(segment, { [side]: edge })]]);
  if (neighbour) changed.set(neighbour.id, corrected(neighbour, { [side === "start" ? "end" : "start"]: edge }));
  return { segments: replaced(segments, changed), selected: id };
}

// The first frame that begins at a time or after it.
function frameFrom(frames, time) {
  return firstWhereNot(frames.times.length, (frame) => frames.times[frame] < time - EXACT);
}

function splitAt(segments, id, time, frames) {
  const segment = segments.find((one) => one.id === id);
  const edge = edgeOf(frames, frameAt(frames, time));
  if (!segment || edge <= segment.start + EXACT || edge >= segment.end - EXACT) return null;
  const second = corrected(segment, { id: newId(), start: edge });
  const first = corrected(segment, { end: edge });
  return { segments: [...replaced(segments, new Map([[id, first]])), second].sort(byTime), selected: second.id };
}

// A segment and the one before it (-1) or behind it (1) become one, with the label of the first of these two names.
function joined(segments, id, direction, overlapping) {
  const place = segments.findIndex((one) => one.id === id);
  const segment = segments[place];
  let other = segments[place + direction];
  if (overlapping && segment) {
    const same = segments.filter((one) => one.label === segment.label);
    other = same[same.indexOf(segment) + direction];
  }
  if (!segment || !other) return null;
  const whole = { start: Math.min(segment.start, other.start), end: Math.max(segment.end, other.end) };
  const rest = segments.filter((one) => one.id !== other.id);
  return { segments: replaced(rest, new Map([[id, corrected(segment, whole)]])), selected: id };
}

// What is removed from a video without gaps becomes background or, where there is no such class, part of a neighbour.
function removed(segments, id, overlapping, background) {
  const place = segments.findIndex((one) => one.id === id);
  const segment = segments[place];
  if (!segment) return null;
  const next = segments[place + 1] || segments[place - 1] || null;
  if (overlapping) return { segments: segments.filter((one) => one.id !== id), selected: next && next.id };
  if (background >= 0) return relabelled(segments, id, background);
  const before = segments[place - 1];
  return next && joined(segments, (before || next).id, before ? 1 : -1, false);
}

// A new segment; what lies below it in a video without gaps is cut.
function added(segments, start, end, label, overlapping) {
  if (!(end > start)) return null;
  const made = { id: newId(), label, start, end, score: null, own: true };
  if (overlapping) return { segments: [...segments, made].sort(byTime), selected: made.id };
  const list = [made];
  for (const segment of segments) {
    const [before, after] = [segment.start < start, segment.end > end];
    if (segment.end <= start || segment.start >= end) list.push(segment);
    else {
      if (before) list.push(corrected(segment, { end: start }));
      if (after) list.push(corrected(segment, { start: end, id: before ? newId() : segment.id }));
    }
  }
  return { segments: list.sort(byTime), selected: made.id };
}
