// What is made of the prediction of every video: its corrected segments, which can be undone.

const MOST_STEPS = 500;
const works = new Map();

function segmentsOf(index, flat) {
  const video = data.videos[index];
  const edge = video.overlapping ? (time) => time : (frame) => edgeOf(framesOf(index), frame);
  const segments = [];
  for (let place = 0; place < flat.length; place += 4) {
    const [label, start, end, score] = flat.slice(place, place + 4);
    segments.push({ id: newId(), label, start: edge(start), end: edge(end), score, own: false });
  }
  return segments;
}

// {truth, predicted, segments, past, future, checked, edited} of a video.
function workOf(index) {
  if (!works.has(index)) {
    const { truth, predicted } = data.videos[index];
    const found = segmentsOf(index, predicted);
    const work = { truth: truth && segmentsOf(index, truth), predicted: found, segments: found, past: [], future: [], checked: false };
    works.set(index, work);
    restore(index, work);
  }
  return works.get(index);
}

const work = () => workOf(state.video);
const isEdited = (one) => one.segments !== one.predicted;
const selected = () => work().segments.find((segment) => segment.id === state.selected) || null;

// Takes what a function of edits.js gave; returns whether there was anything to do.
function apply(edit, why) {
  if (!edit) return false;
  const one = work();
  one.past.push({ segments: one.segments, selected: state.selected });
  if (one.past.length > MOST_STEPS) one.past.shift();
  one.future = [];
  one.segments = edit.segments;
  state.selected = edit.selected;
  changed(why);
  return true;
}

function travel(from, to, why) {
  const step = from.pop();
  if (!step) return;
  to.push({ segments: work().segments, selected: state.selected });
  work().segments = step.segments;
  state.selected = step.selected;
  changed(why);
}

const undo = () => travel(work().past, work().future, "undone");
const redo = () => travel(work().future, work().past, "done again");

function changed(why) {
  keep(state.video);
  refresh();
  if (why) announce(why);
}

// Scores below the threshold hide detections; what somebody made or corrected stays.
function isShown(segment, video = data.videos[state.video]) {
  return !video.overlapping || segment.score === null || segment.score >= state.threshold;
}
