// Which segment is looked at, and how one goes from one to the next.

function choose(id, { go = true, tell = true } = {}) {
  state.selected = id;
  const segment = selected();
  if (segment && go) {
    pause();
    goTo(insideOf(frames(), Math.min(frameFrom(frames(), segment.start), frames().times.length - 1)));
    showSegment(segment);
  }
  if (segment && tell) announce(told(segment));
  showPanel();
  showList();
  redraw();
}

function told(segment) {
  const score = segment.score === null ? "" : `, ${data.videos[state.video].overlapping ? "score" : "confidence"} ${percent(segment.score)}`;
  return `${nameOf(segment.label)}, ${clock(segment.start)} to ${clock(segment.end)}${score}${segment.own ? ", corrected" : ""}`;
}

// The next (1) or the one before (-1) in order of time, from the chosen one or from where the video is.
function chooseNeighbour(direction) {
  const list = work().segments.filter((one) => isShown(one));
  const place = list.findIndex((one) => one.id === state.selected);
  let next = place + direction;
  if (place < 0) {
    const here = firstWhereNot(list.length, (one) => list[one].start <= now() + EXACT);
    next = direction > 0 ? here : here - 1;
  }
  if (list[next]) choose(list[next].id);
}

// The next one in the order of the list.
function chooseListed(direction) {
  const list = listed();
  const place = list.findIndex((one) => one.id === state.selected);
  const next = list[place < 0 ? 0 : place + direction];
  if (next) choose(next.id);
}

// The segment that an edit is about: the chosen one, if the video is in it or `anywhere`, else what is shown now.
function target(anywhere = true) {
  const segment = selected();
  const here = segmentsAt(work().segments, now());
  if (segment && (anywhere || here.includes(segment))) return segment;
  return here[0] || null;
}

const facts = () => ({ overlapping: data.videos[state.video].overlapping, background: data.classes.findIndex((one) => one.background) });

function label(number) {
  const segment = target();
  if (segment) apply(relabelled(work().segments, segment.id, number), `now ${nameOf(number)}`);
}

function split() {
  const segment = target(false);
  const edit = segment && splitAt(work().segments, segment.id, edgeOf(frames(), frameAt(frames(), now())), frames());
  if (!apply(edit, "split")) announce("Nothing to split: go inside a segment, behind its first frame.");
}

function merge(direction) {
  const segment = target();
  if (!segment || !apply(joined(work().segments, segment.id, direction, facts().overlapping), "merged")) announce("There is nothing to merge with.");
}

function remove() {
  const segment = target();
  if (segment) apply(removed(work().segments, segment.id, facts().overlapping, facts().background), "deleted");
}

// A second from here on, or less where the video ends; in a video without gaps at most until the next segment.
function add() {
  const start = edgeOf(frames(), frameAt(frames(), now()));
  const here = segmentsAt(work().segments, now())[0];
  const limit = facts().overlapping || !here ? frames().end : here.end;
  const end = Math.min(edgeOf(frames(), Math.max(frameAt(frames(), start + 1), frameAt(frames(), start) + 1)), limit);
  const chosen = selected();
  const usual = byFrequency().find((number) => !data.classes[number].background && (!here || here.label !== number));
  const number = facts().overlapping && chosen ? chosen.label : usual === undefined ? 0 : usual;
  if (apply(added(work().segments, start, end, number, facts().overlapping), "added; choose its label")) byId("label").focus();
}

// Moves an edge of the chosen segment to the frame that is shown: its start before, its end behind that frame.
function edgeHere(side) {
  const segment = selected();
  if (!segment) return;
  const frame = frameAt(frames(), now());
  moveEdge(side, edgeOf(frames(), side === "start" ? frame : frame + 1));
}

function moveEdge(side, time) {
  const segment = selected();
  const edit = segment && movedEdge(work().segments, segment.id, side, time, frames(), facts().overlapping);
  if (!apply(edit, `${side} moved`)) showPanel();
}

// Class ids, the most frequent in the predictions first.
function byFrequency() {
  return data.classes.map((_, number) => number).sort((a, b) => data.classes[b].count - data.classes[a].count || a - b);
}
