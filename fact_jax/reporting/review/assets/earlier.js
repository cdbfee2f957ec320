// Corrections that were made on other predictions of videos that are called as those here, and never saved as a file.

// {video index: {key, when, left}} of the newest of every video; `left` is what `keep` stored.
function earlier() {
  const found = new Map();
  for (const key of storedKeys()) {
    const [, , id] = key.match(/^review:([0-9a-f]+):(.*)$/s) || [];
    const index = data.videos.findIndex((video) => video.id === id);
    const left = index < 0 || key === keyOf(index) ? null : stored(key);
    if (!left || !left.segments || left.saved) continue;
    const when = left.when || 0;
    if (!found.has(index) || found.get(index).when < when) found.set(index, { key, when, left });
  }
  return found;
}

function storedKeys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return []; // nothing could be kept
  }
}

// Whether segments [name, start, end, ...] lie in this video: other lengths are of another video of that name.
function fits(index, segments) {
  const { times, end } = framesOf(index);
  const [first, last] = [Math.min(...segments.map((one) => one[1])), Math.max(...segments.map((one) => one[2]))];
  if (data.videos[index].overlapping) return first >= 0 && last <= end + EXACT;
  return Math.abs(first - times[0]) <= EXACT && Math.abs(last - end) <= EXACT;
}

function tellEarlier() {
  const found = [...earlier()];
  const fitting = found.filter(([index, { left }]) => fits(index, left.segments));
  byId("earlier").hidden = !found.length;
  if (!found.length) return;
  const [, { when }] = found[0];
  const names = found.map(([index]) => data.videos[index].id).slice(0, 3).join(", ") + (found.length > 3 ? ", ..." : "");
  const day = when ? ` on ${new Date(when).toLocaleString()}` : "";
  const other = found.length - fitting.length;
  const misfit = other ? ` Those of ${plural(other, "video")} are of another length and cannot be taken.` : "";
  byId("earlier-count").textContent = `Corrections of ${plural(found.length, "video")} (${names}) were made on other predictions${day} and not saved as a file.${misfit}`;
  byId("take-earlier").hidden = !fitting.length;
}

// Puts them in the place of the predictions here; undo brings these back.
function takeEarlier() {
  for (const [index, { key, left }] of earlier()) {
    if (!fits(index, left.segments)) continue;
    const one = workOf(index);
    one.past.push({ segments: one.segments, selected: null });
    one.future = [];
    one.segments = segmentsFrom(left.segments);
    one.checked = left.checked;
    if (keep(index)) drop(key);
  }
  state.selected = null;
  refresh();
  tellEarlier();
  announce("The earlier corrections are here now.");
}

function dropEarlier() {
  for (const { key } of earlier().values()) drop(key);
  tellEarlier();
}
