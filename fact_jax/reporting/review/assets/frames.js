// When the frames of a video are shown. Labels begin and end where a frame begins, or where the last one ends.

const EXACT = 1e-6;
const INSIDE = 1e-4; // seconds
const expanded = new Map();

// {times: the second at which each frame is shown, end: at which the last one ends} of a video.
function framesOf(index) {
  if (!expanded.has(index)) {
    // The numbers of hours take megabytes: only those of one video are kept.
    expanded.clear();
    expanded.set(index, expand(data.videos[index].grid));
  }
  return expanded.get(index);
}

function expand({ first, unit, runs, end }) {
  let count = 1;
  for (let place = 1; place < runs.length; place += 2) count += runs[place];
  const times = new Float64Array(count);
  let sum = 0;
  let frame = 0;
  times[0] = (first * unit[0]) / unit[1];
  for (let place = 0; place < runs.length; place += 2) {
    for (let number = 0; number < runs[place + 1]; number += 1) {
      sum += runs[place];
      frame += 1;
      times[frame] = ((first + sum) * unit[0]) / unit[1];
    }
  }
  return { times, end };
}

// The frame that a player shows at a time: the last one that began; the first one before all.
function frameAt(frames, time) {
  return Math.max(firstWhereNot(frames.times.length, (frame) => frames.times[frame] <= time + EXACT) - 1, 0);
}

// Where a frame begins; the one behind the last is the end.
function edgeOf(frames, frame) {
  return frame >= frames.times.length ? frames.end : frames.times[Math.max(frame, 0)];
}

// The beginning of a frame, or the end of the last one, that is nearest to a time.
function nearestEdge(frames, time) {
  const frame = frameAt(frames, time);
  const [before, after] = [edgeOf(frames, frame), edgeOf(frames, frame + 1)];
  return time - before <= after - time ? before : after;
}

// A time at which certainly this frame is shown: players round the times that they are sent to.
function insideOf(frames, frame) {
  const begins = edgeOf(frames, frame);
  return begins + Math.min((edgeOf(frames, frame + 1) - begins) / 2, INSIDE);
}
