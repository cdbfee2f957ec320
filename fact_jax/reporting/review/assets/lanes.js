// The tracks of the timeline: what is drawn where. Segments that overlap lie in lanes below each other.

const [NAME_HEIGHT, PLAIN_HEIGHT, OWN_HEIGHT, LANE_HEIGHT, CURVE_HEIGHT, AXIS_HEIGHT] = [17, 22, 34, 19, 34, 20];
const MOST_LANES = 16;
const laned = new WeakMap();

// {lanes, of: Map from id to lane, left: how many found no lane} of segments, some of which may be hidden.
function lanesOf(segments) {
  const known = laned.get(segments);
  if (known && known.threshold === state.threshold) return known;
  const ends = [];
  const found = { threshold: state.threshold, lanes: 1, of: new Map(), left: 0 };
  for (const segment of segments) {
    if (!isShown(segment)) continue;
    let lane = ends.findIndex((end) => end <= segment.start + EXACT);
    if (lane < 0) lane = ends.length;
    if (lane >= MOST_LANES) {
      found.left += 1;
      continue;
    }
    ends[lane] = segment.end;
    found.of.set(segment.id, lane);
  }
  found.lanes = Math.max(ends.length, 1);
  laned.set(segments, found);
  return found;
}

// [{name, kind, segments, top, height, lanes}] from top to bottom, and the height of all.
function layTracks() {
  const { overlapping, curve } = data.videos[state.video];
  const { truth, predicted, segments } = work();
  const tracks = [];
  let top = AXIS_HEIGHT;
  const put = (name, kind, list, plain) => {
    const lanes = overlapping && list ? lanesOf(list) : null;
    const height = lanes ? lanes.lanes * LANE_HEIGHT : plain;
    const more = lanes && lanes.left ? ` (${lanes.left} more do not fit: raise the least score)` : "";
    tracks.push({ name: name + more, kind, segments: list, top: top + NAME_HEIGHT, height, lanes });
    top += NAME_HEIGHT + height + 4;
  };
  if (truth) put("ground truth", "truth", truth, PLAIN_HEIGHT);
  if (segments !== predicted) put("prediction", "predicted", predicted, PLAIN_HEIGHT);
  put(segments === predicted ? "prediction, to be corrected" : "corrected", "own", segments, OWN_HEIGHT);
  const scored = predicted.some((one) => one.score !== null);
  if (!overlapping && (curve || scored)) put("confidence", "curve", null, CURVE_HEIGHT);
  return { tracks, height: top };
}

// The part of a track's list that may be seen: segments are in order of their starts.
function seen(segments, overlapping) {
  const last = firstWhereNot(segments.length, (place) => segments[place].start < state.to);
  const first = overlapping ? 0 : firstWhereNot(segments.length, (place) => segments[place].end <= state.from);
  return segments.slice(first, last).filter((one) => one.end > state.from && isShown(one));
}

// Top and height of a segment.
function boxOf(track, segment) {
  if (!track.lanes) return [track.top, track.height];
  const lane = track.lanes.of.get(segment.id);
  return lane === undefined ? null : [track.top + lane * LANE_HEIGHT, LANE_HEIGHT - 2];
}
